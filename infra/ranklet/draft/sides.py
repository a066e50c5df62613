"""Whose value an input is, guessed from its name.

No file says which inputs are the user's: to a graph all are rows. Names mostly tell, and where none does, the
candidate's side is assumed, which costs bytes and never a wrong score.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ranklet_features.spec import Side

USER = """
    user uid usr member customer visitor viewer buyer account profile age gender sex occupation
    history hist clicked viewed watched liked bought seq sequence session sessions behavior behaviour behaviors
    past recent last
"""
CONTEXT = """
    context ctx hour weekday day dow month time timestamp ts device os browser platform channel locale country region
    city page slot query search weather referrer network
"""
ITEM = """
    item iid movie film ad ads adgroup campaign creative product sku goods article news video song track book candidate
    cand target doc document listing shop merchant brand price category cate genre genres tags
"""
WORDS: Mapping[Side, frozenset[str]] = {
    "user": frozenset(USER.split()),
    "context": frozenset(CONTEXT.split()),
    "item": frozenset(ITEM.split()),
}
"""Side → words of its inputs' names. A name with words of several sides is the first's of ORDER: the history of items
is the user's, and so is the user's country."""

ORDER: tuple[Side, ...] = ("user", "item", "context")


class Guess(NamedTuple):
    """why: for the author, after `# guessed:`."""

    side: Side
    why: str


def guess(name: str, *, several: bool = False) -> Guess:
    """several: the value is a list of ids; of items, that is mostly what the user saw before."""
    words = _words(name)
    for side in ORDER:
        if found := [word for word in words if word in WORDS[side]]:
            return Guess(side, f"{found[0]!r} in its name")
    if several:
        return Guess("user", "a list of ids is mostly a history")
    return Guess("item", "nothing in its name tells")


def _words(name: str) -> list[str]:
    """The words of snake_case, camelCase, `serving_default_x:0` and the like."""
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower()
    return [word for word in re.split(r"[^a-z]+", parts) if word]
