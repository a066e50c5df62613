"""The kind `catboost`. Its scores are held to CatBoost's own with the importer's tests; its hash is, here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.cityhash import cityhash64
from ranklet_features.errors import InputError, SpecError
from ranklet_features.kinds import ctrs
from ranklet_features.kinds.ctrs import ABOVE, ABOVE_OR_NAN, EQUAL, Part, Table, fold, signed
from ranklet_features.spec import Feature, Input

HASHES = {
    "a": 3489901818,
    "e": 1400211492,
    "9c": 76151420,
    "ab": 4090249022,
    "abc": 978243121,
    " a5☃ü9": 1724324954,
    "746242a88  15 aü": 2250791773,
    " a37e78ö4b6298ö": 2659589009,
    "üaü3c☃8ccaa0266ed71c7ffee10d7": 3231092220,
    "5": 3014803941,
    "29": 3940690768,
    "40": 1435255456,
    "47": 3211777772,
}
"""Text → the low 32 bits, of cat_features_hash in JSON that catboost 1.2.10 wrote."""


def key(*codes: int) -> int:
    found = np.zeros(1, np.uint64)
    for code in codes:
        found = fold(found, np.array([code]).view(np.uint64))
    return int(found[0])


def table(parts: tuple[Part, ...], rows: Mapping[int, tuple[float, ...]], other: tuple[float, ...]) -> Table:
    keys = sorted(rows)
    return Table(parts, np.array(keys, np.uint64), np.array([*(rows[one] for one in keys), other], np.float32))


A, ABC, FIVE = (signed(HASHES[text]) for text in ("a", "abc", "5"))
TABLES = (
    table((Part(2),), {key(A): (0.5, 1.0), key(ABC): (0.25, 0.0)}, (-1.0, 0.0)),
    table((Part(2), Part(4)), {key(A, FIVE): (7.0,)}, (0.125,)),
    table((Part(3), Part(0, ABOVE, 1.5)), {key(A, 1): (2.0,), key(A, 0): (3.0,)}, (4.0,)),
    table((Part(3), Part(1, ABOVE_OR_NAN, -2.0), Part(2, EQUAL, A)), {key(ABC, 1, 1): (5.0,)}, (6.0,)),
    table((Part(4),), {}, (9.0,)),
)
"""What catboost.npz holds, which random features read too."""

INPUTS = {
    "x": Input("item", "float", nan="allow"),
    "y": Input("user", "float", nan="allow"),
    "one": Input("item", "string"),
    "two": Input("user", "string"),
    "number": Input("item", "int"),
}
COLUMNS: dict[str, Any] = {
    "x": [1.5, 1.75, None],
    "y": [None, -2.0, -1.0],
    "one": ["a", "abc", "a"],
    "two": ["a", "a", "abc"],
    "number": [5, 5, -5],
}
FIRST = [0.5, 1.0, 7.0, 3.0, 6.0, 9.0]
SECOND = [0.25, 0.0, 0.125, 2.0, 6.0, 9.0]
THIRD = [0.5, 1.0, 0.125, 4.0, 5.0, 9.0]


def plan(inputs: Mapping[str, Input] = INPUTS, folder: Path = Path(__file__).parent, **options: Any) -> FeaturePlan:
    given = {"vocabulary": "catboost.npz", "numbers": 2, **options}
    return FeaturePlan.compile(FeatureSpec(inputs, {"f": Feature("catboost", tuple(inputs), given)}), folder, {})


def test_the_hash_is_catboosts() -> None:
    texts = [text.encode() for text in HASHES]
    assert (cityhash64(texts) & np.uint64(0xFFFFFFFF)).tolist() == list(HASHES.values())
    assert [int(cityhash64([text])[0] & np.uint64(0xFFFFFFFF)) for text in texts] == list(HASHES.values())
    assert cityhash64([]).tolist() == []


def test_numbers_stand_first_then_what_tables_say() -> None:
    found = plan().assemble_columns(COLUMNS).tensors["f"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, :2], np.array([[1.5, np.nan], [1.75, -2], [np.nan, -1]], np.float32))
    assert found[:, 2:].tolist() == [FIRST, SECOND, THIRD]


def test_a_user_comes_once_for_all_candidates() -> None:
    items = {name: COLUMNS[name][:2] for name in ("x", "one", "number")}
    found = plan().assemble({"two": "a"}, {}, items).tensors["f"]
    assert found[:, 2:].tolist() == [FIRST, SECOND]
    assert plan().assemble({"two": "a"}, {}, {name: [] for name in items}).tensors["f"].shape == (0, 8)


def test_what_overflows_and_what_has_no_text_is_refused_with_its_row() -> None:
    with pytest.raises(InputError, match=r"items\.x\[1\].*beyond 32 bits"):
        plan().assemble_columns({**COLUMNS, "x": [1.0, 1e300, 1.0]})
    with pytest.raises(InputError, match=r"items\.one\[2\].*surrogate"):
        plan().assemble_columns({**COLUMNS, "one": ["a", "b", "\ud800"]})


def test_the_stored_file_is_these_tables() -> None:
    with np.load(Path(__file__).with_name("catboost.npz")) as file:
        stored = {name: file[name] for name in file.files}
    wanted = ctrs.arrays(TABLES)
    assert stored.keys() == wanted.keys()
    assert all((stored[name] == array).all() and stored[name].dtype == array.dtype for name, array in wanted.items())


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("keys", lambda array: array[:-1], "keys and key_ends differ"),
        ("keys", lambda array: array.astype(np.int64), "keys in .* is int64"),
        ("rows", lambda array: array[:-1], "rows do not have the size"),
        ("widths", lambda array: array - 1, "are not of the same tables"),
        ("widths", lambda array: array[:-1], "are not of the same tables"),
        ("part_of", lambda array: array + 1, "names an input"),
        ("part_of", lambda array: array - 3, "names an input"),
        ("part_test", lambda array: array + 4, "names an input"),
        ("part_value", lambda array: array[:-1], "must have 9 entries"),
        ("part_ends", lambda array: array[::-1], "must rise"),
        ("key_ends", lambda array: array[::-1], "must rise"),
    ],
)
def test_tables_that_do_not_fit_are_refused(name: str, change: Any, message: str, tmp_path: Path) -> None:
    arrays = ctrs.arrays(TABLES)
    np.savez(tmp_path / "catboost.npz", **{**arrays, name: change(arrays[name])})
    with pytest.raises(SpecError, match=message):
        plan(folder=tmp_path)


def test_a_spec_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot read the tables in 'other\.npz'"):
        plan(vocabulary="other.npz")
    (tmp_path / "catboost.npz").write_bytes(b"PK")
    with pytest.raises(SpecError, match=r"cannot read the tables in 'catboost\.npz'"):
        plan(folder=tmp_path)
    with pytest.raises(SpecError, match="numbers is 9; of names 5 inputs"):
        plan(numbers=9)
    with pytest.raises(SpecError, match="'one' is string, but catboost reads int or float"):
        plan(numbers=3)
    with pytest.raises(SpecError, match="'y' is float, but catboost reads int or string"):
        plan(numbers=1)
