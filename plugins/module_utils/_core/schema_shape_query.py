# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one query that tells the shape of a schema. It expects an empty search_path, so that every name is written with its schema."""

from __future__ import annotations

from .schema_queries import USERS_SCHEMA, own

_KIND = "CASE WHEN c.relkind IN ('r', 'p', 'f') THEN 'table ' WHEN c.relkind IN ('v', 'm') THEN 'view ' WHEN c.relkind = 'S' THEN 'sequence ' ELSE 'type ' END"
# The sequence of an identity column is part of the column.
_RELATIONS = f"""SELECT c.oid, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.oid::regclass::text AS name, {_KIND} || c.oid::regclass::text AS key
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND c.relpersistence <> 't' AND NOT c.relispartition AND {USERS_SCHEMA} AND {own("pg_class", "c")}
  AND NOT EXISTS (SELECT 1 FROM pg_depend i WHERE i.classid = 'pg_class'::regclass AND i.objid = c.oid AND i.deptype = 'i' AND c.relkind = 'S')"""
_ATTRIBUTES = """pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"""
_FILLED = "d.oid IS NOT NULL OR t.typdefault IS NOT NULL"
_BOUND = "a.attnotnull OR t.typnotnull"
_COLUMN = "'column ' || r.name || '.' || quote_ident(a.attname)"
# A column is free when two rows that do not mention it never have the same value there.
_FREE = f"""a.attidentity <> '' OR NOT (({_FILLED}) OR ({_BOUND})) OR pg_get_expr(d.adbin, d.adrelid) ~ '^(nextval|gen_random_uuid|uuidv)'"""
_UNIQUE = """SELECT r.oid, r.name, r.key, x.indexrelid, x.indkey, pg_get_indexdef(x.indexrelid) AS definition
  FROM r JOIN pg_index x ON x.indrelid = r.oid WHERE x.indisunique AND x.indisvalid"""

_PARTS = (
    """SELECT r.key, NULL AS owner, concat_ws('|', r.relrowsecurity, r.relforcerowsecurity) AS said, NULL AS expression,
  '' AS asks, NULL::text[] AS columns FROM r""",
    f"""SELECT {_COLUMN}, r.key, concat_ws('|', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
    (SELECT l.collname FROM pg_collation l WHERE l.oid = a.attcollation)), NULL,
  CASE WHEN ({_BOUND}) AND NOT ({_FILLED}) AND a.attidentity = '' THEN 'value' ELSE '' END, NULL
  FROM {_ATTRIBUTES} JOIN r ON r.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind <> 'S'""",
    "SELECT 'index ' || x.indexrelid::regclass, r.key, '', NULL, '', NULL FROM pg_index x JOIN r ON r.oid = x.indrelid WHERE NOT x.indisunique",
    f"""SELECT 'unique index ' || r.indexrelid::regclass, r.key, '', r.definition, 'unless_free', CASE WHEN r.definition !~ 'NULLS NOT DISTINCT'
    THEN ARRAY(SELECT {_COLUMN} FROM {_ATTRIBUTES} WHERE a.attrelid = r.oid AND a.attnum = ANY (r.indkey) AND ({_FREE})) END
  FROM ({_UNIQUE}) r""",
    f"""SELECT 'constraint ' || r.name || '.' || quote_ident(o.conname), r.key, o.contype::text, pg_get_constraintdef(o.oid),
  CASE WHEN o.contype = 'x' THEN 'always' ELSE 'known_columns' END,
  ARRAY(SELECT {_COLUMN} FROM pg_attribute a WHERE a.attrelid = o.conrelid AND a.attnum = ANY (o.conkey))
  FROM pg_constraint o JOIN r ON r.oid = o.conrelid WHERE o.contype IN ('c', 'f', 'x') AND o.conparentid = 0""",
    f"""SELECT 'constraint ' || t.oid::regtype || '.' || quote_ident(o.conname), 'type ' || t.oid::regtype, '', pg_get_constraintdef(o.oid), 'always', NULL
  FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE o.contype = 'c' AND {USERS_SCHEMA} AND {own("pg_type", "t")}""",
    f"""SELECT 'type ' || t.oid::regtype, NULL, concat_ws('|', t.typtype, t.typnotnull,
    CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END), NULL, '', NULL
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typtype IN ('b', 'd', 'e', 'r') AND t.typcategory <> 'A' AND {USERS_SCHEMA} AND {own("pg_type", "t")}""",
    f"""SELECT 'value ' || t.oid::regtype || '.' || quote_literal(m.enumlabel), 'type ' || t.oid::regtype, '', NULL, '', NULL
  FROM pg_enum m JOIN pg_type t ON t.oid = m.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {USERS_SCHEMA} AND {own("pg_type", "t")}""",
    """SELECT 'trigger ' || r.name || '.' || quote_ident(t.tgname), r.key, t.tgenabled::text, pg_get_triggerdef(t.oid),
  CASE WHEN t.tgconstraint <> 0 THEN 'always' ELSE '' END, NULL
  FROM pg_trigger t JOIN r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal""",
    """SELECT 'rule ' || r.name || '.' || quote_ident(w.rulename), r.key, w.ev_enabled::text, pg_get_ruledef(w.oid), 'always', NULL
  FROM pg_rewrite w JOIN r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'""",
    """SELECT 'policy ' || r.name || '.' || quote_ident(p.polname), r.key, concat_ws('|', p.polpermissive, p.polcmd),
  concat_ws('|', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), 'always', NULL
  FROM pg_policy p JOIN r ON r.oid = p.polrelid""",
    f"""SELECT 'function ' || p.oid::regprocedure, NULL, concat_ws('|', p.prokind, pg_get_function_result(p.oid)), pg_get_function_arguments(p.oid), '', NULL
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {USERS_SCHEMA} AND {own("pg_proc", "p")}""",
    "SELECT 'extension ' || quote_ident(e.extname), NULL, '', NULL, '', NULL FROM pg_extension e",
)  # fmt: skip


def shape_query() -> str:
    """Gives the columns that ``SchemaObject.described`` wants."""
    # Materialized: the server would otherwise describe every relation once for each part.
    return f"WITH r AS MATERIALIZED ({_RELATIONS}) {' UNION ALL '.join(_PARTS)}"
