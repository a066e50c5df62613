"""What stands in CatBoost's files, as records: those of its JSON, where msgspec names the place of what is absent or of
another type. Fields that predict nothing (weights of leaves, what trained it) are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ranklet.errors import ImportRefused

MAGIC = b"CBM1"
LARGEST = float(np.finfo(np.float32).max)
NOWHERE = (1 << 64) - 1
"""The hash of an empty place of a table."""

SAVE = 'save it again: model.save_model("model.json", format="json", pool=train_pool)'


class FloatFeature(Struct):
    """borders: rising. feature_index: among numbers; flat_feature_index: among all."""

    feature_index: int
    flat_feature_index: int
    borders: list[float] | None = None
    has_nans: bool = False
    nan_value_treatment: str = "AsIs"
    feature_id: str = ""
    feature_name: str = ""


class CatFeature(Struct):
    """values: hashes that splits compare with."""

    feature_index: int
    flat_feature_index: int
    values: list[int] | None = None
    feature_id: str = ""
    feature_name: str = ""


class Element(Struct):
    """A part of what a CTR is of."""

    combination_element: str
    cat_feature_index: int | None = None
    float_feature_index: int | None = None
    border: float | None = None
    value: int | None = None


class Ctr(Struct):
    """identifier: of its table in ctr_data. prior_denomerator: so spelled in the file."""

    identifier: str
    ctr_type: str
    elements: list[Element]
    borders: list[float]
    prior_numerator: float
    prior_denomerator: float
    shift: float
    scale: float
    target_border_idx: int = 0


class Hash(Struct):
    """A category's text, where the file was saved with the pool."""

    hash: int
    value: str


class FeaturesInfo(Struct):
    """text_features, embedding_features: which CatBoost up to 1.2 does not write as JSON."""

    float_features: list[FloatFeature] | None = None
    categorical_features: list[CatFeature] | None = None
    ctrs: list[Ctr] | None = None
    cat_features_hash: list[Hash] | None = None
    text_features: list[Any] | None = None
    embedding_features: list[Any] | None = None
    estimated_features: list[Any] | None = None


class CtrTable(Struct):
    """hash_map: of each entry a hash as text, then hash_stride - 1 numbers."""

    hash_stride: int
    hash_map: list[str | int | float] | None = None
    counter_denominator: int = 0


class Split(Struct):
    """split_index: among all that trees compare. split_type, border: the same in words; empty in a .cbm."""

    split_index: int
    split_type: str
    border: float | None = None
    value: int | None = None


class Oblivious(Struct):
    """Leaf i is where split k holds for each bit k of i; leaf_values: of each leaf a number for each output."""

    leaf_values: list[float]
    splits: list[Split] | None = None


class Node(Struct):
    """Of a tree that is not symmetric: a leaf has a value, a split has children; right is where it holds."""

    value: float | list[float] | None = None
    split: Split | None = None
    left: Node | None = None
    right: Node | None = None


class Document(Struct):
    """The whole file. scale_and_bias: [scale, bias], the bias a number, or a list of one for each output."""

    features_info: FeaturesInfo
    oblivious_trees: list[Oblivious] | None = None
    trees: list[Node] | None = None
    scale_and_bias: list[float | list[float]] | None = None
    ctr_data: dict[str, CtrTable] | None = None
    model_info: dict[str, Any] = {}


class Entries(NamedTuple):
    """One table of statistics. hashes: uint64 [k], ascending. numbers: [k, m], of each. denominator: of counts."""

    hashes: NDArray[np.uint64]
    numbers: NDArray[np.float64]
    denominator: int


def entries(hashes: NDArray[np.uint64], numbers: NDArray[np.float64], *, denominator: int, place: str) -> Entries:
    """A table in order. Raises ImportRefused for a hash that it has twice, and for numbers that are none."""
    used = hashes != NOWHERE
    order = np.argsort(hashes[used])
    hashes, numbers = hashes[used][order], numbers[used][order]
    if (hashes[1:] == hashes[:-1]).any():
        raise ImportRefused(f"{place} has a hash twice; {SAVE}")
    if not fits(numbers * (1.0 + numbers.shape[1])):
        raise ImportRefused(f"{place} has numbers that are not finite; {SAVE}")
    return Entries(hashes, numbers, denominator)


def fits(values: Sequence[float] | NDArray[np.float64]) -> bool:
    """Whether all are finite as 32-bit floats."""
    return bool((np.abs(np.array(values, np.float64)) <= LARGEST).all())


def decode(content: bytes) -> Document:
    """A file's JSON. Raises ImportRefused with the place in the document."""
    try:
        return msgspec.json.decode(content, type=Document)
    except msgspec.ValidationError as error:
        raise ImportRefused(f"{error}; {SAVE}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ImportRefused(f"no JSON: {str(error)[:200]}; {SAVE}") from error
    except RecursionError as error:
        raise ImportRefused("its trees are too deep; train with a depth, or max_leaves") from error
