"""Which number of a model ranks: one that it tells, one that it has and does not tell, or none, where it tells words
alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from ranklet.errors import ImportRefused
from ranklet.importers.pmml import outputs
from ranklet.importers.pmml.compiling import Compiled
from ranklet.importers.pmml.values import Choice, Number

OUTPUT, NONE = "output", "none"
POSITIVE = (
    ("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("negative", "positive"), ("neg", "pos"), ("off", "on"),
    ("bad", "good"), ("fail", "success"), ("failure", "success"),
)  # fmt: skip
"""Words of two classes, in lower case; the second one is what a ranking looks for. Of two numbers it is the larger."""


def of(made: Compiled, wanted: str | None) -> tuple[Number | None, str]:
    """The number that ranks, None for no ranking, and a note of it. Raises ImportRefused where that must be asked."""
    numbers: Mapping[str, Number] = {name: one for name, one in made.told.items() if isinstance(one, Number)}
    if wanted is not None:
        return _wanted(made, numbers, wanted)
    result = made.result
    if len(result.classes) == 2:
        best, why = positive(result.classes, made.order)
        other = next(name for name in result.classes if name != best)
        said = f"the score is the probability of {best!r}, {why}; -o {OUTPUT}='probability({other})' ranks by {other!r}"
        return Number(result.probabilities[best]), said
    if result.function == "regression" and isinstance(result.value, Number):
        return result.value, "the score is the predicted value"
    if not numbers and made.told:
        others = ", ".join(_untold(made))
        more = f"; -o {OUTPUT}=NAME ranks by what the file does not tell: {others}" if others else ""
        return None, f"the model tells words alone: scores are null, and top_k is refused{more}"
    names = ", ".join([*sorted(numbers), *_untold(made), NONE]) if made.told else "it tells nothing"
    raise ImportRefused(f"say which output ranks, with -o {OUTPUT}=NAME: {names}")


def positive(classes: Sequence[str], order: Sequence[str]) -> tuple[str, str]:
    """Of two classes the one that a ranking looks for, and why. order: of the target's values in the dictionary."""
    first, second = classes
    with suppress(ValueError):
        if abs(float(first) - float(second)) > 0:  # not of NaN
            return max(classes, key=float), f"the larger one of {first} and {second}"
    for pair in POSITIVE:
        if {one.strip().lower() for one in classes} == set(pair):
            best = next(one for one in classes if one.strip().lower() == pair[1])
            return best, f"the positive one of {first!r} and {second!r}"
    if set(classes) <= set(order):
        return max(classes, key=list(order).index), "the last class of the data dictionary"
    return second, "the second class"


def _wanted(made: Compiled, numbers: Mapping[str, Number], wanted: str) -> tuple[Number | None, str]:
    if wanted in numbers:
        return numbers[wanted], f"the score is the output {wanted!r}"
    untold = _untold(made)
    if wanted in untold:
        return untold[wanted](), f"the score is {wanted}, which the file does not tell itself; the largest ranks first"
    if wanted == NONE and made.told:
        return None, "no output ranks: scores are null, and top_k is refused"
    raise ImportRefused(f"no output of numbers is called {wanted!r}; there are {sorted([*numbers, *untold, NONE])}")


def _untold(made: Compiled) -> dict[str, Callable[[], Number]]:
    """Numbers that the model has whether or not the file tells them."""
    result = made.result
    found: dict[str, Callable[[], Number]] = {
        f"probability({name})": partial(Number, tensor) for name, tensor in result.probabilities.items()
    }
    value = result.value
    for name, scores in result.scores.items():
        if isinstance(value, Choice) and set(value.domain.words) <= set(scores):
            found[name] = partial(outputs.chosen, scores, value, made.context)
    return {name: one for name, one in found.items() if name not in made.told}
