"""The env file as compose reads it. What is expected here was read back from compose 5.6.1 itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.dotenv import EnvFile, EnvFileMalformed, parse_values, set_values
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=30)
NASTY = st.text(st.sampled_from("ab$#'\"\\ \n\r\t=:{}é-?!`%"), max_size=20)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("V=plain\n", "plain"),
        ("V=plain", "plain"),
        ("V = spaced  \n", "spaced"),
        ("export V=x\n", "x"),
        ("  V=x\n", "x"),
        ("V: yaml style\n", "yaml style"),
        ("\ufeffV=x\n", "x"),
        ("V=x\r\n", "x"),
        ("V=\n", ""),
        ("V=''\n", ""),
        ("V=a #comment\n", "a"),
        ("V=a#no comment\n", "a#no comment"),
        ("V=  # no comment\n", "# no comment"),
        ("V='a #b' # comment\n", "a #b"),
        ("V=\"a\"#comment\n", "a"),
        ("V=a'b'\n", "a'b'"),
        ("V=a\\nb\n", "a\\nb"),
        ("V='a\\nb'\n", "a\\nb"),
        ('V="a\\nb\\tc"\n', "a\nb\tc"),
        ("V='a\nb'\n", "a\nb"),
        ('V="a\nb"\n', "a\nb"),
        ("V='a\\'b'\n", "a'b"),
        ('V="a\\"b"\n', 'a"b'),
        ("V='a\\\\'\n", "a\\\\"),
        ('V="a\\\\"\n', "a\\"),
        ('V="\\0101\\041\\089\\q\\c"\n', "A\\41\\89\\q\\c"),
        ("V='$W ${W}'\n", "$W ${W}"),
        ('V="\\$W"\n', "$W"),
        ("V=$$W\n", "$W"),
        ("V=a$ $1 $(ls)\n", "a$ $1 $(ls)"),
        ("W=w\nV=$W-${W}x\n", "w-wx"),
        ("V=$W\nW=w\n", ""),
        ("V=1\nV=${V}2\n", "12"),
        ("V=${M:-a b}${M-c}${M:+d}${M+e}\n", "a bc"),
        ("M=\nV=${M:-a}${M-c}${M:+d}${M+e}\n", "ae"),
        ("V=${M:-${W:-z}}y}\n", "zy}"),
        ("V=1\nV=2\n", "2"),
        ("V\nV=1\n", "1"),
    ],
)
def test_values_are_those_that_compose_reads(text, value):
    file = EnvFile.parse(text)
    assert file.values()["V"] == value
    assert file.render() == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nV W=secret\n", 2),
        ("V+=secret\n", 1),
        ("=secret\n", 1),
        ("1V=secret\n", 1),
        ("export =secret\n", 1),
        ("A='x\ny'\n\nV='secret\n", 4),
        ('V="secret\\"\n', 1),
        ("V='a' secret\n", 1),
        ("V='a\nb'secret\n", 2),
        ("V=${secret\n", 1),
        ("V=${secret x}\n", 1),
        ('V="${M:-secret\n}"\n', 1),
        ("V=${M:?secret}\n", 1),
        ("V=se\0cret\n", 1),
    ],
)
def test_what_compose_would_refuse_or_misread_is_refused_by_its_line_number_only(text, line):
    with pytest.raises(EnvFileMalformed) as refused:
        parse_values(text)
    result = refused.value.to_result()
    assert result["reason"] == "env_file_malformed"
    assert result["details"]["line"] == line
    assert "secret" not in str(result).replace("may hold a secret", "")


def test_a_name_without_a_value_is_kept_and_sets_nothing():
    file = EnvFile.parse("A\nexport B\nC=1\n")
    assert file.values() == {"C": "1"}
    assert file.names == ("C",)


def test_setting_touches_one_value_and_nothing_else():
    text = "# head\n\nexport POOL = 20   # at most 50\nOTHER='x'\r\n  LAST=1"
    assert set_values(text, {"POOL": "30", "NEW": "a b"}) == "# head\n\nexport POOL = 30   # at most 50\nOTHER='x'\r\n  LAST=1\r\nNEW='a b'\r\n"


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("V='a'#c\n", "b", "V=b #c\n"),
        ("V=a # c\n", "", "V='' # c\n"),
        ("V=\r\n", "b", "V=b\r\n"),
        ("V\n", "b", "V=b\n"),
        ("V", "b", "V=b"),
        ("V=1\nV\n", "2", "V=2\n"),
        ("W=w\nV=$W\n", "w", "W=w\nV=w\n"),
        ("V='same'\n", "same", "V='same'\n"),
        ("V=1\n# c\nV=2\n", "3", "# c\nV=3\n"),
        ("V: a\n", "b", "V: b\n"),
        ("V='a\nb'\nW=1\n", "c", "V=c\nW=1\n"),
    ],
)
def test_the_line_that_has_the_name_gets_the_value(text, value, expected):
    assert set_values(text, {"V": value}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("V=1\nA=x\nV=2\nV=3\n", "A=x\nV=3\n"),
        ("V=1\nA=$V\nV=2\n", "V=1\nA=$V\nV=2\n"),
        ("V=1\nV=${V}2\n", "V=1\nV=${V}2\n"),
        ("V=1\nV=${V}2\nV=3\n", "V=3\n"),
        ("W=1\nV=$W\nW=2\nV=3\n", "W=2\nV=3\n"),
    ],
)
def test_only_lines_without_effect_are_folded(text, expected):
    file = EnvFile.parse(text)
    folded = file.folded(file.names)
    assert folded.render() == expected
    assert folded.values() == file.values()
    assert folded.duplicated() == ()


def test_removing_takes_every_line_of_the_name():
    assert EnvFile.parse("V=1\nexport V\nVV=2\nV='a\nb'\n").without("V").render() == "VV=2\n"


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=B", "É", "A\n"])
def test_names_that_compose_would_not_take_are_refused(name):
    with pytest.raises(BadInput, match="not a name"):
        set_values("", {name: "x"})


@pytest.mark.parametrize("value", ["secret\0", "secret\ud800"])
def test_values_that_no_file_can_hold_are_refused_without_being_shown(value):
    with pytest.raises(BadInput) as refused:
        set_values("", {"A": value})
    assert "secret" not in str(refused.value.to_result())


@given(name=NAMES, value=st.one_of(VALUES, NASTY), tail=st.sampled_from(["", "\n", " # c\n", "#c\n", "\r\n"]))
def test_any_value_reads_back_as_it_was_set(name, value, tail):
    text = set_values(f"A_=0\n{name}='old'{tail}", {name: value})
    assert parse_values(text)[name] == value
    assert parse_values(text)["A_"] == ("0" if name != "A_" else value)
    assert set_values(text, {name: value}) == text


@given(values=st.dictionaries(NAMES, st.one_of(VALUES, NASTY), max_size=6))
def test_a_whole_environment_reads_back_in_order(values):
    text = set_values("", values)
    assert parse_values(text) == values
    assert list(parse_values(text)) == list(values)


@given(text=st.text(st.sampled_from("AV=: \n'\"\\#$x{}\r"), max_size=40))
def test_any_text_is_kept_to_the_byte_or_refused(text):
    try:
        file = EnvFile.parse(text)
    except EnvFileMalformed:
        return
    assert file.render() == text
    assert EnvFile.parse(file.with_value("NEW", "1").render()).values()["NEW"] == "1"


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["1", "2", "$A", "${B}x", "'$C'"])), max_size=8))
def test_folding_changes_no_value(lines):
    file = EnvFile.parse("".join(f"{name}={value}\n" for name, value in lines))
    folded = file.folded(file.names)
    assert folded.values() == file.values()
    assert folded.folded(folded.names) == folded
