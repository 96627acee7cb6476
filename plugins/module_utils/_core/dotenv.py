# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An env file as Docker Compose reads it, kept line by line so that a change touches nothing else.

What compose would refuse, ignore or read differently from how it looks is refused here, with the number of the line and
never its content: that may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from .dotenv_value import BadQuoting, BadTemplate, Quoted, Template, encode_value, expand, parse_template, read_quoted, references
from .errors import BadInput

# What compose takes for blanks within a line and, in the second, around a value and before a name.
_BLANK = "\t\v\f\r \x85\xa0"
_SPACE = _BLANK + "\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_NAME = r"[^\W\d][\w.\-\[\]]*"
_STATEMENT = re.compile(rf"(?P<lead>[{_SPACE}]*)(?P<export>export[\t\f\r ]+)?(?P<name>{_NAME})(?P<gap>[{_BLANK}]*)(?P<then>[=:]|$)(?P<pad>[{_BLANK}]*)")
_NEW_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BYTE_ORDER_MARK = "\ufeff"


class EnvFileMalformed(BadInput):
    """Compose would refuse a line of the env file, or read it differently from how it looks."""

    reason = "env_file_malformed"


@dataclass(frozen=True)
class Line:
    """One statement, comment or blank line; ``raw`` with its line end. A quoted value may span several lines of the file.

    ``template`` is None where no value is assigned. ``head`` and ``tail`` are what stands before and after the value.
    """

    number: int
    raw: str
    name: str = ""
    template: Optional[Template] = None
    head: str = ""
    tail: str = ""

    @property
    def literal(self) -> Optional[str]:
        """The value when it does not depend on other variables."""
        if self.template is None or any(not isinstance(part, str) for part in self.template):
            return None
        return "".join(part for part in self.template if isinstance(part, str))

    def with_value(self, value: str) -> "Line":
        tail = f" {self.tail}" if self.tail.startswith("#") else self.tail
        text = encode_value(value) or ("''" if tail.strip() else "")
        return replace(self, raw=f"{self.head}{text}{tail}", template=(value,), tail=tail)


@dataclass(frozen=True)
class EnvFile:
    """The lines of an env file; joined, they are the file to the byte."""

    lines: Tuple[Line, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "EnvFile":
        return cls(tuple(_parse_lines(text)))

    def render(self) -> str:
        return "".join(line.raw for line in self.lines)

    @property
    def names(self) -> Tuple[str, ...]:
        """Names that are assigned, in the order of the file, each once."""
        return tuple(dict.fromkeys(line.name for line in self.lines if line.template is not None))

    def values(self) -> Dict[str, str]:
        """What compose reads: later lines win, and may refer to earlier ones."""
        values: Dict[str, str] = {}
        for line in self.lines:
            if line.template is None:
                continue
            try:
                values[line.name] = expand(line.template, values)
            except BadTemplate as error:
                raise _malformed(line.number, str(error)) from None
        return values

    def with_value(self, name: str, value: str) -> "EnvFile":
        """Exactly one line gives ``name`` this value: its last one, or a new one at the end."""
        _refuse_name(name)
        _refuse_value(name, value)
        assigned = [line for line in self.lines if line.name == name and line.template is not None]
        mentioned = [line for line in self.lines if line.name == name]
        if not mentioned:
            return self._with_line_at_end(name, value)
        last = (assigned or mentioned)[-1]
        changed = _assignment(last, name, value) if last.literal != value else last
        kept = [changed if line is last else line for line in self.lines if line is last or line.name != name or line in assigned]
        return EnvFile(tuple(kept)).folded([name])

    def without(self, name: str) -> "EnvFile":
        return EnvFile(tuple(line for line in self.lines if line.name != name))

    def duplicated(self) -> Tuple[str, ...]:
        """Names whose earlier lines can go without changing what any line means."""
        folded = self.folded(self.names)
        return tuple(name for name in self.names if _count(folded, name) < _count(self, name))

    def folded(self, names: Iterable[str]) -> "EnvFile":
        """Only the last line of each name stays, as compose reads it; an earlier one stays where a line in between refers to it."""
        wanted = tuple(names)
        dropped = {number for name in wanted for number in self._superseded(name)}
        if not dropped:
            return self
        # A line that goes may have been the only one that referred to another name.
        return EnvFile(tuple(line for line in self.lines if line.number not in dropped)).folded(wanted)

    def _superseded(self, name: str) -> List[int]:
        found: List[int] = []
        needed = last_seen = False
        for line in reversed(self.lines):
            if line.name == name and line.template is not None:
                if last_seen and not needed:
                    found.append(line.number)
                    continue
                last_seen, needed = True, False
            needed = needed or (line.template is not None and name in references(line.template))
        return found

    def _with_line_at_end(self, name: str, value: str) -> "EnvFile":
        end = "\r\n" if any(line.raw.endswith("\r\n") for line in self.lines) else "\n"
        lines = list(self.lines)
        if lines and not lines[-1].raw.endswith("\n"):
            lines[-1] = replace(lines[-1], raw=lines[-1].raw + end, tail=lines[-1].tail + end)
        number = lines[-1].number + lines[-1].raw.count("\n") if lines else 1
        head = f"{name}="
        return EnvFile((*lines, Line(number, f"{head}{encode_value(value)}{end}", name, (value,), head, end)))


def parse_values(text: str) -> Dict[str, str]:
    """The variables that compose reads from this text; raises EnvFileMalformed."""
    return EnvFile.parse(text).values()


def set_values(text: str, values: Mapping[str, str]) -> str:
    """The text in which these variables have these values, and everything else is as it was; raises EnvFileMalformed."""
    file = EnvFile.parse(text)
    for name, value in values.items():
        file = file.with_value(name, value)
    return file.render()


def _parse_lines(text: str) -> Iterator[Line]:
    number = 1
    if text.startswith(_BYTE_ORDER_MARK):
        yield Line(0, _BYTE_ORDER_MARK)
        text = text[1:]
    position = 0
    while position < len(text):
        line = _parse_line(text, position, number)
        yield line
        position += len(line.raw)
        number += line.raw.count("\n")


def _parse_line(text: str, position: int, number: int) -> Line:
    end = text.find("\n", position) + 1 or len(text)
    first = text[position:end]
    if "\0" in first:
        raise _malformed(number, "it holds a zero byte")
    content = first.strip(_SPACE)
    if not content or content.startswith("#"):
        return Line(number, first)
    statement = _STATEMENT.match(first.rstrip("\n"))
    if statement is None:
        raise _malformed(number, "it is neither a comment nor NAME=value with a name that compose accepts")
    if statement["name"] == "export" and statement["export"] is None and statement["gap"]:
        raise _malformed(number, "the name after export is missing")
    if not statement["then"]:
        return Line(number, first, statement["name"], head=first.rstrip(_SPACE))
    start = position + statement.end()
    if text[start : start + 1] in ("'", '"'):
        return _quoted_line(text, position, start, Line(number, "", statement["name"]))
    return _plain_line(text, position, start, Line(number, "", statement["name"]), end)


def _quoted_line(text: str, position: int, start: int, line: Line) -> Line:
    try:
        quoted: Quoted = read_quoted(text, start)
    except (BadQuoting, BadTemplate) as error:
        raise _malformed(line.number, str(error)) from None
    end = text.find("\n", quoted.end) + 1 or len(text)
    tail = text[quoted.end : end]
    rest = tail.strip(_SPACE)
    if rest and not rest.startswith("#"):
        raise _malformed(line.number + text.count("\n", position, quoted.end), "something other than a comment follows the closing quote")
    return replace(line, raw=text[position:end], template=quoted.template, head=text[position:start], tail=tail)


def _plain_line(text: str, position: int, start: int, line: Line, end: int) -> Line:
    value = text[start:end].rstrip("\n").split(" #", 1)[0].rstrip(_SPACE)
    try:
        template = parse_template(value)
    except BadTemplate as error:
        raise _malformed(line.number, str(error)) from None
    if not value:
        start = len(text[:start].rstrip(_BLANK))  # blanks (a carriage return, say) belong to the end of the line
    return replace(
        line,
        raw=text[position:end],
        template=template,
        head=text[position:start],
        tail=text[start + len(value) : end],
    )


def _assignment(line: Line, name: str, value: str) -> Line:
    """The line with a value, also when it only named the variable so far."""
    if line.template is not None:
        return line.with_value(value)
    return replace(line, head=f"{line.head}=", tail=line.raw[len(line.head) :]).with_value(value)


def _count(file: EnvFile, name: str) -> int:
    return sum(line.name == name and line.template is not None for line in file.lines)


def _refuse_name(name: str) -> None:
    if not _NEW_NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is not a name for a variable.",
            hint="Use letters, digits, '_', '.' and '-', and begin with a letter or '_'.",
            name=name,
        )


def _refuse_value(name: str, value: str) -> None:
    if "\0" in value or not _is_text(value):
        raise BadInput(f"The value for {name} holds a zero byte or is not Unicode text; an env file cannot hold it.", name=name)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _malformed(number: int, problem: str) -> EnvFileMalformed:
    return EnvFileMalformed(
        f"Line {number} of the env file is malformed: {problem}.",
        hint="Correct the line; it is not shown here because it may hold a secret.",
        line=number,
        problem=problem,
    )
