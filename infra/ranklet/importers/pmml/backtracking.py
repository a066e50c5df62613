"""How long a pattern may take: one whose time grows faster than the square of a text's length is refused."""

from __future__ import annotations

from ranklet.importers.pmml.characters import ANY, CLASSES, Set
from ranklet.importers.pmml.regex import Bound, Group, Item, NotServed

LINEAR, SQUARE = 100_000, 10_000
"""Characters of a text, for patterns whose time grows with its length, and with the square of it."""
MAX_WAYS = 4096


def limit(ways: list[list[Item]]) -> int:
    """How long a text may be. Raises NotServed for a pattern that takes longer than the square of it."""
    if _choices(ways) > MAX_WAYS:
        raise NotServed(f"can match in more than {MAX_WAYS} ways; at most so many are served")
    square = False
    for way in ways:
        inner = _unbounded(way)
        if len(inner) > 1 and not all(apart for _, apart in inner):
            raise NotServed("repeats without a bound, twice, what may be the same; it would take too long")
        square = square or (bool(inner) and not _is_of_words(way))
    return SQUARE if square else LINEAR


def _choices(ways: list[list[Item]]) -> int:
    """In how many ways at most it can match at one place, without what is repeated without a bound."""
    total = 0
    for way in ways:
        product = 1
        for item in way:
            ways_of = 1
            if isinstance(item.node, Group):
                ways_of = _choices(item.node.ways)
                if item.high != 1 and (ways_of > 1 or _unbounded([*(i for w in item.node.ways for i in w), Item(ANY)])):
                    raise NotServed("repeats a group whose length varies; it could take too long")
            if item.high is not None:
                ways_of *= item.high - item.low + 1
            product = min(product * ways_of, MAX_WAYS + 1)
        total += product
    return total


def _unbounded(way: list[Item]) -> list[tuple[Item, bool]]:
    """What repeats without a bound and has something behind it; and whether that begins with other characters."""
    found: list[tuple[Item, bool]] = []
    for at, item in enumerate(way):
        if isinstance(item.node, Group):
            after = [Item(ANY)] if at + 1 < len(way) else []
            for inner in item.node.ways:
                found += _unbounded([*inner, *after])
        if item.high is None and at + 1 < len(way):
            following = way[at + 1]
            apart = isinstance(item.node, Set) and isinstance(following.node, Set) and following.low > 0
            found.append((item, apart and item.node.apart(following.node)))  # type: ignore[union-attr, arg-type]
    return found


def _is_of_words(way: list[Item]) -> bool:
    """Begins where a word does and stays within it: each word is looked at once."""
    first, *rest = way
    sets = [one.node for one in rest if isinstance(one.node, Set)]
    return (
        first.node == Bound("\\b")
        and bool(sets)
        and all(one.within(CLASSES["w"]) for one in sets)
        and not any(isinstance(one.node, Group) for one in rest)
    )


def blank(ways: list[list[Item]]) -> bool:
    return any(
        all(isinstance(one.node, Bound) or one.low == 0 or _may_be_empty(one.node) for one in way)
        and not (way and all(isinstance(one.node, Bound) for one in way))
        for way in ways
    )


def _may_be_empty(node: Set | Bound | Group) -> bool:
    return isinstance(node, Group) and blank(node.ways)
