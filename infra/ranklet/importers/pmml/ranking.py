"""Which number of a model ranks: one that it tells, one that it has and does not tell, or none, where it tells words
alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ranklet.errors import ImportRefused
from ranklet.importers.pmml import outputs
from ranklet.importers.pmml.compiling import Compiled
from ranklet.importers.pmml.values import Choice, Number

OUTPUT, NONE = "output", "none"


def of(made: Compiled, wanted: str | None) -> tuple[Number | None, str]:
    """The number that ranks, None for no ranking, and a note of it. Raises ImportRefused where that must be asked."""
    numbers: Mapping[str, Number] = {name: one for name, one in made.told.items() if isinstance(one, Number)}
    if wanted is not None:
        return _wanted(made, numbers, wanted)
    result = made.result
    if len(result.classes) == 2:
        last = result.classes[-1]
        return Number(result.probabilities[last]), f"the score is the probability of {last!r}, the second class"
    if result.function == "regression" and isinstance(result.value, Number):
        return result.value, "the score is the predicted value"
    if not numbers and made.told:
        others = ", ".join(_untold(made))
        more = f"; -o {OUTPUT}=NAME ranks by what the file does not tell: {others}" if others else ""
        return None, f"the model tells words alone: scores are null, and top_k is refused{more}"
    names = ", ".join([*sorted(numbers), *_untold(made), NONE]) if made.told else "it tells nothing"
    raise ImportRefused(f"say which output ranks, with -o {OUTPUT}=NAME: {names}")


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
