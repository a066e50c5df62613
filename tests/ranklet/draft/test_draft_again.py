"""A model that was trained anew, taken into a folder that is there: its files change, the author's words do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import orjson
import pytest
from draft_kit import Save, ranker
from onnx import numpy_helper

from ranklet import draft, pipeline
from ranklet.errors import ModelError


def trained_anew(scale: float = 2.0) -> onnx.ModelProto:
    """The same graph with other weights."""
    model = ranker()
    for tensor in model.graph.initializer:
        if tensor.name == "users":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(scale), "users"))
    return model


@pytest.fixture
def folder(save: Save, tmp_path: Path) -> Path:
    """A draft that its author has checked and changed."""
    made = tmp_path / "functions" / "ranker"
    draft.draft(save(ranker()), made)
    path = made / "model.toml"
    text = path.read_text().replace(", guessed = true", "").replace("version = 1", 'version = 1\ndescription = "mine"')
    path.write_text(text)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_and_scores_are_new_and_model_toml_is_as_it_was(folder: Path, save: Save, tmp_path: Path) -> None:
    before = contents(folder)
    made = draft.renew(save(trained_anew()), folder)
    after = contents(folder)
    assert set(before) == set(after)
    assert {name for name in before if before[name] != after[name]} == {"export/ranker.onnx", "golden.jsonl"}
    assert b'description = "mine"' in after["model.toml"]
    was, new = (
        [orjson.loads(line)["scores"] for line in each["golden.jsonl"].splitlines()] for each in (before, after)
    )
    assert was != new
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == made.golden


def test_a_model_that_reads_something_else_is_refused_by_line_and_nothing_changes(folder: Path, save: Save) -> None:
    before = contents(folder)
    other = ranker()
    for tensor in other.graph.initializer:
        if tensor.name == "users":
            tensor.CopyFrom(numpy_helper.from_array(np.zeros((50, 4), np.float32), "users"))
    with pytest.raises(ModelError, match=r"does not fit the new file: features\.user_id .*40.* here and .*50.* in it"):
        draft.renew(save(other), folder)
    assert contents(folder) == before


def test_an_input_less_is_refused_by_name(folder: Path, save: Save) -> None:
    path = folder / "model.toml"
    path.write_text(path.read_text().replace("[features]", 'age = { side = "user", type = "float" }\n[features]', 1))
    before = contents(folder)
    with pytest.raises(ModelError, match=r"inputs\.age is not in it"):
        draft.renew(save(trained_anew()), folder)
    assert contents(folder) == before


def test_a_folder_that_is_not_there_is_no_model_to_renew(save: Save, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.toml"):
        draft.renew(save(ranker()), tmp_path / "functions" / "none")
