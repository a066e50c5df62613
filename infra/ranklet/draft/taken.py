"""Candidates that the model itself refuses, by a value that it calls invalid, are left out of golden requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ranklet.model import Model
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import InputError

Request = tuple[dict[str, Any], dict[str, Any], dict[str, list[Any]]]


def taken(requests: Sequence[Request], described: Model, folder: Path) -> tuple[list[Request], tuple[str, ...]]:
    """The requests without them, and a note where there are any. folder: has the vocabularies.

    A model that reads tables is not asked: they are not there yet.
    """
    if described.tables:
        return list(requests), ()
    plan = FeaturePlan.compile(FeatureSpec(described.inputs, described.features), folder, {})
    faults: list[str] = []
    kept = [found for one in requests if (found := _without(one, plan, faults)) is not None]
    if not faults:
        return kept, ()
    what = "a golden candidate was" if len(faults) == 1 else f"{len(faults)} golden candidates were"
    return kept, (f"{what} left out, which the model refuses: {faults[0]}",)


def _without(request: Request, plan: FeaturePlan, faults: list[str]) -> Request | None:
    """None where nothing is left, or where the user's values are refused."""
    user, context, items = request
    while True:
        try:
            plan.assemble(user, context, items)
        except InputError as error:
            faults.append(f"{error.name} {error.message}"[:200])
            if error.side != "item" or not error.index:
                return None
            items = dict(_dropped(items, error.index[0]))
            if not all(items.values()):
                return None
        else:
            return user, context, items


def _dropped(items: Mapping[str, list[Any]], row: int) -> Iterator[tuple[str, list[Any]]]:
    for name, column in items.items():
        yield name, [*column[:row], *column[row + 1 :]]
