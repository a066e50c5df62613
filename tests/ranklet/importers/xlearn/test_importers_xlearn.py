"""Models that xLearn trained, against its own predictions; and what is refused of its files.

Its text has six digits and its predictions too, so that scores agree to 1e-5 and no further.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_kit import imported, names, unpack

from ranklet.errors import ImportRefused
from ranklet.importers import xlearn
from ranklet.importers.proposal import Wishes

ARCHIVE = Path(__file__).parent / "xlearn.zip"
LINEAR = "bias: 0.5\ni_0: 1\ni_1: -2e-3\n"
FM = LINEAR + "v_0: 1 2\nv_1: 3 4\n"
FFM = LINEAR + "v_0_0: 1 2\nv_0_1: 3 4\nv_1_0: 5 6\nv_1_1: 7 8\n"
LINES = {LINEAR: "{user_id+0} {movie_id+1}", FM: "{user_id+0} {movie_id+1}", FFM: "0:{user_id+0} 1:{movie_id+1}"}


@pytest.mark.parametrize("name", names(ARCHIVE))
def test_scores_are_xlearns_own(name: str, tmp_path: Path) -> None:
    stored = unpack(ARCHIVE, name, tmp_path)
    assert xlearn.recognises(stored.path, stored.path.read_bytes()[:64])
    np.testing.assert_allclose(imported(xlearn, stored), stored.scores, rtol=1e-5, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("name", names(ARCHIVE))
def test_stored_scores_are_still_its_own(name: str, tmp_path: Path) -> None:
    pytest.importorskip("xlearn.xlearn")
    make = runpy.run_path(str(ARCHIVE.with_name("make_models.py")))
    stored = unpack(ARCHIVE, name, tmp_path)
    rows = [{key: stored.columns[key][at] for key in stored.columns} for at in range(len(stored.scores))]
    assert make["predicted"](make["MODELS"][name], stored.path.with_name("model.bin"), rows) == stored.scores


def propose(tmp_path: Path, content: str, line: str, **options: str) -> None:
    path = tmp_path / "model.txt"
    path.write_text(content, encoding="utf-8")
    xlearn.propose(path, Wishes(options={"line": line, **options}))


@pytest.mark.parametrize(("content", "line"), LINES.items())
def test_each_kind_is_told_by_its_lines(tmp_path: Path, content: str, line: str) -> None:
    propose(tmp_path, content, line, **({} if content == LINEAR else {"norm": "on"}))


def test_one_feature_may_have_fields(tmp_path: Path) -> None:
    propose(tmp_path, "bias: 0\ni_0: 1\nv_0_0: 1\nv_0_1: 2\n", "0:{user_id+0} 1:{movie_id}", norm="off")


@pytest.mark.parametrize(
    ("of", "content", "told"),
    [
        (LINEAR, "bias 0.5\n", "line 1 is 'bias 0.5', where `bias: b` stands"),
        (LINEAR, LINEAR.replace("i_1", "i_2"), "line 3 is 'i_2: -2e-3', where `i_1: w` stands"),
        (LINEAR, LINEAR.replace("-2e-3", "nan"), "line 3: 'nan'"),
        (LINEAR, LINEAR.replace("-2e-3", "1e39"), "line 3: '1e39'"),
        (LINEAR, LINEAR.replace("-2e-3", ""), "line 3: ''"),
        (LINEAR, "bias: 0.5\n", "it has no weights"),
        (LINEAR, "", "line 1 is ''"),
        (FM, FM.replace("3 4", "3"), "line 5 is 'v_1: 3', where `v_1:` and 2 numbers stand"),
        (FM, FM.replace("3 4", "3 inf"), "line 5: 'inf'"),
        (FM, FM.replace("v_1: 3 4\n", ""), "factors of 1 lines for 2 features"),
        (FM, FM + "v_2: 3 4\n", "factors of 3 lines for 2 features"),
        (FM, FM.replace("v_1", "v_0"), "where `v_1:` and 2 numbers stand"),
        (FM, FM.replace("v_1", "v_1_0"), "where `v_"),
        (FFM, FFM.replace("v_1_1: 7 8\n", ""), "factors of 3 lines for 2 features"),
        (FFM, FFM.replace("v_0_1: 3 4\n", ""), "is 'v_1_1: 7 8', where `v_2_0:`|where `v_"),
        (FFM, FFM.replace("v_1_0", "v_9999999999_0"), "where `v_0_2:` and 2 numbers stand"),
        (FFM, FFM.replace("v_1_0", "v_1"), "where `v_"),
        (FFM, FFM.replace("7 8", "7 \udcff"), ""),
    ],
)
def test_a_damaged_file_is_refused_by_its_line(tmp_path: Path, of: str, content: str, told: str) -> None:
    path = tmp_path / "model.txt"
    path.write_bytes(content.encode(errors="surrogateescape"))
    options = {"line": LINES[of]} if of == LINEAR else {"line": LINES[of], "norm": "on"}
    with pytest.raises(ImportRefused, match=told or "line 7 is no UTF-8"):
        xlearn.propose(path, Wishes(options=options))


@pytest.mark.parametrize(
    ("of", "options", "told"),
    [
        (FM, {}, "does not say whether rows were normalised: give -o norm=on"),
        (FFM, {"norm": "yes"}, "does not say whether rows were normalised"),
        (LINEAR, {"norm": "on"}, "xLearn's linear scores are never normalised"),
        (LINEAR, {"link": "logit"}, "-o link=logit: identity"),
        (LINEAR, {"task": "c"}, "-o task is not known"),
    ],
)
def test_options_that_do_not_say_what_it_did_are_refused(
    tmp_path: Path, of: str, options: dict[str, str], told: str
) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, of, LINES[of], **options)


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_mutated_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([LINEAR, FM, FFM])).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mutated") / "model.txt"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for norm in ({}, {"norm": "on"}):
        try:
            found = xlearn.read(path, norm)
        except ImportRefused:
            continue
        assert found.w is not None
        assert np.isfinite(found.w).all()
