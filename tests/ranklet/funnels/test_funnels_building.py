"""A funnel's bundle: what is in it, what proves it, and when it is built again."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from funnels_kit import HISTORIES, expected

from ranklet import certificate
from ranklet.errors import BundleError, ModelError, ParityError
from ranklet.funnels import building, layout, proof, ready
from ranklet.funnels.proof import Told
from ranklet.funnels.settings import load
from ranklet.project import Project
from ranklet_runtime.funnel.plan import Plan

Edit = Callable[[str, str, str], None]


def build(here: Project) -> building.BuiltFunnel:
    return building.build(here, here.functions / "films")


def test_all_stages_lie_in_one_bundle_and_the_certificate_holds_it(built: Project) -> None:
    bundle = built.bundle("films")
    plan = Plan.read(bundle / "manifest.json")
    assert (plan.funnel, plan.version, plan.layout) == ("films", "2", "one")
    assert [(one.name, one.model, one.version, one.k) for one in plan.stages] == [
        ("retrieve", "find", "4", 20),
        ("pre-rank", "warm", "1", 10),
        ("rank", "hot", "7", 5),
    ]
    assert [(one.key, one.facts) for one in plan.stages] == [("", ()), ("film", ()), ("film_id", ("price",))]
    assert {path.name for path in (bundle / "stages").iterdir()} == {"find", "warm", "hot"}
    assert set(certificate.verify(bundle).paths) == {"recommend-json", "recommend-msgpack"}


def test_its_answers_are_those_computed_by_hand(built: Project) -> None:
    one = ready.ready(built, built.functions / "films", build=lambda folder: pytest.fail("it is built"))
    models = building.stage_models(built, load(built.functions / "films"))
    with proof.opened(one.bundle, one.plan, models, built.build / "tables") as (funnel, _):
        for at, history in enumerate(HISTORIES):
            row = {"user": {"history": history, "age": 3.0 * at}, "context": {"hour": 2.0 * at}, "k": 5, "seen": [104]}
            told = proof.ask(funnel, one.plan, row, "application/json", at)
            wanted = expected(history, 3.0 * at, 2.0 * at, seen=[104])
            assert told.ids == [name for name, _ in wanted]
            found = [list(scores.values()) for scores in told.scores]
            np.testing.assert_allclose(np.array(found, float), [scores for _, scores in wanted], atol=1e-6)


def test_a_formula_over_the_stages_scores_decides_the_order(here: Project, edit: Edit) -> None:
    edit("films/funnel.toml", 'model = "hot"', 'model = "hot"\norder = "log(rank) + 2 * pre_rank * retrieve"')
    made = build(here)
    answers = json.loads(made.folder.with_name("films.answers.json").read_text())
    assert made.plan.stages[2].order
    one = answers[2]
    values = [math.log(s["rank"]) + 2 * s["pre-rank"] * s["retrieve"] for s in one["scores"]]
    assert one["values"] == pytest.approx(values)
    assert values == sorted(values, reverse=True)
    by_rank = [s["rank"] for s in one["scores"]]
    assert by_rank != sorted(by_rank, reverse=True)


@pytest.mark.parametrize("functions", ["one", "each"])
def test_a_model_that_makes_a_list_by_more_than_scores_decides_the_page(
    here: Project, edit: Edit, functions: str
) -> None:
    cap = '[after.cap]\nmost = 3\nsource = "export/items.csv"\nkey_column = "film"\ncolumn = "genre"\n\n[output]'
    edit("hot/model.toml", "[output]", cap)
    shutil.copy(here.functions / "films" / "export" / "items.csv", here.functions / "hot" / "export" / "items.csv")
    edit("films/funnel.toml", "version = 2", f'version = 2\nfunctions = "{functions}"')
    made = build(here)
    assert [stage.orders for stage in made.plan.stages] == [False, False, True]
    for answer in json.loads(made.folder.with_name("films.answers.json").read_text()):
        if answer["request"].get("k", 5) <= 5 and "filter" not in answer["request"] and len(answer["items"]) == 5:
            genres = [one % 2 for one in answer["items"]]
            assert 2 <= sum(genres) <= 3


def test_a_model_that_explores_is_refused(here: Project, edit: Edit) -> None:
    edit("hot/model.toml", "[output]", '[after.explore]\nmethod = "epsilon-greedy"\nepsilon = 0.1\n\n[output]')
    with pytest.raises(ModelError, match=r"stages\[2\]: hot explores"):
        build(here)


def test_the_same_folder_gives_the_same_bytes(here: Project) -> None:
    before = certificate.read(here.bundle("films")).bundle
    assert build(here).certificate.bundle == before


def test_functions_apart_carry_no_models_and_give_the_same_answers(here: Project, edit: Edit) -> None:
    edit("films/funnel.toml", "version = 2", 'version = 2\nfunctions = "each"')
    answers = here.bundle("films").with_name(f"films.{building.ANSWERS}")
    before = json.loads(answers.read_text())
    made = build(here)
    assert (made.plan.layout, made.reason) == ("each", 'functions = "each"')
    assert not (made.folder / "stages").exists()
    assert json.loads(answers.read_text()) == before
    one = ready.ready(here, here.functions / "films", build=lambda folder: pytest.fail("it is built"))
    assert [stage.model.name for stage in one.stages] == ["find", "warm", "hot"]
    assert one.tables == ()


def test_a_funnel_in_one_function_has_the_tables_of_its_stages(built: Project) -> None:
    one = ready.ready(built, built.functions / "films", build=lambda folder: pytest.fail("it is built"))
    assert one.stages == ()
    assert [table.name for table in one.tables] == ["films"]
    assert "warm/films" in one.manifest.spec.tables
    assert one.entry == "ranklet_runtime.funnel.handler.handler"


def test_items_that_come_after_the_build_are_the_funnels_to_fetch(here: Project, edit: Edit) -> None:
    edit("find/model.toml", 'history = "history"', 'history = "history"\nfresh_s = 60')
    one = ready.ready(here, here.functions / "films", build=lambda folder: build(here))
    assert one.manifest.retrieve is not None
    assert one.objects == (one.manifest.retrieve.fresh,)
    assert one.objects[0]


def test_stages_that_do_not_fit_get_a_function_each_or_are_refused(
    here: Project, edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "LIMIT", layout.room.layers(onnx=False) + 1000)
    assert "of a package" in build(here).reason
    monkeypatch.undo()
    monkeypatch.setattr(layout.room, "PROCESS", 1030 << 20)
    assert "[function] memory = 1024" in build(here).reason
    edit("films/funnel.toml", "version = 2", 'version = 2\nfunctions = "one"')
    with pytest.raises(ModelError, match=r'functions = "one", but the stages need 1030\.\d MB of memory'):
        build(here)


def test_a_stage_that_gives_tokens_has_a_function_of_its_own(here: Project, edit: Edit) -> None:
    edit("hot/model.toml", "[output]", "[token]\n\n[output]")
    assert "hot gives tokens" in build(here).reason


def test_a_stage_that_was_built_again_makes_the_funnel_stale(here: Project, edit: Edit) -> None:
    edit("warm/model.toml", 'name = "warm"', 'name = "warm"\nversion = 2')
    again: list[str] = []

    def rebuild(folder: object) -> object:
        again.append("films")
        return build(here)

    one = ready.ready(here, here.functions / "films", build=rebuild)
    assert again == ["films"]
    assert one.plan.stages[1].version == "2"
    ready.ready(here, here.functions / "films", build=rebuild)
    assert again == ["films"]


def test_a_bundle_that_was_changed_is_refused(here: Project) -> None:
    (here.bundle("films") / "stages" / "hot" / "manifest.json").write_text("{}")
    with pytest.raises(BundleError, match="changed"):
        ready.ready(here, here.functions / "films", build=lambda folder: None)


def test_an_answer_that_is_not_the_stages_own_ends_the_build(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    real = proof.ask

    def other(*given: object) -> Told:
        told = real(*given)  # type: ignore[arg-type]
        return Told(told.ids, [{**one, "rank": (one["rank"] or 0) + 1e-3} for one in told.scores], told.values)

    monkeypatch.setattr(proof, "ask", other)
    with pytest.raises(ParityError, match=r"golden request 1 as recommend-json: place 0 has 1\d\d"):
        build(here)
    certificate.verify(here.bundle("films"))


def test_items_of_equal_scores_may_change_places_and_no_others() -> None:
    def told(*pairs: tuple[int, float]) -> Told:
        return Told([one for one, _ in pairs], [{"rank": score} for _, score in pairs], [score for _, score in pairs])

    wanted = told((1, 0.5), (2, 0.5), (3, 0.25))
    assert proof._compared(told((2, 0.5), (1, 0.5), (3, 0.25)), wanted, "it", 1e-6) == 0.0
    for wrong in (told((3, 0.25), (1, 0.5), (2, 0.5)), told((1, 0.5), (2, 0.5)), told((1, 0.5), (2, 0.4), (3, 0.25))):
        with pytest.raises(ParityError):
            proof._compared(wrong, wanted, "it", 1e-6)
