"""What was drafted of PyTorch's programs, against PyTorch's stored scores; which files are known, and as what."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from torch_kit import BATCHES, draft, members, names, program, record, scores, zipped

from ranklet import importers, pipeline
from ranklet.errors import ImportRefused
from ranklet.importers import torch as importer
from ranklet.importers.proposal import NO_WISHES, Wishes
from ranklet.importers.torch import archive
from ranklet.importers.torch.recipe import ADVICE, EXPORT

README = Path(__file__).parents[4] / "functions" / "README.md"


@pytest.mark.parametrize("name", names())
def test_drafts_score_as_pytorch_does(name: str, tmp_path: Path) -> None:
    folder, stored = draft(name, tmp_path), record(name)
    for rows in BATCHES:
        wanted = np.array(stored["scores"][:rows])
        np.testing.assert_allclose(scores(folder, stored["columns"], rows), wanted, rtol=1e-5, atol=1e-5)
    assert np.ptp(stored["scores"]) > 1e-2  # all alike would prove nothing


def test_the_models_are_of_all_libraries() -> None:
    for library, least in {"rechub": 8, "deepctr": 8, "fuxictr": 4}.items():
        assert len([name for name in names() if name.startswith(library)]) >= least


@pytest.mark.parametrize("name", ["films", "attention", "offsets mean"])
def test_a_draft_builds(name: str, tmp_path: Path) -> None:
    built = pipeline.build(draft(name, tmp_path), out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows > 0


@pytest.mark.parametrize("name", names())
def test_a_programs_inputs_are_read_without_pytorch(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    graph = archive.read(program(name, tmp_path)).graph
    columns = set(record(name)["columns"])
    assert columns <= {one.name for one in graph.inputs}
    assert all(isinstance(one.dims[0], str) for one in graph.inputs)
    assert graph.outputs


def test_programs_are_known_by_what_stands_in_them(tmp_path: Path) -> None:
    path = program("two towers", tmp_path)
    assert importers.recognise(path) == "torch"
    assert importers.recognise(path.rename(tmp_path / "model.zip")) == "torch"
    other = zipped(tmp_path / "other.zip", {"model/readme.txt": b""})
    assert not importer.recognises(other, other.read_bytes()[:64])


OTHERS = {
    "script.pt": ({"script/constants.pkl": b"", "script/data.pkl": b"", "script/code/a.py": b""}, "TorchScript"),
    "weights.pt": ({"weights/data.pkl": b"", "weights/data/0": b""}, "a pickle"),
    "early.pt2": ({"serialized_exported_program.json": b"{}", "serialized_state_dict.pt": b""}, "an early PyTorch"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_program_is_refused_with_the_three_lines(name: str, tmp_path: Path) -> None:
    contents, what = OTHERS[name]
    path = zipped(tmp_path / name, contents)
    assert importers.recognise(path) == "torch"
    with pytest.raises(ImportRefused, match=what) as refused:
        importer.propose(path, NO_WISHES)
    assert EXPORT in str(refused.value)


@pytest.mark.parametrize("ending", importer.PICKLES)
def test_a_bare_pickle_is_refused_unread(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"checkpoint{ending}"
    path.write_bytes(b"\x80\x02c__builtin__\nexec\n(Vraise SystemExit\ntR.")
    assert importers.recognise(path) == "torch"
    with pytest.raises(ImportRefused, match=r"a pickle .* it can run code") as refused:
        importer.propose(path, Wishes(trust_pickle=True))
    assert ADVICE in str(refused.value)


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    path.write_bytes(b"PK\x03\x04 and no more")
    assert not importer.recognises(path, path.read_bytes())
    with pytest.raises(ImportRefused, match=r"model\.pt2 is no program of PyTorch that can be read"):
        importer.propose(path, NO_WISHES)


def test_unknown_options_and_columns_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = program("two towers", tmp_path)
    with pytest.raises(ImportRefused, match="-o tower is not known: this format takes output, column"):
        importer.propose(path, Wishes(options={"tower": "user"}))
    with pytest.raises(ImportRefused, match="-o column=first is no number of a column, counted from 0"):
        importer.propose(path, Wishes(options={"column": "first"}))


@pytest.mark.parametrize("library", ["torch", "onnxscript"])
def test_without_a_library_it_says_what_to_install(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportRefused, match=r"pip install 'ranklet\[torch\]'"):
        importer.propose(program("two towers", tmp_path), NO_WISHES)


def test_no_stored_program_tells_of_the_machine_that_made_it() -> None:
    for name in names():
        (graph,) = [content for member, content in members(name).items() if member.endswith("models/model.json")]
        assert b"stack_trace" not in graph
        assert b".py" not in graph


def test_the_recipe_stands_in_the_page_word_for_word() -> None:
    assert EXPORT in README.read_text(encoding="utf-8")
