"""Environment files: what they change of a model, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ranklet import environment
from ranklet.environment import NONE
from ranklet.errors import ModelError
from ranklet.model import Model, StepSource
from ranklet.project import Project
from ranklet.settings.warmth import Warmth

ROOT = Path(__file__).resolve().parents[2]
MODEL = Model(
    name="films",
    inputs={},
    features={},
    steps=(StepSource(format="onnx"),),
    warmth=Warmth(kind="provisioned", count=3),
)


def load(root: Path, text: str, name: str = "prod") -> environment.Environment:
    folder = root / "infra" / "environments"
    folder.mkdir(parents=True)
    (folder / f"{name}.toml").write_text(text)
    (root / "functions" / "films").mkdir(parents=True)
    (root / "functions" / "films" / "model.toml").write_text("")
    return environment.load(Project(root), name)


def test_no_environment_changes_nothing() -> None:
    assert NONE.applied(MODEL) == MODEL
    assert (NONE.stack("films"), NONE.called("ranklet")) == ("films", "ranklet")
    assert NONE.parameter("/ranklet/api/id") == "/ranklet/api/id"


def test_names_carry_the_environment(tmp_path: Path) -> None:
    prod = load(tmp_path, "")
    assert (prod.stack("films"), prod.called("ranklet")) == ("prod-films", "ranklet-prod")
    assert prod.parameter("/ranklet/api/id") == "/ranklet/prod/api/id"


def test_prefix_is_of_stacks_alone(tmp_path: Path) -> None:
    prod = load(tmp_path, 'prefix = "acme-rank"')
    assert prod.stack("films") == "acme-rank-films"
    assert prod.parameter("/ranklet/api/id") == "/ranklet/prod/api/id"


def test_a_models_own_overrides_go_before_those_of_all(tmp_path: Path) -> None:
    text = "log_days = 90\n[function]\nmemory = 2048\ntimeout = 5\n[models.films.function]\ntimeout = 7\n"
    function = load(tmp_path, text).applied(MODEL).function
    assert (function.memory, function.timeout, function.log_days) == (2048, 7, 90)


def test_a_kind_stands_for_its_whole_table(tmp_path: Path) -> None:
    assert load(tmp_path, '[warmth]\nkind = "none"\n').applied(MODEL).warmth == Warmth()


def test_other_fields_stay_as_the_model_has_them(tmp_path: Path) -> None:
    warmth = load(tmp_path, "[models.films.warmth]\ncount = 5\n").applied(MODEL).warmth
    assert (warmth.kind, warmth.count) == ("provisioned", 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("memory = 3", "unknown field `memory`"),
        ('name = "prod"', r"\$\.name is no field"),
        ("[split]\n", "unknown field `split`"),
        ('domain = "no domain"', r"\$\.domain"),
        ('alarm_email = "nobody"', r"\$\.alarm_email"),
        ('prefix = "Prod_"', r"\$\.prefix"),
        ('[tags]\n"aws:x" = "1"', r"\$\.tags"),
        ("[models.songs]\n", r"\$\.models\.songs is no model; there are: films"),
        ("[models.films.inputs]\n", r"unknown field `inputs` - at `\$\.models"),
        ("x = = 1", "prod.toml"),
    ],
)
def test_wrong_files_are_refused_by_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[function]\nmemry = 3\n", r"unknown field `memry` - at `\$\.function`"),
        ("[models.films.function]\nmemory = 3\n", r"\$\.models\.films\.function\.memory"),
        ("log_days = 4\n", r"\$\.log_days"),
        ('[models.films.warmth]\nkind = "provisioned"\n', r"count = 0 .* at `\$\.models\.films\.warmth`"),
    ],
)
def test_wrong_overrides_are_refused_by_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        load(tmp_path, text).applied(MODEL)


@pytest.mark.parametrize("name", ["../prod", "Prod", "qa", "prod.toml"])
def test_names_without_a_file_are_refused(tmp_path: Path, name: str) -> None:
    load(tmp_path, "")
    with pytest.raises(ModelError, match="there are: prod"):
        environment.load(Project(tmp_path), name)


def test_the_examples_are_valid_and_hold_no_account() -> None:
    project = Project(ROOT)
    assert environment.names(project) == ["dev", "prod", "staging"]
    for name in environment.names(project):
        environment.load(project, name)
        text = (environment.folder(project) / f"{name}.toml").read_text()
        assert "arn:" not in text and not any(word.isdigit() and len(word) == 12 for word in text.split())


def test_every_table_that_may_be_overridden_is_one_of_the_model() -> None:
    fields = {field.name for field in msgspec.structs.fields(Model)}
    assert set(environment.TABLES) <= fields
