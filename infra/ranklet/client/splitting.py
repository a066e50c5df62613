"""More candidates than a request may have: cut into parts of nearly equal size, and put together as one answer.

The server's best are those of a stable sort, so equal scores keep their given order; parts in order, sorted stably once
more, keep it too. A list that is made of more than scores has no parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ranklet.client.errors import BadAnswer, BadCall
from ranklet.client.messages import Column, Ranked


def parts(start: int, stop: int, limit: int) -> list[slice]:
    """start..stop in the fewest parts of at most `limit`, as equal as can be; an empty one where there is nothing."""
    count = max(-(-(stop - start) // limit), 1)
    edges = [start + (stop - start) * at // count for at in range(count + 1)]
    return [slice(first, last) for first, last in pairwise(edges)]


def best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Positions of the `count` highest, best first, equal ones in their given order, NaN as the lowest."""
    return np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")[:count]


def merged(answers: Sequence[tuple[slice, Ranked]], top_k: int | None, *, positions: bool = False) -> Ranked:
    """One answer from those of the parts, in any order. positions: whether items are places within the part."""
    ordered = sorted(answers, key=lambda one: one[0].start)
    if len(ordered) == 1:
        return ordered[0][1]
    found = [answer for _, answer in ordered]
    if steps := next((answer.ordered_by for answer in found if answer.ordered_by), ()):
        raise BadCall(
            f"the model makes its list by {', '.join(steps)}, which goes for all candidates at once, and these are too "
            "many for one request: send fewer, or rank them without top_k"
        )
    whole = Ranked(
        np.concatenate([answer.scores for answer in found]),
        None if top_k is None else _items(ordered, positions=positions),
        _outputs(found),
        dict(sum((Counter(answer.degraded) for answer in found), Counter())),
    )
    return whole if top_k is None else _chosen(whole, best(whole.scores, top_k))


def _items(ordered: Sequence[tuple[slice, Ranked]], *, positions: bool) -> Column:
    columns = [answer.items if answer.items is not None else [] for _, answer in ordered]
    if not positions:
        return _joined(columns)
    try:
        offset = [np.asarray(column, np.int64) + part.start for (part, _), column in zip(ordered, columns, strict=True)]
    except (TypeError, ValueError, OverflowError) as error:
        raise BadAnswer("`items` of the answer are no positions, and the model has no item key") from error
    whole = np.concatenate(offset)
    return whole if all(isinstance(column, np.ndarray) for column in columns) else whole.tolist()


def _outputs(found: Sequence[Ranked]) -> dict[str, Column]:
    names = list(found[0].outputs)
    if any(set(answer.outputs) != set(names) for answer in found):
        raise BadAnswer("the parts of the call answered with different outputs; was the model just deployed?")
    return {name: _joined([answer.outputs[name] for answer in found]) for name in names}


def _joined(columns: Sequence[Column]) -> Column:
    """Columns one after the other. An empty list says nothing of what the others are."""
    filled = [column for column in columns if len(column)]
    arrays = [column for column in filled if isinstance(column, np.ndarray)]
    if arrays and len(arrays) == len(filled) and len({array.shape[1:] for array in arrays}) == 1:
        return np.concatenate(arrays)
    return [value for column in filled for value in (column.tolist() if isinstance(column, np.ndarray) else column)]


def _chosen(whole: Ranked, order: NDArray[np.intp]) -> Ranked:
    items = None if whole.items is None else _taken(whole.items, order)
    outputs = {name: _taken(column, order) for name, column in whole.outputs.items()}
    return Ranked(whole.scores[order], items, outputs, whole.degraded)


def _taken(column: Column, order: NDArray[np.intp]) -> Column:
    return column[order] if isinstance(column, np.ndarray) else [column[at] for at in order.tolist()]
