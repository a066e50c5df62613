"""What trees compare, as columns: numbers as they come, then the columns of tables of categories.

A one-hot split is a column of 1 and 0, a CTR a column of its values. Both are looked up by the hash of their
categories, so that those of the same categories share a table (`layout`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.catboost import ctrs
from ranklet.importers.catboost.document import SAVE, CatFeature, Document, Entries, FeaturesInfo, FloatFeature, fits
from ranklet.importers.catboost.layout import MAX_CELLS, Layout, too_large
from ranklet_features.kinds.ctrs import Table

FLOAT, ONE_HOT, CTR = "FloatFeature", "OneHotFeature", "OnlineCtr"
NAN_TRUE = "AsTrue"


class Turn(NamedTuple):
    """A split: it holds where `column` > `border`; nan: also where that is NaN. kind: as the file calls it."""

    column: int
    border: float
    nan: bool
    kind: str


@dataclass(frozen=True)
class Features:
    """numbers, categories: by their indices. names: of all, numbers first. turns: by split_index."""

    numbers: tuple[FloatFeature, ...]
    categories: tuple[CatFeature, ...]
    names: tuple[str, ...]
    tables: tuple[Table, ...]
    turns: tuple[Turn, ...]

    @property
    def flat(self) -> list[int]:
        """The place of each name among all features, as CatBoost has them."""
        return [one.flat_feature_index for one in self.numbers] + [one.flat_feature_index for one in self.categories]

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.numbers) + sum(int(table.rows.shape[1]) for table in self.tables)


def read(document: Document, entries: Mapping[str, Entries]) -> Features:
    """entries: the tables of statistics. Raises ImportRefused naming the feature that is not served."""
    info = document.features_info
    _refuse_others(info)
    numbers, categories = info.float_features or [], info.categorical_features or []
    numbers.sort(key=lambda one: one.feature_index)
    categories.sort(key=lambda one: one.feature_index)
    _check(numbers, "float_features")
    _check(categories, "categorical_features")
    if sum(len(entries[ctr.identifier].hashes) for ctr in info.ctrs or [] if ctr.identifier in entries) > MAX_CELLS:
        raise too_large()
    layout = Layout(numbers, len(categories))
    turns = [(FLOAT, at, border) for at, one in enumerate(numbers) for border in one.borders or []]
    for at, one in enumerate(categories):
        turns += [(ONE_HOT, layout.flag(at, value), 0.5) for value in one.values or []]
    for at, ctr in enumerate(info.ctrs or []):
        place = layout.add(ctr.elements, ctrs.column(ctr, entries, at), f"features_info.ctrs[{at}]")
        turns += [(CTR, place, border) for border in ctr.borders]
    tables, columns = layout.tables()
    return Features(
        tuple(numbers),
        tuple(categories),
        _names(numbers, categories),
        tables,
        tuple(
            Turn(place, _float(border), numbers[place].nan_value_treatment == NAN_TRUE, kind)
            if kind == FLOAT
            else Turn(columns[place], _float(border), False, kind)
            for kind, place, border in turns
        ),
    )


def _float(border: float) -> float:
    """A 32-bit float, which it was before it became text."""
    return float(np.float32(border))


def _refuse_others(info: FeaturesInfo) -> None:
    others = {"text": info.text_features, "embedding": info.embedding_features, "estimated": info.estimated_features}
    for kind, found in others.items():
        if found:
            raise ImportRefused(f"features_info.{kind}_features: {kind} features are not served; train without them")


def _check(features: Sequence[FloatFeature] | Sequence[CatFeature], place: str) -> None:
    if [one.feature_index for one in features] != list(range(len(features))):
        raise ImportRefused(f"features_info.{place}: feature_index must count from 0; {SAVE}")
    for one in features:
        if isinstance(one, FloatFeature):
            if one.nan_value_treatment not in ("AsIs", "AsFalse", NAN_TRUE):
                shown = one.nan_value_treatment[:40]
                raise ImportRefused(f"features_info.{place}[{one.feature_index}].nan_value_treatment is {shown!r}")
            if not fits(one.borders or []):
                raise ImportRefused(f"features_info.{place}[{one.feature_index}].borders are not all finite; {SAVE}")


def _names(numbers: Sequence[FloatFeature], categories: Sequence[CatFeature]) -> tuple[str, ...]:
    """A feature without a name, as of an array, is called by its place."""
    features: list[FloatFeature | CatFeature] = [*numbers, *categories]
    flat = [one.flat_feature_index for one in features]
    if len(set(flat)) != len(flat) or min(flat, default=0) < 0:
        raise ImportRefused(f"features_info: flat_feature_index {max(flat)} names two features; {SAVE}")
    if not features:
        raise ImportRefused("features_info names no feature; a model without features scores nothing")
    names = tuple(one.feature_id or one.feature_name or f"feature_{one.flat_feature_index}" for one in features)
    if doubles := sorted({name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()):
        raise ImportRefused(f"features_info: two features are called {doubles[0]!r}; rename one and train again")
    return names
