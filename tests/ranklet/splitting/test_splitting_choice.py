"""What ships: the measured choice, remembered; what the author names; the uncut graph where a split fails, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from splitting_kit import Model, Net, Request, deep_fm, din, two_tower, write_csv

from ranklet import certificate, pipeline, tree
from ranklet.cli.build import describe
from ranklet.errors import ModelError, ParityError, TableError
from ranklet.graph import choose, times
from ranklet.graph.records import Timing
from ranklet.pipeline import Built
from ranklet.splitting import outcome

CATALOGUE = 'catalogue = "export/items.csv"\n'


def build(model: Model, root: Path, split: str, name: str = "m") -> Built:
    folder = root / "functions" / name
    if not folder.exists():
        model.write(root / "functions", name, split=split)
    return pipeline.build(folder, out=root / ".build")


def report(root: Path, name: str = "m") -> dict:
    return json.loads((root / ".build" / "functions" / f"{name}.split.json").read_bytes())


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Speed-ups by candidate, found in the place of a clock's: a machine's own would make the choice."""
    speedups = {"A": 2.0, "A+": 1.5, "B": 1.2, "B+": 1.1}

    def found(runs: object, numbers: tuple[int, ...], *, force: bool, rested: object) -> choose.Choice:
        best = max(speedups, key=lambda name: speedups[name])
        as_shipped = {**speedups, times.SHIPPED: speedups[best]}
        timings = tuple(Timing(name, n, 100 / gain, gain) for n in numbers for name, gain in as_shipped.items())
        shipped = best if force or speedups[best] > 1 else "uncut"
        declined = {name: "another is faster" for name in speedups if name != shipped}
        return choose.Choice(shipped, f"{speedups[best]:g}× on average", timings, 1.0, declined)

    monkeypatch.setattr("ranklet.graph.compiler.choose", found)
    return speedups


def test_the_fastest_ships_and_the_report_says_why(tmp_path: Path, measured: dict[str, float]) -> None:
    built = build(two_tower(), tmp_path, CATALOGUE)
    assert built.split is not None
    assert (built.split["shipped"], built.split["reason"]) == ("A", "2× on average")
    assert built.split["speedup"] == {"1": 2.0, "100": 2.0, "500": 2.0, "2000": 2.0}
    assert set(built.split["declined"]) == {"A+", "B", "B+"}
    assert built.split["uncut"] <= 1e-5
    assert report(tmp_path)["report"]["proven"]
    text = "\n".join(outcome.lines(built.split))
    assert "split: A: 2× on average" in text and "not B: another is faster" in text
    assert json.loads(json.dumps(describe(built)))["split"]["shipped"] == "A"


def test_a_choice_is_measured_once(tmp_path: Path, measured: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(two_tower(), tmp_path, CATALOGUE)
    before = tree.digest(first.folder)
    measured["B"] = 9.0  # another day's clock
    again = build(two_tower(), tmp_path, CATALOGUE)
    assert again.split == first.split
    assert tree.digest(again.folder) == before
    # A changed graph is another question.
    folder = tmp_path / "functions" / "m"
    other = two_tower(seed=7)
    (folder / "export" / "model.onnx").write_bytes(other.graph)
    lines = [json.dumps({"request": one, "scores": other.scores(one)}) for one in other.requests]
    (folder / "golden.jsonl").write_text("\n".join(lines))
    third = build(two_tower(), tmp_path, CATALOGUE)
    assert third.split is not None and third.split["shipped"] == "B"


def test_a_slower_split_leaves_the_graph_uncut_and_is_remembered(tmp_path: Path, measured: dict[str, float]) -> None:
    measured.update(dict.fromkeys(measured, 0.5))
    built = build(two_tower(), tmp_path, CATALOGUE)
    assert built.split is not None and built.split["shipped"] == "uncut"
    assert [step.engine for step in built.manifest.steps] == ["onnx"]
    assert built.certificate.split is None
    measured["A"] = 3.0
    assert build(two_tower(), tmp_path, CATALOGUE).split == built.split


def test_force_ships_a_slower_split(tmp_path: Path, measured: dict[str, float]) -> None:
    measured.update(dict.fromkeys(measured, 0.5), A=0.6)
    built = build(two_tower(), tmp_path, CATALOGUE + 'mode = "force"')
    assert built.split is not None and built.split["shipped"] == "A"


def test_a_named_variant_is_not_measured_and_is_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: object, **more: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr("ranklet.graph.compiler.choose", never)
    build(two_tower(), tmp_path, CATALOGUE + 'variant = "B"')
    assert report(tmp_path)["choice"] is None


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    split = CATALOGUE + 'variant = "A"\ncut_rows = 100'
    one, other = (build(deep_fm(), tmp_path / place, split) for place in ("here", "there"))
    assert tree.digest(one.folder) == tree.digest(other.folder)


def test_off_ships_the_graph_as_it_was_exported(tmp_path: Path) -> None:
    built = build(two_tower(), tmp_path, CATALOGUE + 'mode = "off"')
    assert built.split is None
    assert describe(built)["split"] is None
    assert [path.name for path in (built.folder / "steps").iterdir()] == ["0-model.onnx"]
    assert not (tmp_path / ".build" / "functions" / "m.split.json").exists()


def test_a_real_clock_makes_some_choice_that_is_proven(tmp_path: Path) -> None:
    built = build(din(), tmp_path, CATALOGUE + "candidates = [1, 50]")
    assert built.split is not None and built.split["shipped"] in {"uncut", "A", "A+", "B", "B+"}
    assert certificate.verify(built.folder) == built.certificate
    assert [t["n"] for t in report(tmp_path)["choice"]["timings"]][:1] == [1]


def without_first(model: Model) -> Model:
    """The catalogue lacks the first item of the last golden request."""
    gone = model.requests[-1]["items"]["movie_id"][0]
    keep = [at for at, key in enumerate(model.catalogue["movie_id"]) if key != gone]
    return replace(model, catalogue={name: [column[at] for at in keep] for name, column in model.catalogue.items()})


def test_a_split_that_is_refuted_by_a_golden_request_falls_back_and_says_so(tmp_path: Path) -> None:
    built = build(without_first(two_tower()), tmp_path, CATALOGUE + 'variant = "A"')
    assert built.split is not None and built.split["shipped"] == "uncut"
    assert [step.engine for step in built.manifest.steps] == ["onnx"]
    assert any(note.startswith("not split as A: golden row") for note in built.notes), built.notes
    assert built.certificate.split is None


def test_with_force_a_refuted_split_is_an_error_and_nothing_ships(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="but the split fails: golden row"):
        build(without_first(two_tower()), tmp_path, CATALOGUE + 'variant = "A"\nmode = "force"')
    assert not (tmp_path / ".build" / "functions" / "m").exists()


def test_a_catalogue_with_other_values_than_requests_is_told(tmp_path: Path) -> None:
    model = two_tower()
    moved = {**model.catalogue, "year": [year + 5 for year in model.catalogue["year"]]}
    with pytest.raises(ModelError, match="golden row"):
        build(replace(model, catalogue=moved), tmp_path, CATALOGUE + 'variant = "A"\nmode = "force"')


def test_scores_that_the_uncut_graph_does_not_give_either_are_the_trainers_to_mend(tmp_path: Path) -> None:
    folder = two_tower().write(tmp_path / "functions", "m", split=CATALOGUE + 'variant = "A"')
    rows = [json.loads(line) for line in (folder / "golden.jsonl").read_text().splitlines()]
    rows[0]["scores"][0] += 0.1
    (folder / "golden.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(ParityError, match="golden row 1"):
        pipeline.build(folder, out=tmp_path / ".build")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('mode = "force"\nrow_bytes = 8', "above the budget of 8"),
        ('mode = "force"\ncatalogue = "export/none.csv"', "export/none.csv, which is not there"),
        ('catalogue = "../items.csv"', "outside the model's folder"),
    ],
)
def test_what_force_cannot_do_is_named(tmp_path: Path, more: str, message: str) -> None:
    given = more if "catalogue" in more else CATALOGUE + more
    with pytest.raises(ModelError, match=message):
        build(two_tower(), tmp_path, given)


def test_a_catalogue_without_a_key_is_told(tmp_path: Path) -> None:
    folder = two_tower().write(tmp_path / "functions", "m", split=CATALOGUE)
    path = folder / "model.toml"
    path.write_text(path.read_text().replace('item_key = "movie_id"', ""))
    with pytest.raises(ModelError, match=r"\[split\] catalogue needs \[output\] item_key"):
        pipeline.build(folder, out=tmp_path / ".build")


def test_the_item_tables_name_is_its_own(tmp_path: Path) -> None:
    model = two_tower()
    toml = model.toml + 'near = { kind = "embedding", of = "movie_id", table = "item-rows" }\n'
    toml += '[tables.item-rows]\nsource = "export/near.csv"\nvector_columns = ["v"]\n'
    folder = replace(model, toml=toml).write(tmp_path / "functions", "m", split=CATALOGUE)
    write_csv(folder / "export" / "near.csv", {"key": [1, 2], "v": [0.5, 1.5]})
    with pytest.raises(ModelError, match=r"\[tables.item-rows\] has the name of the item table; rename it"):
        pipeline.build(folder, out=tmp_path / ".build")


def test_a_record_above_the_budget_leaves_the_graph_uncut_in_auto(tmp_path: Path) -> None:
    built = build(two_tower(), tmp_path, CATALOGUE + "row_bytes = 8")
    assert built.split is not None and built.split["shipped"] == "uncut"
    assert "above the budget of 8" in str(built.split["declined"])


def test_a_model_of_several_steps_is_not_concerned_and_force_says_why(tmp_path: Path) -> None:
    folder = two_tower().write(tmp_path / "functions", "m", split=CATALOGUE + 'mode = "force"')
    path = folder / "model.toml"
    step = '[[steps]]\nformat = "onnx"\nsource = "export/model.onnx"\n'
    path.write_text(path.read_text().replace(step, step + step + 'outputs = { score = "twice" }\n'))
    with pytest.raises(ModelError, match=r'mode = "force", but it has 2 steps'):
        pipeline.build(folder, out=tmp_path / ".build")
    path.write_text(path.read_text().replace('mode = "force"', ""))
    assert pipeline.build(folder, out=tmp_path / ".build").split is None


def test_a_guessed_side_splits_nothing(tmp_path: Path) -> None:
    model = two_tower()
    toml = model.toml.replace('year     = { side = "item" }', 'year = { side = "item", guessed = true }')
    built = build(replace(model, toml=toml), tmp_path, CATALOGUE)
    assert built.split is not None and "sides of year are guessed" in built.split["reason"]
    with pytest.raises(ModelError, match="sides of year are guessed"):
        build(replace(model, toml=toml), tmp_path / "forced", CATALOGUE + 'mode = "force"')


def test_a_graph_that_mixes_candidates_is_left_to_run_per_candidate(tmp_path: Path) -> None:
    """A softmax over the request's candidates: each score depends on all of them."""
    net = Net(8)
    u, f = net.ids("user"), net.ids("film")
    user, film = (net.op("Gather", net.table(name, rows, 8), ids) for name, rows, ids in (("us", 60, u), ("fs", 80, f)))
    logit = net.deep(net.op("Concat", user, film, axis=1), 16, 16, 1)
    model = two_tower()
    toml = "\n".join(line for line in model.toml.splitlines() if not line.startswith(("about", "when", "kind", "made")))
    given = Model(
        net.score(net.op("Softmax", logit, axis=0)),
        toml,
        lambda request, n: {name: model.feeds(request, n)[name] for name in ("user", "film")},
        model.requests,
        model.catalogue,
    )
    built = build(given, tmp_path, CATALOGUE + 'variant = "A"')
    assert built.split is not None and built.split["shipped"] == "A"
    assert built.split["uncut"] <= 1e-5
    assert any("Softmax" in node for node in report(tmp_path)["report"]["refused"])


def test_rows_of_f16_state_their_error_and_are_held_to_it(tmp_path: Path) -> None:
    split = CATALOGUE + 'variant = "B"\nrow_dtype = "f16"\n'
    with pytest.raises(ModelError, match="table item-rows as f16 moves scores by up to"):
        build(two_tower(), tmp_path / "tight", split + 'mode = "force"')
    built = build(two_tower(), tmp_path, split + "row_error = 0.01")
    assert built.split is not None and built.split["shipped"] == "B"
    assert built.certificate.narrowed is not None and built.certificate.split is not None
    found = built.certificate.narrowed.tables["item-rows"]
    assert 1e-6 < found.max_score_change <= 0.01
    assert built.certificate.split.uncut <= 1e-5  # with exact rows


def test_a_table_of_half_precision_stays_half_and_exact(tmp_path: Path) -> None:
    built = build(deep_fm(half=True), tmp_path, CATALOGUE + 'variant = "B"\ncut_rows = 100')
    assert built.split is not None and built.split["shipped"] == "B", built.notes
    assert built.manifest.spec.tables["cut-users"].dtype == "f16"
    assert built.certificate.split is not None and built.certificate.split.uncut <= 1e-5


def test_a_catalogue_row_that_the_features_refuse_is_named(tmp_path: Path) -> None:
    model = two_tower()
    folder = model.write(tmp_path / "functions", "m", split=CATALOGUE + 'variant = "A"')
    years = [*model.catalogue["year"][:3], "inf", *model.catalogue["year"][4:]]
    write_csv(folder / "export" / "items.csv", {**model.catalogue, "year": years})
    with pytest.raises(TableError, match=r"line 5 of items.csv: .*year"):
        pipeline.build(folder, out=tmp_path / ".build")


def test_a_row_that_is_not_finite_leaves_the_graph_uncut(tmp_path: Path) -> None:
    """What is stored of a film from before 1990 is NaN; the graph then takes the user's value in its place."""
    net = Net(9)
    u, made = net.ids("user"), net.input("made", ["n", 1])
    user = net.op("Gather", net.table("users", 60, 1), u)
    value = net.op("Log", made)
    out = net.deep(net.op("Concat", user, net.op("Where", net.op("IsNaN", value), user, value), axis=1), 2, 16, 1)
    model = two_tower()
    toml = "\n".join(line for line in model.toml.splitlines() if not line.startswith(("about", "when", "kind", "film")))

    def feeds(request: Request, n: int) -> dict[str, np.ndarray]:
        given = {name: model.feeds(request, n)[name] for name in ("user", "made")}
        return {**given, "made": given["made"] + np.float32(0.05)}  # off the logarithm's pole

    moved = toml.replace("mean = 1990.0", "mean = 1989.5")
    built = build(
        Model(net.score(out), moved, feeds, model.requests, model.catalogue), tmp_path, CATALOGUE + 'variant = "B"'
    )
    assert built.split is not None and built.split["shipped"] == "uncut"
    assert "of items.csv is not finite" in built.notes[0]
