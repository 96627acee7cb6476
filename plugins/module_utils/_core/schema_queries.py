# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries that describe a schema by what a dump keeps: no OIDs, no positions of dropped columns, no objects of extensions.

Each row has a text that is compared to the letter, and an expression that is compared as ``normalised`` makes it. They expect
an empty search_path, so that every name is written with its schema.
"""

from __future__ import annotations

import re
from typing import List

_WORD = r'(?:"(?:[^"]|"")*"|\w+)'
_CAST = re.compile(
    rf"::{_WORD}(?:\.{_WORD})*(?: varying| precision)?(?: ?\(\d+(?:,-?\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])*",
)
_BRACKETS = re.compile(r"[()\s]+")
_FIRST_USER_OID = 16384


def normalised(expression: str) -> str:
    """Without casts, brackets and blanks: Postgres writes ``x IN ('a', 'b')`` differently after it was dumped and read again."""
    return _BRACKETS.sub("", _CAST.sub("", expression))


def schema_queries(server_version: int) -> List[str]:
    """Every query gives the columns ``said`` and ``expression``."""
    body = "pg_get_function_sqlbody(p.oid)" if server_version >= 140000 else "NULL"
    return [query.replace("@SQLBODY@", body) for query in _QUERIES]


def own(catalog: str, alias: str) -> str:
    """Made by users, and not by an extension."""
    member = f"SELECT 1 FROM pg_depend e WHERE e.classid = '{catalog}'::regclass AND e.objid = {alias}.oid AND e.deptype = 'e'"
    return f"{alias}.oid >= {_FIRST_USER_OID} AND NOT EXISTS ({member})"


def _acl(kind: str, acl: str, owner: str) -> str:
    """Who may do what, as a text that does not tell default privileges from the same ones written out."""
    grantee = "CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee)::text END"
    privilege = f"{grantee} || '=' || a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END"
    return (
        f"""array_to_string(ARRAY(SELECT DISTINCT ({privilege}) COLLATE "C" FROM aclexplode(coalesce({acl}, acldefault(({kind})::"char", {owner}))) a"""
        " ORDER BY 1), ',')"
    )


USERS_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_RELATION = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
_IN_PARENT = "(SELECT array_agg(i.inhparent::regclass::text ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid)"
_SCHEMA_ACL = _acl("'n'", "n.nspacl", "n.nspowner")
_RELATION_ACL = _acl("CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END", "c.relacl", "c.relowner")
_COLUMN_ACL = _acl("'c'", "a0.attacl", "c.relowner")
_FUNCTION_ACL = _acl("'f'", "p.proacl", "p.proowner")
_TYPE_ACL = _acl("'T'", "t.typacl", "t.typowner")
_DEFAULT_ACL = _acl("d.defaclobjtype", "d.defaclacl", "d.defaclrole")
_COMMENTED = ", ".join(f"'pg_{name}'::regclass" for name in ("class", "type", "proc", "namespace", "constraint", "trigger", "policy"))

_SCHEMAS = f"""SELECT concat_ws('|', 'schema', n.nspname, pg_get_userbyid(n.nspowner), {_SCHEMA_ACL}) AS said,
  NULL AS expression FROM pg_namespace n WHERE {USERS_SCHEMA} AND (n.nspname = 'public' OR {own("pg_namespace", "n")})"""

_RELATIONS = f"""SELECT concat_ws('|', 'relation', c.oid::regclass, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner), {_RELATION_ACL},
    ARRAY(SELECT o COLLATE "C" FROM unnest(c.reloptions) o ORDER BY 1), c.relreplident, c.relrowsecurity, c.relforcerowsecurity,
    c.relispopulated, {_IN_PARENT}, CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype END) AS said,
  concat_ws('|', pg_get_expr(c.relpartbound, c.oid), CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END) AS expression
  {_RELATION} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND c.relpersistence <> 't' AND {USERS_SCHEMA} AND {own("pg_class", "c")}"""

# Of the options only those that are dumped: a server may keep notes of its own among them.
# A table that inherits gets its parents' columns first when it is restored; elsewhere the order is kept.
_COLUMNS = f"""SELECT concat_ws('|', 'column', c.oid::regclass, a0.attname,
    CASE WHEN c.relispartition OR {_IN_PARENT} IS NULL THEN row_number() OVER (PARTITION BY c.oid ORDER BY a0.attnum) END,
    format_type(a0.atttypid, a0.atttypmod), a0.attnotnull, a0.attidentity, a0.attgenerated, a0.attstorage,
    (SELECT l.collname FROM pg_collation l WHERE l.oid = a0.attcollation),
    ARRAY(SELECT o COLLATE "C" FROM unnest(a0.attoptions) o WHERE o LIKE 'n_distinct%' ORDER BY 1), {_COLUMN_ACL}) AS said,
  pg_get_expr(d.adbin, d.adrelid) AS expression
  {_RELATION} JOIN pg_attribute a0 ON a0.attrelid = c.oid AND a0.attnum > 0 AND NOT a0.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a0.attnum
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't' AND {USERS_SCHEMA} AND {own("pg_class", "c")}"""

# Of partitions, only what was not made by their parent: the server names that anew. NOT NULL is part of the column.
_CONSTRAINTS = f"""SELECT concat_ws('|', 'constraint', o.conrelid::regclass, o.contypid::regtype, o.conname, o.contype, o.convalidated, o.condeferred) AS said,
  pg_get_constraintdef(o.oid) AS expression
  FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
  WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND o.conparentid = 0 AND {USERS_SCHEMA} AND o.oid >= {_FIRST_USER_OID}
  AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND (e.classid, e.objid) IN
    (('pg_class'::regclass::oid, o.conrelid), ('pg_type'::regclass::oid, o.contypid)))"""

# An invalid index is not dumped.
_INDEXES = f"""SELECT concat_ws('|', 'index', c.oid::regclass, x.indisclustered, x.indisreplident) AS said, pg_get_indexdef(c.oid) AS expression
  {_RELATION} JOIN pg_index x ON x.indexrelid = c.oid
  WHERE c.relpersistence <> 't' AND (x.indisvalid OR c.relkind = 'I') AND x.indisready AND {USERS_SCHEMA} AND {own("pg_class", "c")}"""

_TRIGGERS = f"""SELECT concat_ws('|', 'trigger', t.tgrelid::regclass, t.tgname, t.tgenabled) AS said, pg_get_triggerdef(t.oid) AS expression
  FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND {own("pg_trigger", "t")}"""

_RULES = f"""SELECT concat_ws('|', 'rule', r.ev_class::regclass, r.rulename, r.ev_enabled) AS said, pg_get_ruledef(r.oid) AS expression
  FROM pg_rewrite r WHERE r.rulename <> '_RETURN' AND {own("pg_rewrite", "r")}"""

_POLICIES = """SELECT concat_ws('|', 'policy', p.polrelid::regclass, p.polname, p.polpermissive, p.polcmd,
    ARRAY(SELECT pg_get_userbyid(r) FROM unnest(p.polroles) r WHERE r <> 0 ORDER BY 1)) AS said,
  concat_ws('|', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) AS expression FROM pg_policy p"""

_FUNCTIONS = f"""SELECT concat_ws('|', 'function', p.oid::regprocedure, p.prokind, pg_get_userbyid(p.proowner), l.lanname, pg_get_function_result(p.oid),
    p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof, p.proparallel, p.procost, p.prorows,
    ARRAY(SELECT s COLLATE "C" FROM unnest(p.proconfig) s ORDER BY 1), {_FUNCTION_ACL}, p.prosrc, p.probin,
    g.aggtransfn, g.aggfinalfn, g.agginitval, g.aggsortop::regoper) AS said,
  concat_ws('|', pg_get_function_arguments(p.oid), @SQLBODY@) AS expression
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid
  WHERE {USERS_SCHEMA} AND {own("pg_proc", "p")}"""

# Not the types that come with a table, an array or a range.
_TYPES = f"""SELECT concat_ws('|', 'type', t.oid::regtype, t.typtype, pg_get_userbyid(t.typowner), {_TYPE_ACL},
    CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END, t.typnotnull, r.rngsubtype::regtype,
    ARRAY(SELECT m.enumlabel FROM pg_enum m WHERE m.enumtypid = t.oid ORDER BY m.enumsortorder),
    CASE WHEN t.typtype = 'b' THEN t.typinput::text END) AS said, t.typdefault AS expression
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_range r ON r.rngtypid = t.oid
  WHERE t.typtype IN ('b', 'c', 'd', 'e', 'r') AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid)
  AND (t.typrelid = 0 OR EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')) AND {USERS_SCHEMA} AND {own("pg_type", "t")}"""

_SEQUENCES = f"""SELECT concat_ws('|', 'sequence', s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache,
    s.seqcycle, (SELECT concat_ws('.', o.refobjid::regclass, a.attname) FROM pg_depend o
      JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
      WHERE o.classid = 'pg_class'::regclass AND o.objid = s.seqrelid AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i'))) AS said,
  NULL AS expression
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE c.relpersistence <> 't' AND {own("pg_class", "c")}"""

_DEFAULT_PRIVILEGES = f"""SELECT concat_ws('|', 'default_privileges', pg_get_userbyid(d.defaclrole), n.nspname, d.defaclobjtype,
    {_DEFAULT_ACL}) AS said, NULL AS expression
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace"""

_COMMENTS = f"""SELECT concat_ws('|', 'comment', o.type, o.identity, d.description) AS said, NULL AS expression
  FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
  WHERE d.objoid >= {_FIRST_USER_OID} AND d.classoid IN ({_COMMENTED})
  AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')"""

_STATISTICS = f"""SELECT concat_ws('|', 'statistics', s.stxname, pg_get_userbyid(s.stxowner)) AS said, pg_get_statisticsobjdef(s.oid) AS expression
  FROM pg_statistic_ext s WHERE {own("pg_statistic_ext", "s")}"""

_EVENT_TRIGGERS = f"""SELECT concat_ws('|', 'event_trigger', t.evtname, t.evtevent, t.evtenabled, t.evttags, t.evtfoid::regprocedure,
    pg_get_userbyid(t.evtowner)) AS said, NULL AS expression FROM pg_event_trigger t WHERE {own("pg_event_trigger", "t")}"""

_PUBLICATIONS = """SELECT concat_ws('|', 'publication', p.pubname, pg_get_userbyid(p.pubowner), p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete,
    p.pubtruncate, ARRAY(SELECT r.prrelid::regclass::text COLLATE "C" FROM pg_publication_rel r WHERE r.prpubid = p.oid ORDER BY 1)) AS said,
  NULL AS expression FROM pg_publication p"""

_SERVERS = f"""SELECT concat_ws('|', 'server', s.srvname, w.fdwname, pg_get_userbyid(s.srvowner), s.srvtype, s.srvversion,
    ARRAY(SELECT o COLLATE "C" FROM unnest(s.srvoptions) o ORDER BY 1)) AS said, NULL AS expression
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE {own("pg_foreign_server", "s")}"""


def _by_name(catalog: str) -> str:
    return f"""SELECT concat_ws('|', o.type, o.identity) AS said, NULL AS expression
  FROM {catalog} x, pg_identify_object('{catalog}'::regclass, x.oid, 0) o WHERE {own(catalog, "x")}"""


_NAMED_ONLY = (
    "pg_operator", "pg_opclass", "pg_opfamily", "pg_cast", "pg_collation", "pg_conversion", "pg_language", "pg_transform",
    "pg_ts_config", "pg_ts_dict", "pg_ts_parser", "pg_ts_template", "pg_am", "pg_foreign_data_wrapper",
)  # fmt: skip
_QUERIES = (
    _SCHEMAS, _RELATIONS, _COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _RULES, _POLICIES, _FUNCTIONS, _TYPES, _SEQUENCES,
    _DEFAULT_PRIVILEGES, _COMMENTS, _STATISTICS, _EVENT_TRIGGERS, _PUBLICATIONS, _SERVERS, *(_by_name(catalog) for catalog in _NAMED_ONLY),
)  # fmt: skip
