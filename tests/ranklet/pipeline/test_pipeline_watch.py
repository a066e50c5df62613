"""What a build carries over from `[watch]` into the manifest, and what it refuses."""

from collections.abc import Callable

import pytest

from ranklet import pipeline
from ranklet.errors import ModelError
from ranklet.project import Project
from ranklet_runtime.manifest import Manifest

Edit = Callable[[str, str], None]


def build(here: Project) -> Manifest:
    built = pipeline.build(here.functions / "small", out=here.build)
    return Manifest.read(built.folder / "manifest.json")


def test_by_default_one_in_a_thousand_leaves_a_line_without_values(here: Project) -> None:
    watch = build(here).watch
    assert (watch.phases, watch.sample_every, watch.health_every) == (True, 1000, 0)
    assert (watch.inputs, dict(watch.references)) == ((), {})


def test_samples_health_and_reference_are_in_the_manifest(here: Project, edit: Edit) -> None:
    name = "price"
    (here.functions / "small" / "rows.csv").write_text("\n".join([name, *map(str, range(1000))]))
    more = f'sample = 0.5\nlog_inputs = ["{name}"]\nhealth = 0.25\nreference = "rows.csv"'
    edit("[golden]", f"[watch]\n{more}\n\n[golden]")
    watch = build(here).watch
    assert (watch.sample_every, watch.inputs, watch.health_every) == (2, (name,), 4)
    assert watch.references.keys() == {name}
    assert watch.references[name].counts == (100,) * 10


def test_a_name_that_is_no_input_is_refused(here: Project, edit: Edit) -> None:
    edit("[golden]", '[watch]\nlog_inputs = ["prize"]\n\n[golden]')
    with pytest.raises(ModelError, match=r"watch\.log_inputs names 'prize'"):
        build(here)


def test_a_reference_outside_the_models_folder_is_refused(here: Project, edit: Edit) -> None:
    edit("[golden]", '[watch]\nhealth = 0.5\nreference = "../../rows.csv"\n\n[golden]')
    with pytest.raises(ModelError, match="outside the model's folder"):
        build(here)
