"""Models in libFM's text form against its formula, pair by pair; and what is refused of its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_kit import imported, names, unpack

from ranklet.errors import ImportRefused
from ranklet.importers import libfm
from ranklet.importers.proposal import Wishes

ARCHIVE = Path(__file__).parent / "libfm.zip"
TEXT = "#global bias W0\n0.5\n#unary interactions Wj\n0.1\n0.2\n0.3\n#pairwise interactions Vj,f\n1 2\n-3 4e-3\n5 6\n"
LINE = "{user_id+0} {movie_id+1} 2:{age}"
OPTIONS = {"line": LINE, "task": "c", "method": "sgd"}


@pytest.mark.parametrize("name", names(ARCHIVE))
def test_scores_are_those_of_its_formula(name: str, tmp_path: Path) -> None:
    stored = unpack(ARCHIVE, name, tmp_path)
    assert libfm.recognises(stored.path, stored.path.read_bytes()[:64])
    np.testing.assert_allclose(imported(libfm, stored), stored.scores, rtol=1e-6, atol=1e-7)


def propose(tmp_path: Path, content: str, **options: str) -> None:
    path = tmp_path / "model.txt"
    path.write_text(content, encoding="utf-8")
    libfm.propose(path, Wishes(options={**OPTIONS, **options}))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TEXT.replace("0.5\n", ""), "'#global bias W0' has one number|#global"),
        (TEXT.replace("0.5\n", "0.5\n0.5\n"), "line 3 is '0.5', where '#global bias W0' has one number"),
        (TEXT.replace("#unary interactions Wj", "#unary"), "line 3 is '#unary'; the parts are"),
        (TEXT.replace("0.2\n", "0.2 7\n"), "line 5 is '0.2 7', where"),
        (TEXT.replace("0.2\n", ""), "2 unary and 3 pairwise"),
        (TEXT.replace("4e-3", ""), "line 9 has 1 factors, lines before it 2"),
        (TEXT.replace("4e-3", "nan"), "line 9: 'nan'"),
        (TEXT.replace("4e-3", "-inf"), "line 9: '-inf'"),
        (TEXT.replace("4e-3", "four"), "line 9: 'four'"),
        (TEXT + "#unary interactions Wj\n", "line 11 is '#unary interactions Wj'; the parts are"),
        (TEXT[: TEXT.index("#pair")], "ends before '#pairwise interactions Vj,f'"),
        (TEXT[: TEXT.index("1 2")], "ends before"),
        ("#pairwise interactions Vj,f\n\n\n", "no weights at all"),
        ("0.5\n" + TEXT, "line 1 is '0.5', where '#global bias W0'"),
        ("", "ends before"),
    ],
)
def test_a_damaged_file_is_refused_by_its_line(tmp_path: Path, content: str, told: str) -> None:
    if content == TEXT.replace("0.5\n", ""):  # no bias is one of 0: the part is there, and its number is not
        told = "has one number"
        content = content.replace("#global bias W0\n", "#global bias W0\n\n")
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, content)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"task": "x"}, "does not say what was learnt"),
        ({"method": "als"}, "als gives a normal distribution's"),
        ({"method": "mcmc"}, "give -o method=sgd or sgda"),
        ({"low": "1"}, "-o low is for -o task=r"),
        ({"task": "r", "low": "one"}, "-o low: 'one'"),
        ({"task": "r", "low": "5", "high": "1"}, "low is 5 and high 1"),
        ({"line": "{user_id} {movie_id}:{age} 3:{age}"}, "'3' is no index; the model has 0 … 2"),
        ({"line": "{user_id} {tags*}:{age}"}, "a list of names has a list of values"),
    ],
)
def test_options_that_do_not_say_what_it_did_are_refused(tmp_path: Path, options: dict[str, str], told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, TEXT, **options)


def test_ids_end_where_the_next_begin(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text(TEXT, encoding="utf-8")
    proposal = libfm.propose(tmp_path / "model.txt", Wishes(options=OPTIONS))
    sizes = {name: proposal.features[name].get("size") for name in proposal.features}
    assert sizes == {"user_id": 1, "movie_id": 1, "age": None}
    whole = Wishes(options={**OPTIONS, "line": "{user_index} {movie_index} 2:{age}"})
    proposal = libfm.propose(tmp_path / "model.txt", whole)
    assert proposal.features["movie_index"]["size"] == 3


def test_inputs_that_are_indices_share_their_weights(tmp_path: Path) -> None:
    """As where names were hashed to indices: every input may have any."""
    (tmp_path / "model.txt").write_text(TEXT, encoding="utf-8")
    line = "{a} {b} {c*}:0.5 {d*}:0.5 {e*}:{x*} {f+1}"
    proposal = libfm.propose(tmp_path / "model.txt", Wishes(options={**OPTIONS, "line": line}))
    (step,) = proposal.steps
    assert step.options["tables"] == {
        "a": "indices_0_to_2_times_1",
        "b": "indices_0_to_2_times_1",
        "c": "indices_0_to_2_times_0.5",
        "d": "indices_0_to_2_times_0.5",
        "e": "indices_0_to_2_times_1",
    }


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_mutated_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(TEXT.encode())
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mutated") / "model.txt"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = libfm.read(path, {})
    except ImportRefused:
        return
    assert found.v is None or np.isfinite(found.v).all()
