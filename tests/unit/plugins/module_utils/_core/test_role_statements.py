from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.role_statements import roles_made, statements, statements_for, without_password

# As pg_dumpall --globals-only writes it.
GLOBALS = r"""--
-- PostgreSQL database cluster dump; with a semicolon
--

\restrict dGhpcyBpcyByYW5kb20

SET default_transaction_read_only = off;

CREATE ROLE clerk;
ALTER ROLE clerk WITH NOSUPERUSER INHERIT LOGIN PASSWORD 'SCRAM-SHA-256$4096:a;b''--c$e' VALID UNTIL '2030-01-01';
COMMENT ON ROLE clerk IS E'a\'b;
\\connect other';
CREATE ROLE "own ""e;r";
ALTER ROLE "own ""e;r" WITH LOGIN;
CREATE ROLE reader;

--
-- User Configurations
--

ALTER ROLE clerk SET search_path TO '$user', 'public';
ALTER ROLE clerk IN DATABASE shop SET work_mem TO '4MB';

GRANT reader TO clerk WITH INHERIT TRUE GRANTED BY shop;
GRANT clerk TO "own ""e;r";
CREATE TABLESPACE fast OWNER clerk LOCATION '/fast';

\unrestrict dGhpcyBpcyByYW5kb20
"""


def test_every_role_is_found():
    assert roles_made(GLOBALS) == {"clerk", 'own "e;r', "reader"}


def test_a_role_comes_with_all_that_is_said_about_it_and_nothing_else():
    found = statements_for(GLOBALS, {"clerk"}, {"reader"})
    assert [statement.split(" ", 3)[:3] for statement in found] == [
        ["CREATE", "ROLE", "clerk"],
        ["ALTER", "ROLE", "clerk"],
        ["COMMENT", "ON", "ROLE"],
        ["ALTER", "ROLE", "clerk"],
        ["GRANT", "reader", "TO"],
    ]
    assert found[1].endswith("PASSWORD 'SCRAM-SHA-256$4096:a;b''--c$e' VALID UNTIL '2030-01-01'")
    assert found[2].endswith("\\\\connect other'")
    assert found[3] == "ALTER ROLE clerk SET search_path TO '$user', 'public'"
    assert found[4] == "GRANT reader TO clerk WITH INHERIT TRUE", "who granted it may not be there"


def test_memberships_with_roles_that_are_nowhere_are_left_out():
    assert statements_for(GLOBALS, {"reader"}, set()) == ["CREATE ROLE reader"]


def test_roles_that_are_there_are_not_touched():
    assert statements_for(GLOBALS, set(), {"clerk", "reader"}) == []


def test_text_without_statements_has_none():
    assert list(statements("-- nothing;\n/* ; */\n\\restrict x\n")) == []


def test_a_role_without_its_password():
    made = "ALTER ROLE password WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:it''s' VALID UNTIL '2027-01-01'"
    assert without_password(made) == "ALTER ROLE password WITH NOSUPERUSER LOGIN VALID UNTIL '2027-01-01'"
    assert without_password("ALTER ROLE clerk WITH LOGIN PASSWORD 'md5x'") == "ALTER ROLE clerk WITH LOGIN"
    for other in ("CREATE ROLE password", "COMMENT ON ROLE clerk IS 'the PASSWORD ''x'' is old'", "ALTER ROLE password SET search_path TO 'x'"):
        assert without_password(other) == other
