"""The class with the largest probability: of equal ones the first, as JPMML takes it; missing where one is missing."""

from __future__ import annotations

from collections.abc import Mapping

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
