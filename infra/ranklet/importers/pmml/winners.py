"""The class with the largest probability: of equal ones the first, as JPMML takes it; missing where one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.values import Choice, Domain


def winner(probabilities: Mapping[str, str], context: Context, *, least: bool = False) -> Choice:
    """least: the smallest wins, of distances."""
    tape = context.tape
    domain = Domain.of(probabilities)
    together = tape.joined(list(probabilities.values()))
    best = tape.op("ArgMin" if least else "ArgMax", together, axis=1, keepdims=1)
    gone = tape.op("IsNaN", tape.total(together))
    return context.choice(tape.op("Where", gone, [0], tape.op("Add", best, [1])), domain)


def voted(votes: Sequence[Mapping[str, str]], totals: Mapping[str, str], context: Context) -> Choice:
    """Of classes with equal votes the one that was voted for first, as JPMML has it.

    votes: class → 1 where this model votes for it, one mapping a model, in order. totals: class → all its votes.
    """
    return winner(
        {name: _ahead(total, _first(votes, name, context), context) for name, total in totals.items()}, context
    )


def _first(votes: Sequence[Mapping[str, str]], name: str, context: Context) -> str:
    """The place of the first model that votes for a class."""
    place = context.tape.constant(np.array([[float(len(votes))]]))
    for at in range(len(votes) - 1, -1, -1):
        if name in votes[at]:
            place = context.where(context.tape.op("Greater", votes[at][name], 0.5), float(at), place)
    return place


def _ahead(total: str, place: str, context: Context) -> str:
    """Votes, and behind all their digits what counts the order of equal ones."""
    return context.tape.op("Sub", total, context.tape.op("Mul", place, 1e-9))
