"""The one reader of nginx configuration: words, quotes, comments, blocks of other languages, and files that include each other."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.nginx_text import Directive, NginxTextUnreadable, every, parse, parse_dump, seconds_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("return 200 a}b;", ("200", "a}b")),
        ("return 200 a#b; # c", ("200", "a#b")),
        ("return 200 ${host}x$b;", ("200", "${host}x$b")),
        (r'return "\w\.\"\\" ' + r"'\' {'" + r" a\ b\;;", (r'\w\."' + "\\", "' {", r"a\ b\;")),
        (r'add_header X "a\tb" always;', ("X", "a\tb", "always")),
        ("set $a 'x;{}';", ("$a", "x;{}")),
        ("a\n  # b;\n  c;", ("c",)),
    ],
)
def test_words_are_those_of_nginx(text, words):
    (found,) = parse(text)
    assert found.words == words and found.block is None


def test_directives_know_where_they_stand():
    text = 'http {\n  server { listen 443 ssl; if ($a = "b") { return 403; } location ~ "^/a{2}" { } }\n}\n'
    found = {one.name: one for one in every(parse(text))}
    assert found["listen"].within == ("http", "server") and found["listen"].words == ("443", "ssl") and found["location"].block == ()
    assert found["if"].words == ("($a", "=", "b", ")") and found["return"].within == ("http", "server", "if")
    assert text[found["listen"].start : found["listen"].end] == "listen 443 ssl;" and text[found["server"].inner :].startswith(" listen")
    assert text[found["server"].start : found["server"].end] + "\n}\n" == text[9:] and found["http"].end == len(text) - 1


def test_lua_is_skipped_whatever_is_in_it():
    lua = """ local t = {a = "}"} -- } don't
    --[==[ } ]] ' ]==] local s = [[ } " ]] ngx.say('it\\'s {') if t then return {} end """
    text = "location / { content_by_lua_block {" + lua + "} proxy_pass http://a; }"
    (found,) = parse(text)
    assert found.block == (Directive("content_by_lua_block", (), ()), Directive("proxy_pass", ("http://a",)))
    for broken in ("init_by_lua_block { x = '}", "init_by_lua_block { {}", "init_by_lua_block { --[[ } "):
        with pytest.raises(BadInput):
            parse(broken)


@pytest.mark.parametrize("text", ["http {", "}", "listen 80 }", "a 'b;", ";", "http { } x", "a 'b'c;", "{ }", 'a "b\\";'])
def test_what_nginx_would_not_read_is_refused(text):
    with pytest.raises(BadInput):
        parse(text)


def test_a_star_in_an_include_stands_for_no_slash():
    text = "# configuration file /n/nginx.conf:\ninclude sites/*;\n# configuration file /n/sites/a:\na 1;\n# configuration file /n/sites/b/c:\nc 1;\n"
    assert parse_dump(text) == (Directive("a", ("1",)),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "# configuration file /a:\nhttp {",
        "# configuration file /a:\n}",
        "# configuration file /a:\nx {y}",
        "# configuration file /a:\n;",
        "# configuration file /a:\nx 'y",
    ],
)
def test_what_is_no_configuration_is_not_guessed(text):
    with pytest.raises(NginxTextUnreadable):
        parse_dump(text)


def test_files_that_include_each_other_end():
    with pytest.raises(NginxTextUnreadable, match="without end"):
        parse_dump("# configuration file /a/x:\ninclude x;\n")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60),
        ("1w", 604800),
        ("1M", 2592000),
        ("1y", 31536000),
        ("60s", 60),
        ("5m", 300),
        ("1h 30m", 5400),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1d", 86400),
        ("soon", None),
        ("5x", None),
        ("", None),
    ],
)
def test_times_of_nginx(text, seconds):
    assert seconds_of(text) == seconds
