"""What a funnel.toml may not say, alone and of the models that it names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from funnels_kit import ROOT

from ranklet.errors import ModelError, TableError
from ranklet.funnels import building
from ranklet.funnels.settings import Funnel, Golden, Items, Limits, StageSource, load
from ranklet.project import Project

Edit = Callable[[str, str, str], None]
STAGES = 'model = "hot"\nk = 5'


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('kind = "funnel"', 'kind = "model"', r"\$\.kind"),
        ('name = "films"', 'name = "other"', "the folder is"),
        ("version = 2", "version = 0", r"\$\.version"),
        ("k = 20", "k = 0", r"\$\.stages\[0\]\.k"),
        ("k = 20", 'k = 20\non_late = "fail"', r"\$\.stages\[0\]\.on_late"),
        ("k = 20", "k = 20\nwhat = 1", "what"),
        ('model = "warm"', 'model = "warm"\nname = "rank"', "two stages are called 'rank'"),
        ('model = "hot"', 'model = "find"', "retrieves, and is a later stage too"),
        ("timeout = 25", 'timeout = 25\n\n[api]\ndialects = ["native"]', "dialects are a model's"),
        ("timeout = 25", "timeout = 25\n\n[watch]\nhealth = 0.5", "a model's own"),
        ("timeout = 25", 'timeout = 25\n\n[api]\nkind = "rest"\n\n[api.cors]\norigins = ["*"]', r"\[api\.cors\]"),
        ("deadline_ms = 20_000", "deadline_ms = 30_000", r"\$\.limits\.deadline_ms"),
        ('kind = "funnel"', 'kind = "funnel', "funnel.toml"),
    ],
)
def test_a_field_that_is_wrong_is_named(here: Project, edit: Edit, before: str, after: str, message: str) -> None:
    edit("films/funnel.toml", before, after)
    with pytest.raises(ModelError, match=message):
        load(here.functions / "films")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('model = "find"', 'model = "warm2"', r"\$\.stages\[0\]\.model: no model 'warm2'"),
        ('model = "warm"\nk = 10', 'model = "warm"\nk = 30', r"stages\[1\]: k = 30 is more than the 20"),
        ("k = 20", 'k = 20\norder = "retrieve"', r"stages\[0\]: order is for stages that rank"),
        (
            "k = 10",
            'k = 10\norder = "rank + retrieve"',
            r"stages\[1\]: order reads 'rank'; scores so far are retrieve, pre_rank",
        ),
        ("k = 10", 'k = 10\norder = "retrieve * 2"', r"stages\[1\]: order does not read 'pre_rank'"),
        ("k = 10", 'k = 10\norder = "open(pre_rank)"', r"stages\[1\]: order: open\(…\) is not allowed"),
        ("items = 40", "items = 4000", r"stages\[0\]: up to 4000 candidates reach find, which takes 2000"),
        ('[items]\nsource = "export/items.csv"\nkey_column = "film"', "", r"stages\[2\]: hot needs price of an item"),
        ("export/items.csv", "../warm/golden.jsonl", "outside the funnel's folder"),
        ("export/items.csv", "export/none.csv", "which is not there"),
    ],
)
def test_models_that_do_not_go_together_are_refused(
    here: Project, edit: Edit, before: str, after: str, message: str
) -> None:
    edit("films/funnel.toml", before, after)
    with pytest.raises(ModelError, match=message):
        building.build(here, here.functions / "films")


def test_the_first_stage_retrieves_and_the_others_rank(here: Project, edit: Edit) -> None:
    edit("films/funnel.toml", 'model = "find"', 'model = "warm"')
    edit("films/funnel.toml", 'model = "warm"\nk = 10', 'model = "hot"\nname = "x"\nk = 10')
    with pytest.raises(ModelError, match=r'stages\[0\]: warm ranks what it is given.*kind = "retrieve"'):
        building.build(here, here.functions / "films")


def test_a_column_of_ids_that_is_not_there_is_named(here: Project, edit: Edit) -> None:
    edit("films/funnel.toml", 'key_column = "film"', 'key_column = "id"')
    with pytest.raises(TableError, match="no column 'id'"):
        building.build(here, here.functions / "films")


def test_an_id_that_stands_twice_is_refused(here: Project) -> None:
    path = here.functions / "films" / "export" / "items.csv"
    path.write_text(path.read_text() + "101,War,2.5\n")
    with pytest.raises(ModelError, match="an id twice"):
        building.build(here, here.functions / "films")


def test_one_name_means_one_thing_in_all_stages(here: Project, edit: Edit) -> None:
    edit(
        "hot/model.toml",
        'age = { side = "user", type = "float", default = 0.0 }',
        'age = { side = "context", type = "float", default = 0.0 }',
    )
    golden = here.functions / "hot" / "golden.jsonl"
    golden.write_text(
        golden.read_text()
        .replace('"user": {"age": ', '"user": {}, "context": {"hour": 20.0, "age": ')
        .replace('"context": {"hour": 20.0}, "items"', '"items"')
    )
    with pytest.raises(
        ModelError, match=r"stages\[2\]: hot reads 'age' as float of the context, warm as float of the user"
    ):
        building.build(here, here.functions / "films")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}", "golden.jsonl:1"),
        ('{"request": {"items": {}}}', "and no other field"),
        ("[", "golden.jsonl:1"),
        ("", "no request"),
    ],
)
def test_golden_requests_are_requests(here: Project, line: str, message: str) -> None:
    (here.functions / "films" / "golden.jsonl").write_text(line)
    with pytest.raises(ModelError, match=message):
        building.build(here, here.functions / "films")


def test_stages_are_called_by_what_they_do() -> None:
    def names(count: int) -> list[str]:
        return Funnel(
            name="x", kind="funnel", stages=tuple(StageSource(model=f"m{at}", k=1) for at in range(count))
        ).names

    assert names(2) == ["retrieve", "rank"]
    assert names(3) == ["retrieve", "pre-rank", "rank"]
    assert names(4) == ["retrieve", "m1", "pre-rank", "rank"]


@pytest.mark.parametrize("record", [Funnel, StageSource, Items, Limits, Golden])
def test_every_field_is_told_in_the_readme(record: type) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## A funnel\n")[2].partition("\n## ")[0]
    assert [field for field in record.__struct_fields__ if field not in section] == []  # type: ignore[attr-defined]
