"""Models in alphaFM's text form against its formula, pair by pair; and what is refused of its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_kit import imported, names, unpack

from ranklet import draft, pipeline
from ranklet.errors import ImportRefused
from ranklet.importers import alphafm
from ranklet.importers.proposal import Wishes

ARCHIVE = Path(__file__).parent / "alphafm.zip"
TEXT = "bias 0.5 1 1\nuser=1 0.1 1 2 0 0 0 0 0 0\nuser=22 -1e-3 3 4 0 0 0 0 0 0\nage 0.2 5 6 0 0 0 0 0 0\n"
LINE = "user={user_id} age:{age}"


@pytest.mark.parametrize("name", names(ARCHIVE))
def test_scores_are_those_of_its_formula(name: str, tmp_path: Path) -> None:
    stored = unpack(ARCHIVE, name, tmp_path)
    assert alphafm.recognises(stored.path, stored.path.read_bytes()[:64])
    np.testing.assert_allclose(imported(alphafm, stored), stored.scores, rtol=1e-6, atol=1e-7)


def propose(tmp_path: Path, content: bytes | str, line: str = LINE) -> object:
    path = tmp_path / "model.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return alphafm.propose(path, Wishes(options={"line": line}))


@pytest.mark.parametrize(
    ("names_of", "line", "wanted"),
    [
        (["u1", "u22"], "u{x}", ("int", [1, 22])),
        (["u1", "u022"], "u{x}", ("string", ["022", "1"])),
        (["u1", "ux"], "u{x}", ("string", ["1", "x"])),
        (["u1", "u-3", "ux"], "u{x:int}", ("int", [-3, 1])),
        (["u1", "u22"], "u{x:string}", ("string", ["1", "22"])),
        (["1_u", "2_u", "3_v"], "{x}_u", ("int", [1, 2])),
        (["a.b", "a.c", "a."], "a.{x}", ("string", ["b", "c"])),
        (["u5", "u9"], "u{x+3}", ("int", [2, 6])),
        (["Żółw", "é"], "{x*}", ("string", ["é", "Żółw"])),
        (["a|b", "a|c"], "a|{x}", ("string", ["b", "c"])),
    ],
)
def test_raw_values_are_what_stands_in_the_models_names(
    tmp_path: Path, names_of: list[str], line: str, wanted: tuple[str, list[str | int]]
) -> None:
    path = tmp_path / "model.txt"
    path.write_text("bias 0 0 0\n" + "".join(f"{name} 0.5 0 0\n" for name in names_of), encoding="utf-8")
    proposal = alphafm.propose(path, Wishes(options={"line": line}))
    assert (proposal.inputs["x"].fields["type"], proposal.features["x"]["vocabulary"]) == wanted


def test_a_model_that_was_trained_anew_is_taken_into_its_folder(tmp_path: Path) -> None:
    """Its names stand in another order, and some are new."""
    stored = unpack(ARCHIVE, "machine", tmp_path)
    folder = tmp_path / "functions" / "fm"
    draft.draft(stored.path, folder, wishes=stored.wishes)
    was = (folder / "model.toml").read_bytes()
    first, *rest = stored.path.read_text(encoding="utf-8").splitlines(keepends=True)
    new = rest[0].replace(rest[0].split(" ")[0], "user=9999")
    stored.path.write_text("".join([first, *reversed(rest), new]), encoding="utf-8")
    draft.renew(stored.path, folder, wishes=stored.wishes)
    assert (folder / "model.toml").read_bytes() == was
    assert pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None).certificate.rows == 6


def test_the_same_input_may_stand_in_several_names(tmp_path: Path) -> None:
    text = "bias 0 0 0\na=1 0.5 0 0\nb=1 0.25 0 0\nb=2 1 0 0\nx 2 0 0\ny 3 0 0\n"
    (tmp_path / "model.txt").write_text(text, encoding="utf-8")
    line = "a={id} b={id}:0.5 x:{n} y:{n}"
    proposal = alphafm.propose(tmp_path / "model.txt", Wishes(options={"line": line}))
    assert list(proposal.inputs) == ["id", "n"]
    assert list(proposal.features) == ["id", "id_2", "n"]


def test_a_list_may_weigh_its_names(tmp_path: Path) -> None:
    propose(tmp_path, "bias 0 0 0\nt=a 0.5 1 0 0 0 0\nt=b 1 2 0 0 0 0\nx 3 1 0 0 0 0\n", "t={tags*}:{scores*} x:{n}")
    propose(tmp_path, TEXT, "user={user_id}:{score} age:{age}")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TEXT.replace("bias 0.5 1 1", "bias 0.5"), "line 1 is 'bias 0.5', where `bias w w_n w_z` stands"),
        (TEXT.replace("bias 0.5", "bias x"), "line 1: 'x'"),
        (
            TEXT.replace("bias 0.5", "bias 1 1 1 0.5"),
            "has 6 numbers: alphaFM_softmax's models of classes are not served",
        ),
        (TEXT.replace(" 1 2 0 0 0", " 1 2 0 0"), "line 2 has 8 numbers"),
        (TEXT.replace("-1e-3 3", "3"), "line 3 has 8 numbers"),
        (TEXT.replace("-1e-3", "nan"), "line 3: 'nan'"),
        (TEXT.replace("-1e-3", "inf"), "line 3: 'inf'"),
        (TEXT.replace("-1e-3", "1e39"), "line 3: '1e39'"),
        (TEXT.replace("-1e-3", "1_0"), "line 3: '1_0'"),
        (TEXT.replace("user=22", "user=1"), "line 3: 'user=1' comes twice"),
        (TEXT.replace("user=22", ""), "line 3 has"),
        (TEXT.replace("user=22", "user=2\udcff").encode(errors="surrogateescape"), "line 3 is no UTF-8"),
        ("bias 0 0 0\nuser=1 0 0 0\n", "no name whose weights are not all 0"),
        ("bias 0 0 0\n", "no name whose weights"),
        ("bias 0 0 0\n" + "x" * (1 << 20), "line 2 has more than"),
        ("", "line 1 is ''"),
        ((1).to_bytes(8, "little") + (8).to_bytes(8, "little"), "alphaFM's binary form, which is not read"),
    ],
)
def test_a_damaged_file_is_refused_by_its_line(tmp_path: Path, content: bytes | str, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, content)


def test_the_binary_form_is_known_and_refused(tmp_path: Path) -> None:
    head = (1).to_bytes(8, "little") + (4).to_bytes(8, "little") + bytes(40)
    (tmp_path / "model.bin").write_bytes(head)
    assert alphafm.recognises(tmp_path / "model.bin", head)
    assert alphafm.recognises(tmp_path / "model.bin", b"bias 1 1 1 0.5 1 1\n")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("usr={user_id}", "the model has no such name; it has user=1, user=22, age"),
        ("user={user_id} height:{height}", "'height:{height}': the model has no such name"),
        ("user={user_id} age", "the same in every line"),
        ("user={user_id}:x", "'x' is no number"),
        ("{user_id:int}", "names with an int there, the model has none"),
        ("a:b:c", "is no feature"),
    ],
)
def test_a_line_that_does_not_fit_is_refused_by_its_token(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        propose(tmp_path, TEXT, line)


def test_what_would_not_fit_a_package_is_refused_before_it_takes_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ranklet.importers.lines.drafting.MOST_BYTES", 20)
    with pytest.raises(ImportRefused, match=r"take 36 bytes, at most 20 are packaged; 'user=\{user_id\}' has 2 names"):
        propose(tmp_path, TEXT)


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_mutated_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(TEXT.encode())
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mutated") / "model.txt"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = alphafm.read(path)
    except ImportRefused:
        return
    assert found.w is not None
    assert np.isfinite(found.w).all()
