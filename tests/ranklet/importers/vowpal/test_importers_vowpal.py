"""Models that Vowpal Wabbit trained, against its own predictions; and what is refused of its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_kit import Stored, names, unpack

from ranklet import draft, pipeline
from ranklet.errors import ImportRefused
from ranklet.importers import checking, vowpal
from ranklet.importers.proposal import Wishes
from ranklet.importers.vowpal import reading

ARCHIVE = Path(__file__).parent / "vowpal.zip"
MODELS = pytest.mark.parametrize("name", names(ARCHIVE))
HEADER = """Version 9.11.9
Id \nMin label:-50
Max label:50
bits:{bits}
lda:0
0 ngram:
0 skip:
options: {options}
Checksum: 1
:0
"""


def own(stored: Stored, wishes: Wishes) -> np.ndarray:
    """Scores of the stored rows as imported."""
    proposal = vowpal.propose(stored.path, wishes)
    return checking.scores(proposal, {name: stored.columns[name] for name in proposal.inputs})


@MODELS
def test_scores_are_vowpal_wabbits_own(name: str, tmp_path: Path) -> None:
    stored = unpack(ARCHIVE, name, tmp_path)
    np.testing.assert_allclose(own(stored, stored.wishes), stored.scores, rtol=1e-5, atol=4e-6)


@MODELS
@pytest.mark.oracle
def test_stored_scores_are_still_its_own(name: str, tmp_path: Path) -> None:
    pytest.importorskip("vowpalwabbit")
    stored = unpack(ARCHIVE, name, tmp_path)
    binary = {"binary": str(stored.path.with_name("model.vw"))}
    proposal = vowpal.propose(stored.path, Wishes(options={**stored.options, **binary}))
    assert proposal.oracle is not None
    assert proposal.oracle.name.startswith("vowpalwabbit 9")
    found = proposal.oracle.scores({name: stored.columns[name] for name in proposal.inputs})
    np.testing.assert_allclose(found, stored.scores, rtol=1e-5, atol=1e-6)


def test_it_is_drafted_built_and_proved(tmp_path: Path) -> None:
    stored = unpack(ARCHIVE, "ftrl", tmp_path)
    folder = tmp_path / "functions" / "wabbit"
    made = draft.draft(stored.path, folder, wishes=stored.wishes)
    assert made.format == "vowpal"
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == made.golden


def propose(tmp_path: Path, line: str = "|u {a}", *, options: str = "", bits: int = 4, body: str = "3:0.5\n") -> None:
    path = tmp_path / "model.txt"
    path.write_text(HEADER.format(options=options, bits=bits) + body, encoding="utf-8")
    vowpal.propose(path, Wishes(options={"line": line}))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--lrq um3", "--lrq"),
        ("--nn 3", "--nn"),
        ("--oaa 3", "--oaa"),
        ("--cb 2", "--cb"),
        ("--affix +1u", "--affix"),
        ("--link glf1", "glf1"),
        ("--hash_seed x", "hash_seed"),
        ("--interactions u:", "u:"),
        ("--quadratic u", "'u'"),
        ("--link 'logistic", "cannot be read"),
    ],
)
def test_an_option_that_is_not_linear_is_refused_by_name(tmp_path: Path, options: str, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, options=options)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("3:nan\n", "line 12: 'nan'"),
        ("3:inf\n", "line 12: 'inf'"),
        ("3:1e39\n", "line 12: '1e39' is no finite number of 32 bits"),
        ("3:0.5\n3:0.5\n", "line 13: index 3 comes twice"),
        ("16:0.5\n", "line 12: index 16 lies beyond 4 bits"),
        ("-1:0.5\n", "line 12 "),
        ("a^b:3:0.5\n", "no index:weight"),
        ("3 0.5\n", "line 12 "),
    ],
)
def test_a_line_that_is_no_weight_is_refused_with_its_number(tmp_path: Path, body: str, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, body=body)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("user={a}", "begin with a namespace"),
        ("|u a b", "names no raw input"),
        ("|u {a} fixed", "same in every line"),
        ("|u {a}{b}", "one raw input makes a feature"),
        ("|u {a}x", "ends with its raw input"),
        ("|u {a:float}", "in braces stands"),
        ("|u {a} x:{a}", "used in two ways"),
        ("|u {a*}:{b}", "a list of names has a list of values"),
        ("|u:x {a}", "is no number"),
        ("|u {a", "one raw input"),
        ("|v {a}", "no feature of a namespace"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, line, options="--ignore v")


def test_regularisation_that_is_not_in_the_weights_is_refused(tmp_path: Path) -> None:
    text = (
        HEADER.format(options="", bits=4).replace("\n:0\n", "\n:1\n")
        + "initial_t 0\nl1_state 0.5\nl2_state 1\n3:1 1 1\n"
    )
    (tmp_path / "model.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ImportRefused, match=r"l1_state is 0\.5"):
        vowpal.propose(tmp_path / "model.txt", Wishes(options={"line": "|u {a}"}))


def test_without_a_line_it_says_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text(HEADER.format(options="", bits=4) + "3:0.5\n", encoding="utf-8")
    with pytest.raises(ImportRefused, match=r"-o line='\|user user=\{user_id:int\}"):
        vowpal.propose(tmp_path / "model.txt", Wishes())


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_mutated_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(HEADER.format(options="--quadratic um", bits=8).encode() + b"3:0.5\n17:-1e-3\n40:2.5\n")
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mutated") / "model.txt"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = reading.read(path)
    except ImportRefused:
        return
    assert np.isfinite(found.weight).all()
    assert (np.diff(found.index) > 0).all()
