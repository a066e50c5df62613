"""Java's regular expressions in Python's writing, where both read them alike; and how long a text they may be asked.

Java's `\\w`, `\\d` and `\\s` are ASCII, its `.` stops at five line ends, and without regard to case it compares
`toLowerCase(toUpperCase(c))`: each set of characters is written out, so that no flag of Python's says more. `\\b` knows
letters of all scripts (as Java 17 has it); for that a text beyond ASCII is looked at through `terms.view`.

A pattern that could take exponential time, or the cube of a text's length, is refused; `limit` bounds the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from ranklet.importers.pmml import characters
from ranklet.importers.pmml.backtracking import LINEAR, blank, limit
from ranklet.importers.pmml.characters import Set
from ranklet.importers.pmml.regex import Bound, Group, Item, NotServed, Reader

MAX_LENGTH = 2000


@dataclass(frozen=True)
class Pattern:
    """written: for Python. limit: of the text's length. bounds: has `\\b`, so that the text is seen through a view.

    groups: how many there are. blank: can match no character, where it asks for some: Java then looks between the
    halves of characters beyond 16 bits.
    """

    written: str
    limit: int
    bounds: bool
    groups: int
    blank: bool


def translated(pattern: str, *, insensitive: bool = False) -> Pattern:
    """Raises NotServed. insensitive: as Java's CASE_INSENSITIVE and UNICODE_CASE together."""
    if len(pattern) > MAX_LENGTH:
        raise NotServed(f"has {len(pattern)} characters; at most {MAX_LENGTH} are served")
    reader = Reader(pattern, "unicode" if insensitive else "")
    ways = reader.whole()
    if reader.bounds and not pattern.isascii():
        raise NotServed("has \\b beside characters beyond ASCII")
    return Pattern(_ways(ways), limit(ways), reader.bounds, reader.groups, blank(ways))


def quoted(text: str, *, insensitive: bool) -> Pattern:
    """A pattern that matches the text itself."""
    case = "unicode" if insensitive else ""
    return Pattern("".join(characters.of(one, case).written() for one in text), LINEAR, False, 0, not text)


def replacement(written: str, groups: int) -> list[str | int]:
    """What Java's replaceAll puts in: texts, and the numbers of groups. Raises NotServed for what it would refuse."""
    found: list[str | int] = []
    left = written
    while left:
        if left[0] == "\\":
            if len(left) < 2:
                raise NotServed("ends with a backslash")
            found.append(left[1])
            left = left[2:]
        elif left[0] == "$":
            number, left = _reference(left, groups)
            found.append(number)
        else:
            found.append(left[0])
            left = left[1:]
    return _merged(found)


def _reference(left: str, groups: int) -> tuple[int, str]:
    """As many digits as make the number of a group."""
    if len(left) < 2 or left[1] not in "0123456789" or int(left[1]) > groups:
        raise NotServed(f"has {left[:2]!r}, which names none of its {groups} groups")
    end = 2
    while end < len(left) and left[end] in "0123456789" and int(left[1 : end + 1]) <= groups:
        end += 1
    return int(left[1:end]), left[end:]


def _merged(parts: list[str | int]) -> list[str | int]:
    found: list[str | int] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


def _ways(ways: list[list[Item]]) -> str:
    return "|".join("".join(_item(one) for one in way) for way in ways)


def _item(item: Item) -> str:
    node = item.node
    written = f"{node.open}{_ways(node.ways)})" if isinstance(node, Group) else _single(node)
    if (item.low, item.high) == (1, 1):
        return written
    return f"{written}{{{item.low},{'' if item.high is None else item.high}}}{item.mode}"


def _single(node: Set | Bound) -> str:
    return node.written if isinstance(node, Bound) else node.written()
