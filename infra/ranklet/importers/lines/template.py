"""A line with raw inputs in braces → its tokens.

{name}  a single value    {name*}  a list, a feature each    {name:int}, {name:string}  its type
{name+943}  an integer from 0 to which 943 is added    x:{name}  a number, the value of the feature x
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ranklet.errors import ImportRefused

LINE = "line"
"""The option's name."""

LONGEST = 65_536
MOST_TOKENS = 2_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_PLACE = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)(\*?)(?:\+(\d{1,18}))?(?::([a-z]+))?")

Kind = Literal["int", "string"]


@dataclass(frozen=True)
class Place:
    """What stands in braces. kind: None where the model tells it. plus: of an integer that makes an index, which is
    below limit where there is one."""

    name: str
    many: bool = False
    plus: int | None = None
    kind: Kind | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Token:
    """One feature of the line, or one for each value of a list.

    text: as it was written. space: its namespace. field: of a field-aware line. before, place, after: its name, place
    None for a name that is always the same. value: x, or the input that has it; scale: what x is multiplied by.
    """

    text: str
    before: str
    place: Place | None = None
    after: str = ""
    value: float | str = 1.0
    field: str | None = None
    space: str = ""
    scale: float = 1.0

    @property
    def constant(self) -> float:
        """x, where no input has it."""
        return self.scale if isinstance(self.value, str) else self.value * self.scale

    def named(self, value: object) -> str:
        """The feature's name for a raw value; "", which no feature has, for an integer that makes no index."""
        if self.place is None:
            return self.before
        if self.place.plus is not None:
            number = int(str(value))
            if number < 0 or (self.place.limit is not None and number >= self.place.limit):
                return ""
            value = number + self.place.plus
        return f"{self.before}{value}{self.after}"


def wanted(options: Mapping[str, str], example: str) -> str:
    """The option's text, or that of the file that it names after an @. Raises ImportRefused without one."""
    given = options.get(LINE)
    if given is None:
        raise ImportRefused(
            "the file has the weights of features, not what callers send: give the line that was trained on, with the "
            f"raw inputs in braces and without its label, such as -o {LINE}='{example}'"
        )
    if given.startswith("@"):
        path = Path(given[1:])
        try:
            given = path.read_text(encoding="utf-8")[: LONGEST + 1]
        except (OSError, UnicodeDecodeError) as error:
            raise ImportRefused(f"-o {LINE}=@{path.name} cannot be read: {type(error).__name__}") from error
    if len(given) > LONGEST:
        raise ImportRefused(f"-o {LINE} has more than {LONGEST} characters; name one feature for each raw input")
    return given


def parse(line: str, *, fields: bool = False, spaces: bool = False) -> tuple[Token, ...]:
    """fields: tokens begin with their field, `field:name`. spaces: of Vowpal Wabbit, `|namespace` begins one.

    Raises ImportRefused naming the token that is none.
    """
    found: list[Token] = []
    space, scale = "", 1.0
    words = line.split()
    if len(words) > MOST_TOKENS:
        raise ImportRefused(f"-o {LINE} has {len(words)} features; at most {MOST_TOKENS} are read")
    if spaces and (not words or not words[0].startswith("|")):
        raise ImportRefused(f"-o {LINE} must begin with a namespace, such as |user, and have no label before it")
    for word in words:
        if spaces and word.startswith("|"):
            space, scale = _space(word)
            continue
        if spaces and "|" in word:
            raise ImportRefused(f"-o {LINE}: {word!r}: a bar begins a namespace, such as |user, with a blank before it")
        found.append(replace(_token(word, fields=fields), space=space, scale=scale))
    if not any(token.place is not None or isinstance(token.value, str) for token in found):
        raise ImportRefused(f"-o {LINE} names no raw input in braces, such as user={{user_id}}")
    _agree(found)
    return tuple(found)


def _space(word: str) -> tuple[str, float]:
    name, colon, scale = word[1:].partition(":")
    if "|" in name or "{" in word:
        raise ImportRefused(f"-o {LINE}: {word!r} is no namespace; write |name or |name:2.5")
    return name, _number(scale, word) if colon else 1.0


def _token(word: str, *, fields: bool) -> Token:
    parts = re.split(r":(?![^{}]*\})", word)
    field = parts.pop(0) if fields and len(parts) > 1 else None
    if (fields and not field) or len(parts) > 2 or not parts[0]:
        form = "field:name or field:name:value" if fields else "name or name:value"
        raise ImportRefused(f"-o {LINE}: {word!r} is no feature; write {form}, with a raw input in braces")
    before, place, after = _name(parts[0], word)
    value: float | str = 1.0
    if len(parts) == 2:
        value = _value(parts[1], word)
    if isinstance(value, str) and value.endswith("*") != (place is not None and place.many):
        raise ImportRefused(f"-o {LINE}: {word!r}: a list of names has a list of values, {{name*}}:{{value*}}")
    if field is not None and "{" in field:
        raise ImportRefused(f"-o {LINE}: {word!r}: a field is the same in every line; write its number")
    return Token(word, before, place, after, value.rstrip("*") if isinstance(value, str) else value, field)


def _name(text: str, word: str) -> tuple[str, Place | None, str]:
    found = list(_BRACES.finditer(text))
    if not found and not {"{", "}"} & set(text):
        return text, None, ""
    if len(found) != 1 or {"{", "}"} & set(text[: found[0].start()] + text[found[0].end() :]):
        raise ImportRefused(f"-o {LINE}: {word!r}: one raw input makes a feature; send a combination as an input")
    return text[: found[0].start()], _place(found[0][1], word), text[found[0].end() :]


def _place(text: str, word: str) -> Place:
    match = _PLACE.fullmatch(text)
    if match is None or match[4] not in (None, "int", "string"):
        raise ImportRefused(f"-o {LINE}: {word!r}: in braces stands {{name}}, {{name*}}, {{name:int}} or {{name+9}}")
    kind: Kind | None = "int" if match[4] == "int" or match[3] else "string" if match[4] else None
    if match[3] and match[4] == "string":
        raise ImportRefused(f"-o {LINE}: {word!r}: a number is added to an int, not to a string")
    return Place(match[1], bool(match[2]), int(match[3]) if match[3] else None, kind)


def _value(text: str, word: str) -> float | str:
    if text.startswith("{") and text.endswith("}"):
        match = _PLACE.fullmatch(text[1:-1])
        if match is None or match[3] or match[4] not in (None, "float"):
            raise ImportRefused(f"-o {LINE}: {word!r}: a value is a number or a raw input of floats, {{name}}")
        return match[1] + match[2]
    return _number(text, word)


def _number(text: str, word: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ImportRefused(f"-o {LINE}: {word!r}: {text!r} is no number; a value is one, or a raw input in braces")
    return found


def _agree(tokens: list[Token]) -> None:
    """One input has one type, and is a list everywhere or nowhere."""
    seen: dict[str, tuple[bool, str]] = {}
    for token in tokens:
        uses = [(token.place.name, token.place.many, "names")] if token.place else []
        if isinstance(token.value, str):
            uses.append((token.value, bool(token.place and token.place.many), "numbers"))
        for name, many, kind in uses:
            if seen.setdefault(name, (many, kind)) != (many, kind):
                raise ImportRefused(f"-o {LINE}: {name!r} is used in two ways, {token.text!r} is one; name it twice")
