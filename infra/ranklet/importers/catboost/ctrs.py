"""Statistics of categories (CTRs): from an entry of ctr_data to the value that trees compare, by hash.

All in 32-bit floats, as TModelCtr::Calc has it: ((count in class + prior) / (count + prior's weight) + shift) · scale
(libs/model/ctr_provider.h, online_ctr.h; which counts, libs/model/static_ctr_provider.cpp).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.catboost import document
from ranklet.importers.catboost.document import SAVE, Ctr, CtrTable, Document, Entries, fits
from ranklet.importers.catboost.layout import Looked

MEANS = ("BinarizedTargetMeanValue", "FloatTargetMeanValue")
COUNTS = ("Counter", "FeatureFreq")
CLASSES = ("Borders", "Buckets")

Floats = NDArray[np.float32]


def column(ctr: Ctr, tables: Mapping[str, Entries], at: int) -> Looked:
    """The column of features_info.ctrs[at]. Raises ImportRefused naming it, or its table."""
    place = f"features_info.ctrs[{at}]"
    if ctr.ctr_type not in (*MEANS, *COUNTS, *CLASSES):
        raise ImportRefused(f"{place}.ctr_type is {ctr.ctr_type[:40]!r}; served are {[*CLASSES, *COUNTS, *MEANS]}")
    numbers = (ctr.prior_numerator, ctr.prior_denomerator, ctr.shift, ctr.scale, *ctr.borders)
    if not fits(numbers):
        raise ImportRefused(f"{place} has numbers that are not finite; {SAVE}")
    if (entries := tables.get(ctr.identifier)) is None:
        raise ImportRefused(f"ctr_data has no table for {place}: the model was saved without its CTRs; {SAVE}")
    good, total, other = _counts(ctr, entries, place)
    with np.errstate(all="ignore"):
        values = _value(ctr, good, total)
        (alone,) = _value(ctr, np.zeros(1, np.float32), np.full(1, other, np.float32))
    return Looked(entries.hashes, values, alone)


def _value(ctr: Ctr, good: Floats, total: Floats) -> Floats:
    prior, weight, shift, scale = map(np.float32, (ctr.prior_numerator, ctr.prior_denomerator, ctr.shift, ctr.scale))
    found: Floats = ((good + prior) / (total + weight) + shift) * scale
    return found


def entries(model: Document) -> dict[str, Entries]:
    """The tables of a JSON. Raises ImportRefused naming the one that is none."""
    tables = (model.ctr_data or {}).items()
    return {name: _entries(table, f"ctr_data[{at}]") for at, (name, table) in enumerate(tables)}


def _entries(table: CtrTable, place: str) -> Entries:
    flat, stride = table.hash_map or [], table.hash_stride
    if stride < 2 or len(flat) % stride:
        raise ImportRefused(f"{place}: hash_map has {len(flat)} entries, which are no rows of {stride}; {SAVE}")
    try:
        hashes = np.array([int(one) for one in flat[::stride]], np.uint64)
        numbers = np.array([flat[at::stride] for at in range(1, stride)], np.float64).T.reshape(-1, stride - 1)
    except (ValueError, OverflowError, TypeError) as error:
        raise ImportRefused(f"{place}: hash_map must hold a hash and {stride - 1} numbers a row; {SAVE}") from error
    return document.entries(hashes, numbers, denominator=table.counter_denominator, place=place)


def _counts(ctr: Ctr, entries: Entries, place: str) -> tuple[Floats, Floats, int]:
    """Of each hash, how much of the class there is, and how much of all; and all of a hash that is not there."""
    numbers, classes = entries.numbers, entries.numbers.shape[1]
    wanted = {**dict.fromkeys(MEANS, 2), **dict.fromkeys(COUNTS, 1)}.get(ctr.ctr_type, max(2, classes))
    if classes != wanted:
        raise ImportRefused(f"ctr_data of {place}: {ctr.ctr_type} has {classes} numbers a hash, not {wanted}; {SAVE}")
    if ctr.ctr_type in MEANS:
        return numbers[:, 0].astype(np.float32), numbers[:, 1].astype(np.float32), 0
    if ctr.ctr_type in COUNTS:
        total = np.full(len(numbers), entries.denominator, np.float32)
        return numbers[:, 0].astype(np.float32), total, entries.denominator
    border, last = ctr.target_border_idx, classes - 1 if ctr.ctr_type == "Buckets" else classes - 2
    if not 0 <= border <= last:
        raise ImportRefused(f"{place}.target_border_idx is {border}; its table has 0 to {last}")
    good = numbers[:, border] if ctr.ctr_type == "Buckets" else numbers[:, border + 1 :].sum(axis=1)
    return good.astype(np.float32), numbers.sum(axis=1).astype(np.float32), 0
