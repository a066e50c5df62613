"""One id per row: known values, and every policy for the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import orjson
import pytest
from features_support import item, plan_of, run_one, user
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features import Feature, InputError, SpecError
from ranklet_features.hashing import hash_codes, start, to_buckets

INT64 = st.integers(-(2**63), 2**63 - 1)


def hashed(value: int | str, buckets: int, seed: int = 0) -> int:
    code = crc32(value.encode()) if isinstance(value, str) else value & (2**64 - 1)
    return int(to_buckets(hash_codes(np.array([code], np.uint64), start(seed)), buckets)[0])


@pytest.mark.parametrize("column", [["b", "a", "b"], ["a"], []])
def test_a_word_has_its_place_in_the_vocabulary(column: list[str]) -> None:
    made = run_one("category", item("string"), column, vocabulary=["a", "b"])["x"]
    assert made.dtype == np.int64
    assert made.tolist() == [["a", "b"].index(word) for word in column]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0, 2, 1, 2]),
        ({"oov": "index"}, [0, 2, 1, 2]),
        ({"oov_index": -1}, [0, -1, 1, -1]),
        ({"oov_index": 0}, [0, 0, 1, 0]),
        ({"oov": "hash", "oov_buckets": 5}, [0, 2 + hashed("x", 5), 1, 2 + hashed("y", 5)]),
        ({"oov": "hash", "oov_buckets": 5, "seed": 3}, [0, 2 + hashed("x", 5, 3), 1, 2 + hashed("y", 5, 3)]),
    ],
)
def test_strange_words(options: dict[str, Any], expected: list[int]) -> None:
    made = run_one("category", item("string"), ["a", "x", "b", "y"], vocabulary=["a", "b"], **options)["x"]
    assert made.tolist() == expected


@pytest.mark.parametrize(
    "options",
    [
        {"vocabulary": ["a", "b"]},
        {"vocabulary": ["a", "b"], "oov": "error"},
        {"vocabulary": ["a", "b", ""]},
        {"vocabulary": ["a", "b"], "oov": "hash", "oov_buckets": 5},
    ],
)
def test_a_value_that_means_none_has_no_id(options: dict[str, Any]) -> None:
    made = run_one("category", item("string"), ["a", "", "b", ""], absent="", **options)["x"]
    assert made.tolist() == [0, -1, 1, -1]
    assert run_one("category", item("string"), [], absent="", **options)["x"].tolist() == []


def test_an_integer_that_means_none_has_no_id() -> None:
    column = [3, -1, 9, 4]
    assert run_one("category", item("int"), column, size=5, absent=-1)["x"].tolist() == [3, -1, 5, 4]
    assert run_one("category", item("int"), column, buckets=5, absent=-1)["x"].tolist()[1] == -1


@pytest.mark.parametrize("words", [[5, 3, 10], [5, 3, 10**9], [-(2**63), 2**63 - 1, 0]])
@pytest.mark.parametrize(
    "options", [{}, {"oov_index": -1}, {"oov_index": 1}, {"oov": "hash", "oov_buckets": 4, "seed": 2}]
)
def test_strange_ints(words: list[int], options: dict[str, Any]) -> None:
    column = [*words, words[0] - 1 if words[0] > -(2**63) else 7, 4, -1, 2**63 - 1, -(2**63)]
    strange = options.get("oov_index", 3)
    expected = [
        words.index(value) if value in words else 3 + hashed(value, 4, 2) if "oov_buckets" in options else strange
        for value in column
    ]
    assert run_one("category", item("int"), column, vocabulary=words, **options)["x"].tolist() == expected


@given(st.lists(INT64, min_size=1, max_size=30, unique=True), st.lists(INT64, max_size=20), st.data())
def test_int_vocabularies_agree_with_a_dict(words: list[int], others: list[int], data: st.DataObject) -> None:
    column = data.draw(st.permutations(others + words))
    ids = {word: i for i, word in enumerate(words)}
    made = run_one("category", item("int"), column, vocabulary=words)["x"]
    assert made.tolist() == [ids.get(value, len(words)) for value in column]


@given(st.integers(-(10**6), 10**6), st.sets(st.integers(0, 200), min_size=1), st.lists(st.integers(-300, 500)))
def test_dense_int_vocabularies_agree_with_a_dict(base: int, offsets: set[int], others: list[int]) -> None:
    words = [base + offset for offset in offsets]
    ids = {word: i for i, word in enumerate(words)}
    column = [base + other for other in others]
    made = run_one("category", item("int"), column, vocabulary=words)["x"]
    assert made.tolist() == [ids.get(value, len(words)) for value in column]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [0, 4, 5, 5, 5]), ({"oov_index": -1}, [0, 4, -1, -1, -1]), ({"oov_index": 0}, [0, 4, 0, 0, 0])],
)
def test_size_takes_the_value_as_the_id(options: dict[str, Any], expected: list[int]) -> None:
    column = [0, 4, 5, -1, -(2**63)]
    assert run_one("category", item("int"), column, size=5, **options)["x"].tolist() == expected


def test_size_with_further_buckets() -> None:
    made = run_one("category", item("int"), [3, 99], size=5, oov="hash", oov_buckets=7)["x"]
    assert made.tolist() == [3, 5 + hashed(99, 7)]


@pytest.mark.parametrize(("kind", "column"), [("int", [1, -5, 2**62]), ("string", ["a", "", "żółw"])])
def test_buckets_hash_every_value(kind: str, column: list[Any]) -> None:
    made = run_one("category", item(kind), column, buckets=1000, seed=9)["x"]
    assert made.tolist() == [hashed(value, 1000, 9) for value in column]


@pytest.mark.parametrize(
    ("kind", "options", "column", "message"),
    [
        ("string", {"vocabulary": ["a", "b"]}, ["a", "c"], "the string 'c' has no id among the 2 that are known"),
        ("int", {"vocabulary": [1, 2]}, np.array([1, 3]), "the int 3 has no id among the 2 that are known"),
        ("int", {"vocabulary": [1, 10**12]}, [1, 3], "the int 3 has no id"),
        ("int", {"size": 2}, [1, -1], "the int -1 has no id"),
    ],
)
def test_error_names_the_stranger(kind: str, options: dict[str, Any], column: Any, message: str) -> None:
    with pytest.raises(InputError, match=rf"^\$\.items\.v\[1\]: {message}"):
        run_one("category", item(kind), column, oov="error", **options)


def test_error_in_a_single_value_has_no_index() -> None:
    plan = plan_of(
        {"v": user("string"), "n": item("int")},
        {"x": Feature("category", ("v",), {"vocabulary": ["a"], "oov": "error"})},
    )
    with pytest.raises(InputError, match=r"^\$\.user\.v: the string 'b' has no id"):
        plan.assemble({"v": "b"}, {}, {"n": [1]})


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({"vocabulary": ["a", "b"]}, 3),
        ({"vocabulary": ["a", "b"], "oov_index": 1}, 2),
        ({"vocabulary": ["a", "b"], "oov_index": 2}, 3),
        ({"vocabulary": ["a", "b"], "oov_index": -1}, 2),
        ({"vocabulary": ["a", "b"], "oov": "error"}, 2),
        ({"vocabulary": ["a", "b"], "oov": "hash", "oov_buckets": 3}, 5),
        ({"buckets": 10}, 10),
    ],
)
def test_the_plan_tells_how_many_ids_there_are(options: dict[str, Any], ids: int) -> None:
    plan = plan_of({"v": item("string")}, {"x": Feature("category", ("v",), options)})
    assert plan.ids == {"x": ids}
    assert plan.signature == {"x": ("int64", (), "item")}
    if "oov" not in options or options["oov"] != "error":
        made = plan.assemble({}, {}, {"v": ["a", "b", *map(str, range(300))]}).tensors["x"]
        assert made.max() == ids - 1


def test_a_vocabulary_may_lie_in_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_bytes(orjson.dumps(["b", "a"]))
    (tmp_path / "ints.json").write_bytes(orjson.dumps([7, 5]))
    np.save(tmp_path / "ints.npy", np.array([7, 5]))
    assert run_one("category", item("string"), ["a", "b"], vocabulary="words.json", folder=tmp_path)["x"].tolist() == [
        1,
        0,
    ]
    for name in ("ints.json", "ints.npy"):
        assert run_one("category", item("int"), [5, 7, 6], vocabulary=name, folder=tmp_path)["x"].tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.json", None, "cannot read the vocabulary 'no.json': "),
        ("no.npy", None, "cannot read the vocabulary 'no.npy': "),
        ("bad.json", b"[1,", "cannot read the vocabulary 'bad.json': "),
        ("bad.npy", b"[1]", "cannot read the vocabulary 'bad.npy': "),
        ("object.json", b'{"a": 1}', "the vocabulary 'object.json' must be a list in a .json file or int64 in a .npy"),
        ("words.txt", b'["a"]', "the vocabulary 'words.txt' must be a list in a .json file"),
        ("words.json", b'["a"]', "vocabulary[0]: an int is expected, not the string 'a'"),
        ("empty.json", b"[]", "the vocabulary is empty"),
    ],
)
def test_a_vocabulary_file_that_cannot_be(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SpecError) as caught:
        run_one("category", item("int"), [1], vocabulary=name, folder=tmp_path)
    assert str(caught.value).startswith(f"feature 'x' (category): {message}")


@pytest.mark.parametrize("array", [np.array([1.0]), np.array([[1]]), np.array([1], np.int32)])
def test_a_vocabulary_array_of_another_type(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "v.npy", array)
    with pytest.raises(SpecError, match=r"the vocabulary 'v.npy' is .*; int64 \[n\] is expected"):
        run_one("category", item("int"), [1], vocabulary="v.npy", folder=tmp_path)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("int", {}, "give exactly one of vocabulary, buckets and size, not none"),
        (
            "int",
            {"vocabulary": [1], "buckets": 3},
            "give exactly one of vocabulary, buckets and size, not vocabulary and buckets",
        ),
        ("int", {"size": 1, "buckets": 3}, "give exactly one of vocabulary, buckets and size, not buckets and size"),
        ("int", {"buckets": 0}, "buckets is 0; it must be from 1 to 2147483648"),
        ("int", {"size": 2**31 + 1}, "size is 2147483649; it must be from 1 to 2147483648"),
        ("string", {"size": 5}, "size takes the value itself as the id and needs an int input"),
        ("string", {"vocabulary": []}, "the vocabulary is empty"),
        ("string", {"vocabulary": ["a", 1]}, "vocabulary[1]: a string is expected, not the int 1"),
        ("string", {"vocabulary": ["a", "b", "a"]}, "the vocabulary holds 'a' more than once"),
        ("int", {"vocabulary": [5, 7, 3, 7, 3]}, "the vocabulary holds 3 more than once"),
        ("int", {"vocabulary": [2**63]}, "vocabulary[0]: an int beyond 64 bits"),
        ("int", {"vocabulary": [1], "oov_index": 2}, "oov_index is 2; it must be from -1 to 1"),
        ("int", {"vocabulary": [1], "oov_index": -2}, "oov_index is -2; it must be from -1 to 1"),
        ("int", {"vocabulary": [1], "oov": "hash"}, 'oov = "hash" and oov_buckets go together'),
        ("int", {"vocabulary": [1], "oov_buckets": 3}, 'oov = "hash" and oov_buckets go together'),
        ("int", {"vocabulary": [1], "oov": "hash", "oov_buckets": 0}, "oov_buckets is 0; it must be from 1"),
        ("int", {"vocabulary": [1], "oov": "error", "oov_index": 0}, 'oov_index goes with oov = "index"'),
        ("int", {"buckets": 3, "oov": "error"}, "oov does not apply to buckets: every value has one"),
        ("int", {"buckets": 3, "oov_index": 0}, "oov does not apply to buckets: every value has one"),
    ],
)
def test_options_that_cannot_be(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        run_one("category", item(kind), [], **options)
    assert str(caught.value).startswith(f"feature 'x' (category): {message}")


def test_an_array_is_no_vocabulary_of_words(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([1, 2]))
    with pytest.raises(SpecError, match=r"the vocabulary: string values are expected, not an array of int64"):
        run_one("category", item("string"), ["a"], vocabulary="v.npy", folder=tmp_path)
