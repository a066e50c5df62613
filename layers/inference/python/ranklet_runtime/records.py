"""Candidates that fail one by one: those that can be scored are, and the others are named with what is wrong.

Only a request that says so (`RankRequest.each`) is taken apart, and only once it was refused as a whole. Features alone
find what is wrong: each look at some rows that finds a bad one leaves it out and halves the others. So k bad rows of n
cost at most 2k + 1 looks, of n (1 + log₂ k) rows together, and the model runs once, for all rows that are good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ranklet_features.errors import InputError
from ranklet_runtime.errors import NonFiniteScores, Unprocessable
from ranklet_runtime.messages import RankRequest, RankResult

NO_SCORE = "the model's score of these values is not finite; check their sizes"

NO_ROWS = RankResult(np.empty(0, np.float32), {})
Refused = dict[int, InputError | Unprocessable]


def score_each(
    asked: RankRequest, *, check: Callable[[RankRequest], object], score: Callable[[RankRequest], RankResult]
) -> RankResult:
    """The good rows' result, in their order, with the others in `refused`.

    check: raises InputError for rows that the features refuse. score: runs the model, raises NonFiniteScores.
    """
    rows, refused = _separate(asked, check)
    try:
        result = score(_chosen(asked, rows)) if rows else NO_ROWS
    except NonFiniteScores as error:
        refused |= {rows[place]: Unprocessable(NO_SCORE) for place in error.rows}
        rows = [row for row in rows if row not in refused]
        result = score(_chosen(asked, rows)) if rows else NO_ROWS
    return replace(result, refused=refused, counts={**result.counts, "RefusedRecords": len(refused)})


def _separate(asked: RankRequest, check: Callable[[RankRequest], object]) -> tuple[list[int], Refused]:
    """Rows that the features take, in order, and why they refuse the others."""
    good: list[int] = []
    refused: Refused = {}
    left: list[Sequence[int]] = [range(_count(asked))]
    while left:
        rows = left.pop()
        try:
            check(_chosen(asked, rows))
        except InputError as error:
            if not (asked.per_row or error.side == "item") or not error.index:
                refused.update(dict.fromkeys(rows, error))  # what they share is wrong
                continue
            bad = error.index[0]
            refused[rows[bad]] = error
            rest = [*rows[:bad], *rows[bad + 1 :]]
            half = len(rest) // 2
            left += [part for part in (rest[half:], rest[:half]) if part]
        else:
            good += rows
    return sorted(good), refused


def _count(asked: RankRequest) -> int:
    sides = (asked.items, asked.user, asked.context) if asked.per_row else (asked.items,)
    return max((len(column) for side in sides for column in side.values()), default=1)


def _chosen(asked: RankRequest, rows: Sequence[int]) -> RankRequest:
    """The request of these rows alone."""
    once = (asked.user, asked.context)
    user, context = (_columns(side, rows) for side in once) if asked.per_row else once
    return replace(asked, user=user, context=context, items=_columns(asked.items, rows), each=False)


def _columns(side: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    return {
        name: column[list(rows)] if isinstance(column, np.ndarray) else [column[row] for row in rows]
        for name, column in side.items()
    }
