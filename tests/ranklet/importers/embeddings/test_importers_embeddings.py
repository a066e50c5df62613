"""Files of embeddings: what is drafted on them scores as gensim does, and what is no embedding is refused."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_kit import names, unpack

from ranklet import draft, importers, pipeline
from ranklet.errors import ImportRefused
from ranklet.importers import embeddings
from ranklet.importers.proposal import Wishes

ARCHIVE = Path(__file__).parent / "embeddings.zip"
VALUES = np.random.default_rng(6).normal(size=(30, 5)).astype(np.float32)
KEYS = [7 * at + 3 for at in range(30)]
Build = Callable[[Path, Mapping[str, str]], Path]


@pytest.mark.parametrize("name", names(ARCHIVE))
def test_scores_are_gensims_own(name: str, tmp_path: Path) -> None:
    """Through the real handler: golden requests are replaced by gensim's, and the build holds the package to them."""
    stored = unpack(ARCHIVE, name, tmp_path)
    folder = tmp_path / "functions" / "similar"
    assert draft.draft(stored.path, folder, wishes=stored.wishes).format == "embeddings"
    rows = zip(stored.more["requests"], stored.scores, strict=True)
    lines = [json.dumps({"request": request, "scores": scores}) for request, scores in rows]
    (folder / "golden.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == len(lines)
    assert max(built.certificate.paths.values()) < 1e-6


@pytest.mark.oracle
def test_stored_scores_are_still_gensims_own(tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    make = runpy.run_path(str(ARCHIVE.with_name("make_models.py")))
    stored = unpack(ARCHIVE, "item2vec", tmp_path)
    vectors = make["KeyedVectors"].load_word2vec_format(str(stored.path))
    for request, scores in zip(stored.more["requests"], stored.scores, strict=True):
        found = make["similar"](vectors, request["user"]["history"], request["items"]["item_id"])
        np.testing.assert_allclose(found, scores, rtol=1e-6, atol=1e-7)


def _text(head: str, line: str) -> Callable[[Path], Mapping[str, str]]:
    def write(path: Path) -> Mapping[str, str]:
        rows = zip(KEYS, VALUES.tolist(), strict=True)
        blanks = [line.format(key, " ".join(map(str, row)), ",".join(map(str, row))) for key, row in rows]
        path.write_text(head + "".join(blanks), encoding="utf-8")
        return {}

    return write


def _jsonl(path: Path) -> Mapping[str, str]:
    rows = zip(KEYS, VALUES.tolist(), strict=True)
    path.write_text("".join(json.dumps({"n": "x", "id": key, "e": row}) + "\n" for key, row in rows), encoding="utf-8")
    return {"key": "id"}


def _frame() -> pd.DataFrame:
    frame = pd.DataFrame(VALUES.astype(np.float64), columns=[f"v{at}" for at in range(5)])
    frame.insert(0, "item_id", KEYS)
    return frame


def _csv(path: Path) -> Mapping[str, str]:
    _frame().to_csv(path, index=False)
    return {}


def _csv_cells(path: Path) -> Mapping[str, str]:
    cells = [" ".join(map(str, row)) for row in VALUES.tolist()]
    pd.DataFrame({"key": KEYS, "vector": cells}).to_csv(path, index=False)
    return {}


def _parquet(path: Path) -> Mapping[str, str]:
    _frame().to_parquet(path)
    return {"vector": "v*"}


def _parquet_lists(path: Path) -> Mapping[str, str]:
    pd.DataFrame({"film": KEYS, "emb": VALUES.tolist()}).to_parquet(path)
    return {}


def _npy(path: Path) -> Mapping[str, str]:
    with path.open("wb") as file:
        np.save(file, VALUES)
    np.save(path.with_name("keys.npy"), np.array(KEYS))
    return {"keys": str(path.with_name("keys.npy"))}


def _npy_lines(path: Path) -> Mapping[str, str]:
    with path.open("wb") as file:
        np.save(file, VALUES)
    path.with_name("keys.txt").write_text("".join(f"{key}\n" for key in KEYS))
    return {"keys": str(path.with_name("keys.txt"))}


WRITERS = {
    "word2vec": _text("30 5\n", "{0} {1}\n"),
    "glove": _text("", "{0} {1} \n"),
    "colon": _text("", "{0}:{1}\n"),
    "commas": _text("30 5\n", "{0}: {2}\r\n"),
    "jsonl": _jsonl,
    "csv": _csv,
    "csv of cells": _csv_cells,
    "parquet": _parquet,
    "parquet of lists": _parquet_lists,
    "npy": _npy,
    "npy and lines": _npy_lines,
}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("users", [False, True])
def test_every_form_is_known_drafted_and_built(form: str, users: bool, tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    options = dict(WRITERS[form](path))
    if users:
        people = tmp_path / "people" / "vectors"
        people.parent.mkdir()
        own = WRITERS[form](people)
        options |= {"users": str(people), "metric": "cosine"} | ({"user_keys": own["keys"]} if "keys" in own else {})
    folder = tmp_path / "functions" / "similar"
    assert draft.draft(path, folder, wishes=Wishes(options=options)).format == "embeddings"
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == 6
    assert list(built.placements) == (["items", "users"] if users else ["items"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1 0.5 2\n-2 1 2\n", "int"),
        ("1 0.5 2\n007 1 2\n", "string"),
        ("1 0.5 2\nżółw 1 2\n", "string"),
        ("user:1:0.5,2\nuser:2:1,2\n", "string"),
        ('{"id": "1", "e": [1, 2]}\n', "string"),
    ],
)
def test_keys_are_integers_where_all_are(text: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "v").write_text(text, encoding="utf-8")
    proposal = embeddings.propose(tmp_path / "v", Wishes())
    assert proposal.inputs["item_id"].fields["type"] == proposal.tables["items"]["key"] == kind


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("3 2\n1 1 2\n2 1 2\n", "says 3 rows on line 1 and has 2; it was cut off"),
        ("1 1 2\n2 1\n", "line 2 of v has the key '2' and 1 numbers, where 2 stand"),
        ("1 1 2\n2 1 nan\n", "line 2 of v holds a NaN"),
        ("1 1 2\n2 1 1e999\n", "line 2 of v holds a NaN or an infinity"),
        ("1 1 2\n2 1 x\n", "line 2 of v holds what is no number"),
        ("1 1 2\n2 1 \udcff\n", "line 2 of v is no UTF-8"),
        ("1:1 2\n:1 2\n", "line 2 of v has the key ''"),
        ('{"id": 1, "e": [1, 2]}\n{"id": 2}\n', "line 2 of v has no 'id' beside a list 'e'"),
        ('{"id": 1, "e": [1, 2]}\n{"id": true, "e": [1, 2]}\n', "line 2 of v has the key 'True'"),
        ('{"id": 1, "e": [1, 2]}\n{"id"\n', "line 2 of v is no JSON"),
        ('{"id": 1, "e": [1, 2]}\n' + "[" * 100_000 + "\n", "line 2 of v is no JSON"),
        ('{"id": 1, "e": [1, 2]}\n{"id": 2, "e": [1, "x"]}\n', "line 2 of v holds what is no number"),
        ('{"id": 1, "e": [1, 2]}\n{"id": 2, "e": [1, 1' + "0" * 400 + "]}\n", "line 2 of v holds"),
        ("key,a,b\n1,2,3\n4,5\n", "line 3 of v has 2 cells, its header 3"),
        ("key,a,b\n1,x,3\n", "line 2 of v holds what is no number"),
        (b"PAR1 and more", "cannot be read as Parquet"),
        (b"\x93NUMPY\x01\x00", "has vectors and no keys: give -o keys=FILE"),
        ("some words here\n", "v has no embeddings: read are"),
        ("", "v has no embeddings"),
    ],
)
def test_what_is_no_row_is_refused_with_its_line(tmp_path: Path, content: bytes | str, told: str) -> None:
    path = tmp_path / "v"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogateescape"))
    with pytest.raises(ImportRefused, match=told) as refused:
        embeddings.propose(path, Wishes())
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"metric": "euclid"}, "-o metric=euclid: allowed are dot, cosine"),
        ({"pool": "max"}, "-o pool=max: allowed are mean, sum"),
        ({"users": "{}/other", "pool": "sum"}, "each user has a vector, drop one"),
        ({"users": "{}/other"}, "other has 3 numbers a row, v 2"),
        ({"users": "{}/none"}, "no file none"),
        ({"vector": "e"}, None),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: dict[str, str], told: str | None) -> None:
    (tmp_path / "v").write_text("1 1 2\n2 1 2\n")
    (tmp_path / "other").write_text("1 1 2 3\n2 1 2 3\n")
    wishes = Wishes(options={name: value.format(tmp_path) for name, value in options.items()})
    if told is None:
        embeddings.propose(tmp_path / "v", wishes)
        return
    with pytest.raises(ImportRefused, match=told):
        embeddings.propose(tmp_path / "v", wishes)


def test_arrays_and_keys_must_fit(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", VALUES)
    np.save(tmp_path / "few.npy", np.arange(3))
    np.save(tmp_path / "flat.npy", np.arange(3.0))
    np.save(tmp_path / "objects.npy", np.array([{}, 1], object), allow_pickle=True)
    for path, keys, told in [
        ("v.npy", "few.npy", "as many keys stand"),
        ("flat.npy", "few.npy", "where floats"),
        ("objects.npy", "few.npy", "cannot be read"),
        ("v.npy", "objects.npy", "cannot be read"),
        ("v.npy", "none.npy", "give -o keys=FILE"),
    ]:
        with pytest.raises(ImportRefused, match=told):
            embeddings.propose(tmp_path / path, Wishes(options={"keys": str(tmp_path / keys)}))


def test_lines_of_other_formats_stay_theirs(tmp_path: Path) -> None:
    """Weights are lines of numbers too."""
    (tmp_path / "a").write_text("bias 0.5 1 1\nx 1 1 1\n")
    (tmp_path / "b").write_text("bias: 0.5\ni_0: 1\n")
    assert importers.recognise(tmp_path / "a") == "alphafm"
    assert importers.recognise(tmp_path / "b") == "xlearn"


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_mutated_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    texts = ["2 3\n1 1 2 3\n2 1 2 3\n", "1:1,2\n2:3,4\n", '{"id": 1, "e": [1, 2]}\n', "key,a,b\n1,2,3\n"]
    whole = bytearray(data.draw(st.sampled_from(texts)).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mutated") / "v"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    embeddings.recognises(path, path.read_bytes()[:64])
    try:
        proposal = embeddings.propose(path, Wishes())
    except ImportRefused:
        return
    assert proposal.tables["items"]["key"] in ("int", "string")
