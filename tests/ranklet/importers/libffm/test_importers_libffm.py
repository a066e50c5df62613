"""Models that libFFM trained, against its own predictions; and what is refused of its files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_kit import imported, names, unpack

from ranklet.errors import ImportRefused
from ranklet.importers import libffm
from ranklet.importers.proposal import Wishes

ARCHIVE = Path(__file__).parent / "libffm.zip"
MODELS = pytest.mark.parametrize("name", names(ARCHIVE))
TEXT = "n 2\nm 2\nk 2\nnormalization 1\nw0,0 1 2 \nw0,1 3 4 \nw1,0 5 6 \nw1,1 7 8 \n"
LINE = "0:{user_id+0} 1:{movie_id+1}"


@MODELS
def test_scores_are_libffms_own(name: str, tmp_path: Path) -> None:
    stored = unpack(ARCHIVE, name, tmp_path)
    assert libffm.recognises(stored.path, stored.path.read_bytes()[:64])
    np.testing.assert_allclose(imported(libffm, stored), stored.scores, rtol=1e-5, atol=1e-6)


@MODELS
@pytest.mark.oracle
def test_stored_scores_are_still_its_own(name: str, tmp_path: Path) -> None:
    kit = pytest.importorskip("libffm_kit")
    if name.startswith(("text", "without")):
        pytest.skip("it reads the form of its own version and build alone")
    stored = unpack(ARCHIVE, name, tmp_path)
    rows = [{key: stored.columns[key][at] for key in stored.columns} for at in range(len(stored.scores))]
    np.testing.assert_allclose(kit.predict(stored.path, rows), stored.scores, rtol=1e-5, atol=1e-6)


def propose(tmp_path: Path, content: bytes | str, line: str = LINE) -> None:
    path = tmp_path / "model"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    libffm.propose(path, Wishes(options={"line": line}))


def binary(n: int = 2, m: int = 2, k: int = 4, *, weight: float = 0.5, of: float = 1.0, norm: int = 1) -> bytes:
    block = np.array([weight] * 4 + [of] * 4, "<f4").tobytes()
    return struct.pack("<iiiB", n, m, k, norm) + block * (n * m * -(-k // 4))


def test_both_forms_are_read(tmp_path: Path) -> None:
    propose(tmp_path, TEXT)
    propose(tmp_path, binary())
    propose(tmp_path, binary(k=3))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TEXT.replace("k 2", "k two"), "line 3 is 'k two'"),
        (TEXT.replace("m 2\n", ""), "line 2 is 'k 2'"),
        (TEXT.replace("normalization 1", "normalization 7"), r"is \[2, 2, 2, 7\]"),
        (TEXT.replace("n 2", "n 999999999"), "ends after 4 of 1999999998 lines"),
        (TEXT.replace("n 2", "n 1"), "line 7 is"),
        (TEXT.replace("3 4", "3"), "line 6 is"),
        (TEXT.replace("3 4", "3 nan"), "line 6: 'nan'"),
        (TEXT.replace("3 4", "3 1e39"), "line 6: '1e39'"),
        (TEXT.replace("w0,1", "w0,0"), "where `w0,1` and 2 numbers stand"),
        (TEXT.replace("3 4", "3 \udcff").encode(errors="surrogateescape"), "line 6 is no UTF-8"),
        (TEXT[:60], "ends after|line"),
        ("n 2\n", "its header"),
        (binary()[:-4], "no model of libFFM's"),
        (binary() + b"x", "no model of libFFM's"),
        (binary(of=0.5), "no model of libFFM's"),
        (binary(weight=2.0), "no model of libFFM's"),
        (binary(weight=float("nan")), "factor 0 of feature 0, field 0 is nan"),
        (binary(norm=2), "no model of libFFM's"),
        (struct.pack("<iii?", 2**31 - 1, 2**31 - 1, 4, True), "no model of libFFM's"),
        (struct.pack("<iii?", -1, -1, 1, True) + b"\0" * 8, "no model of libFFM's"),
        (b"", "no model of libFFM's"),
    ],
)
def test_a_damaged_file_is_refused_by_its_line_or_number(tmp_path: Path, content: bytes | str, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, content)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{user_id}", "field:name"),
        ("0:{user_id} 2:{movie_id}", "no field '2'; it has 0 … 1"),
        ("0:{user_id} 1:{movie_id+2}", "begins at 2; the model has 0 … 1"),
        ("0:user={user_id} 1:{movie_id}", "the model has indices"),
        ("0:{user_id:string} 1:{movie_id}", "the model has indices"),
        ("0:{user_id} 1:7:{age}", "'7' is no index"),
        ("0:{user_id} 1:age:{age}", "'age' is no index"),
        ("0:{user_id}:0.5 1:{movie_id}", r"give its value as an input, 0:\{user_id\}"),
        ("0:{user_id} 1:0", "the same in every line"),
    ],
)
def test_a_line_that_does_not_fit_is_refused_by_its_token(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, TEXT, line)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("user=1", "line 1 is 'user=1'"),
        ("user=1 0\nuser=1 1", "line 2: 'user=1' comes twice"),
        ("user=1 9", "wanted a name and 0 … 1"),
        ("user=1 -1", "wanted a name and 0 … 1"),
        ("other=1 0", "the model has no such name; it has other=1"),
        ("user=x 0\nmovie=1 1", "names with an int there, the model has none"),
    ],
)
def test_a_dictionary_that_does_not_fit_is_refused_by_its_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "model").write_text(TEXT, encoding="utf-8")
    (tmp_path / "names.txt").write_text(content, encoding="utf-8")
    options = {"line": "0:user={user_id:int} 1:movie={movie_id:int}", "names": str(tmp_path / "names.txt")}
    with pytest.raises(ImportRefused, match=told) as refused:
        libffm.propose(tmp_path / "model", Wishes(options=options))
    assert str(tmp_path) not in str(refused.value)


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_mutated_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([TEXT.encode(), binary(), binary(k=3)])))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mutated") / "model"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = libffm.read(path)
    except ImportRefused:
        return
    assert found.v is not None
    assert np.isfinite(found.v).all()
