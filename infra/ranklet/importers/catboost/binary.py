"""A .cbm, which is a flatbuffer, as the records of `document`: it loses nothing that the JSON does.

Fields by their places in libs/model/flatbuffers/model.fbs, features.fbs and ctr_data.fbs. Behind the core come parts,
of which one is known: `static_provider_v1`, the tables of statistics, each a flatbuffer with its length before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.catboost import steps
from ranklet.importers.catboost.document import (
    MAGIC,
    NOWHERE,
    CatFeature,
    Ctr,
    Document,
    Element,
    Entries,
    FeaturesInfo,
    FloatFeature,
    Oblivious,
    Split,
    entries,
)
from ranklet.importers.catboost.flat import Table, cut_off, root

VERSION = "FlabuffersModel_v1"
TABLES = "static_provider_v1"
TREATMENTS = ("AsIs", "AsFalse", "AsTrue")
CTR_TYPES = ("Borders", "Buckets", "BinarizedTargetMeanValue", "FloatTargetMeanValue", "Counter", "FeatureFreq")
MEANS = {2, 3}
FLOAT_SPLIT = np.dtype([("at", "<i4"), ("border", "<f4")])
EXACT_SPLIT = np.dtype([("at", "<i4"), ("value", "<i4")])
BUCKET = np.dtype([("hash", "<u8"), ("at", "<u4")])
MEAN = np.dtype([("sum", "<f4"), ("count", "<i4")])


def read(content: bytes) -> tuple[Document, Mapping[str, Entries]]:
    """The document without ctr_data, and the tables by identifier. Raises ImportRefused."""
    size = int.from_bytes(content[len(MAGIC) : len(MAGIC) + 4], "little")
    begin = len(MAGIC) + 4
    core = root(_part(memoryview(content), begin, size))
    if (version := core.text(0)) != VERSION:
        raise ImportRefused(f"its format is {version[:40]!r}, read is {VERSION}; save it with CatBoost 1")
    parts = list(core.texts(3))
    if stranger := sorted(set(parts) - {TABLES}):
        raise ImportRefused(f"it has a part {stranger[0][:40]!r} (text or embedding features); train without them")
    trees = _table(core, 1)
    info: dict[str, Any] = {pair.text(0): pair.text(1) for pair in core.tables(2)}
    document = Document(_features(trees), scale_and_bias=_bias(trees), model_info=info)
    _add_trees(document, trees)
    return document, dict(_tables(memoryview(content)[begin + size :])) if parts else {}


def _part(content: memoryview, begin: int, size: int) -> memoryview:
    if size > len(content) - begin:
        raise cut_off()
    return content[begin : begin + size]


def _table(parent: Table, slot: int) -> Table:
    if (found := parent.table(slot)) is None:
        raise ImportRefused("a table that it must have is missing; save the model again")
    return found


def _features(trees: Table) -> FeaturesInfo:
    ones = {one.number(0, "<i", -1): one.array(1, "<i4").tolist() for one in trees.tables(6)}
    return FeaturesInfo(
        float_features=[
            FloatFeature(
                feature_index=one.number(1, "<i", -1),
                flat_feature_index=one.number(2, "<i", -1),
                borders=one.array(3, "<f4").tolist(),
                has_nans=bool(one.number(0, "<B", 0)),
                nan_value_treatment=dict(enumerate(TREATMENTS)).get(one.number(5, "<b", 0), "unknown"),
                feature_id=one.text(4),
            )
            for one in trees.tables(5)
        ],
        categorical_features=[
            CatFeature(
                feature_index=(index := one.number(0, "<i", -1)),
                flat_feature_index=one.number(1, "<i", -1),
                values=ones.get(index),
                feature_id=one.text(2),
            )
            for one in trees.tables(4)
        ],
        ctrs=[_ctr(one) for one in trees.tables(7)],
        text_features=[None for _ in trees.tables(12)],
        estimated_features=[None for _ in trees.tables(13)],
        embedding_features=[None for _ in trees.tables(18)],
    )


def _ctr(feature: Table) -> Ctr:
    ctr = _table(feature, 0)
    base = _table(ctr, 0)
    return Ctr(
        identifier=_identifier(base),
        ctr_type=dict(enumerate(CTR_TYPES)).get(base.number(1, "<b", 0), "unknown"),
        elements=_elements(base),
        borders=feature.array(1, "<f4").tolist(),
        prior_numerator=ctr.number(2, "<f", 0.0),
        prior_denomerator=ctr.number(3, "<f", 1.0),
        shift=ctr.number(4, "<f", 0.0),
        scale=ctr.number(5, "<f", 1.0),
        target_border_idx=ctr.number(1, "<i", 0),
    )


def _elements(base: Table) -> list[Element]:
    combination = _table(base, 0)
    found = [Element("cat_feature_value", at) for at in combination.array(0, "<i4").tolist()]
    for at, border in combination.array(1, FLOAT_SPLIT).tolist():
        found.append(Element("float_feature", float_feature_index=at, border=border))
    for at, value in combination.array(2, EXACT_SPLIT).tolist():
        found.append(Element("cat_feature_exact_value", at, value=value))
    return found


def _identifier(base: Table) -> str:
    """Of a table: what is counted, how, and against which cut of which target, which the JSON leaves out."""
    combination = _table(base, 0)
    parts = [combination.array(0, "<i4"), combination.array(1, FLOAT_SPLIT), combination.array(2, EXACT_SPLIT)]
    return repr((base.number(1, "<b", 0), base.number(2, "<i", 0), [part.tolist() for part in parts]))


def _bias(trees: Table) -> list[float | list[float]]:
    biases: list[float] = trees.array(16, "<f8").tolist()
    outputs = trees.number(0, "<i", 0)
    if biases and len(biases) != outputs:
        raise ImportRefused(f"it has {len(biases)} biases for {outputs} outputs; save the model again")
    if not 1 <= outputs <= 1 << 14:
        raise ImportRefused(f"it has {outputs} outputs; served are 1 to {1 << 14}")
    alone = trees.number(15, "<d", 0.0)
    if not biases and alone and outputs > 1:
        raise ImportRefused(f"it has one bias for {outputs} outputs; save the model again")
    return [trees.number(14, "<d", 1.0), biases or [alone] * outputs]


def _add_trees(document: Document, trees: Table) -> None:
    splits, sizes, leaves = trees.array(1, "<i4"), trees.array(2, "<i4"), trees.array(8, "<f8")
    outputs = trees.number(0, "<i", 0)
    if (sizes < 0).any() or sizes.sum(dtype=np.int64) != len(splits):
        raise ImportRefused("its trees and their splits differ in number; save the model again")
    parts = np.split(splits, np.cumsum(sizes)[:-1]) if len(sizes) else []
    pairs = trees.array(10, [("left", "<u2"), ("right", "<u2")])
    if len(pairs):
        ids = trees.array(11, "<u4")
        document.trees = steps.read(parts, (pairs["left"], pairs["right"]), ids, leaves=leaves, outputs=outputs)
        return
    if sizes.max(initial=0) > 16 or (ends := np.cumsum(outputs << sizes.astype(np.int64)))[-1:].sum() != len(leaves):
        raise ImportRefused("its trees and their leaves differ in number; save the model again")
    document.oblivious_trees = [
        Oblivious(values.tolist(), [Split(at, "") for at in part.tolist()])
        for part, values in zip(parts, np.split(leaves, ends[:-1]), strict=bool(parts))
    ]


def _tables(content: memoryview) -> Iterator[tuple[str, Entries]]:
    count, begin = int.from_bytes(content[:4], "little"), 4
    for _ in range(count):
        size = int.from_bytes(content[begin : begin + 4], "little")
        if begin + 4 > len(content):
            raise cut_off()
        table = root(_part(content, begin + 4, size))
        begin += 4 + size
        base = _table(table, 0)
        yield _identifier(base), _entries(table, base.number(1, "<b", 0))


def _entries(table: Table, kind: int) -> Entries:
    raw, blob = table.array(1, "u1").tobytes(), table.array(2, "u1").tobytes()
    if len(raw) % BUCKET.itemsize:
        raise ImportRefused("a table of statistics has hashes cut off; save the model again")
    buckets = np.frombuffer(raw, BUCKET)
    buckets = buckets[buckets["hash"] != NOWHERE]
    numbers: Any
    if kind in MEANS:
        pairs = np.frombuffer(blob[: len(blob) // MEAN.itemsize * MEAN.itemsize], MEAN)
        numbers = np.stack([pairs["sum"].astype(np.float64), pairs["count"].astype(np.float64)], axis=1)
    else:
        classes = table.number(4, "<i", 0) if kind < 2 else 1
        row = 4 * classes
        if classes < 1 or len(blob) % row:
            raise ImportRefused(f"a table of statistics has {classes} classes, and not as many counts; save it again")
        numbers = np.frombuffer(blob, "<i4").reshape(-1, classes).astype(np.float64)
    if (buckets["at"] >= len(numbers)).any():
        raise ImportRefused("a table of statistics has a hash without counts; save the model again")
    hashes, denominator = buckets["hash"].astype(np.uint64), table.number(3, "<i", 0)
    return entries(hashes, numbers[buckets["at"]], denominator=denominator, place="a table of statistics")
