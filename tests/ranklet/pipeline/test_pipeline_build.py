"""A build proves the package or leaves nothing; the same inputs give the same bytes."""

import math
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from ranklet import certificate, pipeline, tree
from ranklet.dialects import FORMS
from ranklet.errors import ImportRefused, ModelError, ParityError
from ranklet.pipeline import Built
from ranklet.project import Project

Edit = Callable[[str, str], None]


def _build(here: Project) -> Built:
    return pipeline.build(here.functions / "small", out=here.build)


def test_a_build_holds_every_form_to_the_trainers_scores(here: Project) -> None:
    built = _build(here)
    assert {"native-json", "native-msgpack", "openscoring-batch"} <= set(built.certificate.paths) <= set(FORMS)
    assert max(built.certificate.paths.values()) <= built.certificate.bound == 1e-6
    assert certificate.verify(built.folder) == built.certificate
    assert built.bytes == tree.size(built.folder)


def test_forms_that_are_more_than_a_request_may_have_are_not_sent(here: Project, edit: Edit) -> None:
    """Rows repeat the user, and the model's own tensors are wider than its features."""
    _, rows = _golden(here)
    largest = max(len(orjson.dumps(row["request"])) for row in rows)
    assert {"tfs-rows", "tfs-tensors", "tfs-columns"} < set(_build(here).certificate.paths)
    edit("[golden]", f"[limits]\nbody_bytes = {largest}\n\n[golden]")
    proven = set(_build(here).certificate.paths)
    assert {"native-json", "tfs-columns"} < proven
    assert not {"tfs-rows", "tfs-tensors"} & proven


def test_the_same_inputs_give_the_same_bytes(here: Project, tmp_path: Path) -> None:
    first, second = _build(here), pipeline.build(here.functions / "small", out=tmp_path / "elsewhere")
    assert first.folder != second.folder
    assert tree.digest(first.folder) == tree.digest(second.folder)


def _golden(here: Project) -> tuple[Path, list[dict]]:
    path = here.functions / "small" / "golden.jsonl"
    return path, [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("nudge", [2e-6, -1.0, 0.5])
def test_a_score_beyond_the_bound_is_refused_and_the_earlier_bundle_stays(here: Project, nudge: float) -> None:
    before = tree.digest(_build(here).folder)
    path, rows = _golden(here)
    rows[1]["scores"][1] += nudge
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    with pytest.raises(ParityError, match="golden row 2 as native-json: candidate 1 scores"):
        _build(here)
    assert tree.digest(here.bundle("small")) == before
    assert {file.name for file in (here.build / "functions").iterdir()} == {"small", "small.source"}


def test_a_golden_request_that_the_function_refuses_is_shown_with_its_answer(here: Project) -> None:
    path, rows = _golden(here)
    del rows[0]["request"]["items"]["price"]
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    with pytest.raises(ParityError, match=r"golden row 1 as native-json was answered 400: .*price"):
        _build(here)


def test_a_weight_that_is_not_a_number_is_refused(here: Project) -> None:
    import numpy as np

    weights = here.functions / "small" / "export" / "weights.npz"
    arrays = dict(np.load(weights))
    arrays["w.hour"][3] = math.nan
    np.savez(weights, **arrays)
    with pytest.raises(ImportRefused, match=r"'w.hour' holds nan at \[3\]"):
        _build(here)


@pytest.mark.parametrize("outside", ["../outside.jsonl", "/etc/passwd"])
def test_a_file_outside_the_models_folder_is_not_read(here: Project, edit: Edit, outside: str) -> None:
    (here.functions / "outside.jsonl").write_text("{}")
    edit('file = "golden.jsonl"', f'file = "{outside}"')
    with pytest.raises(ModelError, match="outside the model's folder"):
        _build(here)


def test_a_link_out_of_the_models_folder_is_not_followed(here: Project) -> None:
    golden = here.functions / "small" / "golden.jsonl"
    golden.rename(here.root / "golden.jsonl")
    golden.symlink_to(here.root / "golden.jsonl")
    with pytest.raises(ModelError, match="outside the model's folder"):
        _build(here)


def test_the_bound_of_model_toml_decides(here: Project, edit: Edit) -> None:
    edit("max_abs_diff = 1e-6", "max_abs_diff = 1e-9")
    with pytest.raises(ParityError, match="above 1e-09"):
        _build(here)
