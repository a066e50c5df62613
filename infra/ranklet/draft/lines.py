"""The raw inputs of a draft, each with a side, and the one that names a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ranklet.draft.sides import Guess, guess
from ranklet.importers.proposal import Proposal, ProposedInput


@dataclass(frozen=True)
class Line:
    """One line of [inputs]. guessed: whether the side is a guess. kinds: of the features that read it."""

    name: str
    guess: Guess
    guessed: bool
    raw: Mapping[str, Any]
    kinds: tuple[str, ...]
    input: ProposedInput


def lines(proposal: Proposal) -> tuple[Line, ...]:
    """All inputs, in the proposal's order."""
    return tuple(_line(name, one, proposal) for name, one in proposal.inputs.items())


def item_key(drafted: Sequence[Line]) -> str | None:
    """The raw input that names a candidate: a single id of the items' side, one that says so by preference."""
    ids = [one.name for one in drafted if _is_id(one)]
    return min(ids, key=lambda name: (not name.lower().endswith("id"), len(name)), default=None)


def _is_id(one: Line) -> bool:
    whole = one.raw.get("type") == "int" or (one.raw.get("type") == "string" and one.name.lower().endswith("id"))
    return whole and one.guess.side == "item" and not one.raw.get("list") and "length" not in one.raw


def _line(name: str, one: ProposedInput, proposal: Proposal) -> Line:
    kinds = dict.fromkeys(feature["kind"] for feature in proposal.features.values() if name in _of(feature))
    told = one.side is not None
    teller = _teller(name, proposal)
    whose = Guess(one.side, "the file says so") if one.side else guess(teller, several=bool(one.fields.get("list")))
    return Line(name, whose, not told, one.fields, tuple(kinds), one)


def _teller(name: str, proposal: Proposal) -> str:
    """The input by whose name a side is guessed: of weights, the list that they go with."""
    weighed = (_of(feature)[0] for feature in proposal.features.values() if feature.get("weights") == name)
    return next(weighed, name)


def _of(feature: Mapping[str, Any]) -> Sequence[str]:
    of = feature.get("of", ())
    return (of,) if isinstance(of, str) else tuple(of)
