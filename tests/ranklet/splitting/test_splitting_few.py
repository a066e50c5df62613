"""Few candidates, and rows of several users, go to the uncut graph over the same rows; no answer tells which it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from splitting_kit import CLOSE, Model, Request, ask, deep_fm, din, scores, two_tower

from ranklet import certificate, pipeline, tree
from ranklet.errors import ModelError
from ranklet.graph import choose, times
from ranklet.graph.records import Timing
from ranklet.local.dynamodb import LocalDynamo
from ranklet.pipeline import Built
from ranklet.splitting import outcome
from ranklet_runtime.function import Function

ZOO: dict[str, Callable[[], Model]] = {"tower": two_tower, "fm": deep_fm, "din": din}
CATALOGUE = 'catalogue = "export/items.csv"\n'
BELOW = 6


def build(model: Model, root: Path, name: str, split: str, *, below: int = BELOW) -> Built:
    folder = model.write(root / "functions", name, split=f"{CATALOGUE}uncut_below = {below}\n{split}")
    return pipeline.build(folder, out=root / ".build")


class Taken:
    """Which steps a function's requests take: `few` or `many`."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.ways: list[str] = []
        right = function.scorer._paths.last

        def last(n: int, tensors: Any, *, per_row: bool) -> Any:
            found = right(n, tensors, per_row=per_row)
            self.ways.append(next(name for name, way in function.scorer._paths._ways.items() if way is found))
            return found

        function.scorer._paths.last = last  # type: ignore[method-assign]


def cut(request: Request, size: int) -> Request:
    """The request with so many candidates, its own over and over."""
    items = {name: (column * size)[:size] for name, column in request["items"].items()}
    return {**request, "items": items}


def rank(function: Function, request: Request, **more: Any) -> dict[str, Any]:
    name = function.manifest.model
    return ask(function, f"/{name}/v1/models/{name}:rank", {**request, **more})


@pytest.mark.parametrize("variant", ["A", "A+", "B", "B+"])
@pytest.mark.parametrize("name", ZOO)
def test_scores_are_the_uncut_graphs_on_both_sides_of_the_threshold(tmp_path: Path, name: str, variant: str) -> None:
    model = ZOO[name]()
    built = build(model, tmp_path, name, f'variant = "{variant}"\ncut_rows = 40')
    assert built.split is not None and built.split["shipped"] == variant, built.notes
    assert built.manifest.uncut_below == BELOW
    function = Function.open(built.folder, {})
    taken = Taken(function)
    sizes = (1, 2, BELOW - 1, BELOW, BELOW + 1, 40)
    for request in model.requests:
        for size in sizes:
            asked = cut(request, size)
            np.testing.assert_allclose(scores(function, asked), model.scores(asked), rtol=CLOSE, atol=CLOSE)
    assert taken.ways == ["few"] * 3 + ["many"] * 3 + (["few"] * 3 + ["many"] * 3) * (len(model.requests) - 1)


@pytest.mark.parametrize("name", ZOO)
def test_every_golden_row_is_proven_on_both_ways(tmp_path: Path, name: str) -> None:
    built = build(ZOO[name](), tmp_path, name, 'variant = "B"')
    proven = certificate.verify(built.folder)
    assert {"few-candidates", "many-candidates"} < set(proven.paths)
    assert proven.split is not None and proven.split.uncut <= 1e-5
    kinds = [step.candidates for step in built.manifest.steps]
    assert kinds[-3:] == ["many", "many", "few"] and set(kinds[:-3]) <= {"any"}


@pytest.mark.parametrize("name", ZOO)
def test_rows_of_several_users_take_the_uncut_graph_however_many(tmp_path: Path, name: str) -> None:
    model = ZOO[name]()
    function = Function.open(build(model, tmp_path, name, 'variant = "A"\ncut_rows = 100').folder, {})
    taken = Taken(function)
    rows, wanted = [], []
    for request in model.requests:
        asked = cut(request, 12)
        once = {**asked["user"], **asked["context"]}
        if "history" in function.manifest.spec.inputs:
            once.setdefault("history", [])
        rows += [{**once, **{item: column[at] for item, column in asked["items"].items()}} for at in range(12)]
        wanted += model.scores(asked)
    found = ask(function, f"/{name}/v1/models/{name}:predict", {"instances": rows})["predictions"]
    np.testing.assert_allclose(np.ravel(found), wanted, rtol=CLOSE, atol=CLOSE)
    assert taken.ways == ["few"]
    # Rows of one user are a request of that user.
    found = ask(function, f"/{name}/v1/models/{name}:predict", {"instances": rows[:12]})["predictions"]
    np.testing.assert_allclose(np.ravel(found), wanted[:12], rtol=CLOSE, atol=CLOSE)
    assert taken.ways == ["few", "many"]


def test_an_item_that_the_catalogue_lacks_scores_and_counts_alike(tmp_path: Path) -> None:
    """Whatever the request says of it, and of items that are there."""
    model = two_tower()
    function = Function.open(build(model, tmp_path, "tower", 'variant = "B"').folder, {})
    user = {key: model.requests[0][key] for key in ("user", "context")}
    odd = {"movie_id": [5000, 3, -1, 10**12], "genre": ["a", "zzz", "b", ""], "year": [1900, 1.5, 0, 3]}
    films = {"movie_id": [5000, 3, -1, 10**12], "genre": ["", None, "", ""], "year": [0.0, None, 0.0, 0.0]}
    place = model.catalogue["movie_id"].index(3)
    films["genre"][1], films["year"][1] = (model.catalogue[name][place] for name in ("genre", "year"))
    wanted = model.scores({**user, "items": films})
    few = rank(function, {**user, "items": odd})
    many = rank(function, {**user, "items": {name: column * 3 for name, column in odd.items()}})
    bare = rank(function, {**user, "items": {"movie_id": odd["movie_id"]}})
    assert few["degraded"] == bare["degraded"] == {"missing_rows:item-rows": 3}
    assert many["degraded"] == {"missing_rows:item-rows": 9}
    np.testing.assert_allclose(few["scores"], wanted, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(many["scores"], wanted * 3, rtol=CLOSE, atol=CLOSE)
    assert few["scores"] == bare["scores"]


def test_values_of_the_moment_come_from_the_request_on_both_sides(tmp_path: Path) -> None:
    model = deep_fm()
    function = Function.open(build(model, tmp_path, "fm", 'variant = "A"').folder, {})
    request = cut(model.requests[1], 3)
    dear = {**request, "items": {**request["items"], "price": [1e3, 2e3, 3e3]}}
    for size in (3, 9):
        asked = cut(dear, size)
        np.testing.assert_allclose(scores(function, asked), model.scores(asked), rtol=CLOSE, atol=CLOSE)


def test_a_missing_users_value_is_refused_alike(tmp_path: Path) -> None:
    model = din()
    function = Function.open(build(model, tmp_path, "din", 'variant = "B+"').folder, {})
    without = [{**cut(model.requests[2], size), "user": {"user_id": 3}} for size in (2, 20)]
    for asked in without:  # the history's default
        np.testing.assert_allclose(scores(function, asked), model.scores(asked), rtol=CLOSE, atol=CLOSE)


def test_no_candidates_and_the_best_of_some(tmp_path: Path) -> None:
    model = deep_fm()
    function = Function.open(build(model, tmp_path, "fm", 'variant = "A"').folder, {})
    assert rank(function, cut(model.requests[2], 0))["scores"] == []
    for size in (5, 17):
        asked = cut(model.requests[2], size)
        best = rank(function, asked, top_k=3)
        order = np.argsort(-np.array(model.scores(asked)), kind="stable")[:3]
        assert best["items"] == [asked["items"]["movie_id"][at] for at in order]


def test_a_user_whose_part_is_kept_is_split_however_few_the_candidates(tmp_path: Path) -> None:
    model = din()
    cached = "user_cache_seconds = 60\nuser_cache_entries = 100"
    function = Function.open(build(model, tmp_path, "din", f'variant = "B"\n{cached}').folder, {})
    taken = Taken(function)
    one, other = (cut(request, 2) for request in model.requests[1:3])
    for asked in (one, cut(one, 20), one, other, cut(other, 3), cut(other, 9), cut(one, 1)):
        np.testing.assert_allclose(scores(function, asked), model.scores(asked), rtol=CLOSE, atol=CLOSE)
    assert taken.ways == ["few", "many", "many", "few", "few", "many", "many"]
    counts = function.telemetry._counts
    assert (counts["UserCacheHits"], counts["UserCacheMisses"]) == (2, 2)


def test_rows_in_dynamodb_serve_both_ways(tmp_path: Path) -> None:
    model = din()
    places = 'placement = "dynamodb"\ncut_placement = "dynamodb"'
    built = build(model, tmp_path, "din", f'variant = "B"\ncut_rows = 100\n{places}')
    assert {one.placement for one in built.manifest.spec.tables.values()} == {"dynamodb"}
    with LocalDynamo() as server:
        for one in built.manifest.spec.tables.values():
            server.load(tmp_path / ".build" / "tables" / one.physical)
        keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        where = {"AWS_ENDPOINT_URL_DYNAMODB": server.endpoint, "AWS_REGION": "us-east-1"}
        function = Function.open(built.folder, where | keys)
        for size in (1, 5, 6, 30):
            asked = cut(model.requests[2], size)
            np.testing.assert_allclose(scores(function, asked), model.scores(asked), rtol=CLOSE, atol=CLOSE)
        function.scorer.close()


def test_packed_rows_are_proven_on_both_ways(tmp_path: Path) -> None:
    built = build(din(), tmp_path, "m", 'variant = "B"\nrow_dtype = "f16"\nrow_error = 0.01')
    narrowed = built.certificate.narrowed
    assert narrowed is not None
    assert {"few-candidates", "many-candidates"} < set(narrowed.paths) & set(built.certificate.paths)


def test_weights_of_both_graphs_are_stored_once_and_bytes_repeat(tmp_path: Path) -> None:
    model = din(rows=5000)
    one, other = (build(model, tmp_path / place, "m", 'variant = "B"\ncut_rows = 10000') for place in ("a", "b"))
    assert tree.digest(one.folder) == tree.digest(other.folder)
    files = {path.name: path.stat().st_size for path in (one.folder / "steps").iterdir()}
    table = 5000 * 8 * 4
    assert files["weights.bin"] > table > sum(size for name, size in files.items() if name != "weights.bin")
    assert one.split is not None
    rest = one.split["rest"]
    assert rest["below"] == BELOW and 0 < rest["bytes"] < table / 4 and rest["opens_ms"] > 0
    said = "\n".join(outcome.lines(one.split))
    assert f"the uncut graph reads the same rows below {BELOW} candidates" in said and "ms more to start" in said


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that finds B worth it from 7 candidates on."""

    def found(runs: object, numbers: tuple[int, ...], *, force: bool, rested: Callable[[str], object]) -> choose.Choice:
        rested("B")
        timings = tuple(Timing(times.SHIPPED, n, 50.0, 2.0) for n in numbers)
        return choose.Choice("B", "2× on average", timings, 1.0, {}, below=7)

    monkeypatch.setattr("ranklet.graph.compiler.choose", found)


def test_a_measured_threshold_is_remembered_and_can_be_written_down(tmp_path: Path, measured: None) -> None:
    folder = two_tower().write(tmp_path / "functions", "m", split=CATALOGUE)
    first = pipeline.build(folder, out=tmp_path / ".build")
    assert first.manifest.uncut_below == 7 and first.split is not None
    assert 'with [split] variant = "B", uncut_below = 7' in "\n".join(outcome.lines(first.split))
    note = json.loads((tmp_path / ".build" / "functions" / "m.split.json").read_bytes())
    assert note["choice"]["below"] == 7
    before = tree.digest(first.folder)
    again = pipeline.build(folder, out=tmp_path / ".build")
    assert tree.digest(again.folder) == before
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace("[split]\n", '[split]\nvariant = "B"\nuncut_below = 7\n'))
    named = pipeline.build(folder, out=tmp_path / ".build")
    assert tree.digest(named.folder) == before


def test_a_threshold_without_a_variant_is_refused(tmp_path: Path) -> None:
    folder = two_tower().write(tmp_path / "functions", "m", split=f"{CATALOGUE}uncut_below = 3")
    with pytest.raises(ModelError, match="uncut_below = 3 goes with the variant of a split"):
        pipeline.build(folder, out=tmp_path / ".build")


def test_uncut_ships_where_its_graph_cannot_stand_in(tmp_path: Path) -> None:
    """The row that both would read is above the budget."""
    model = deep_fm()
    folder = model.write(
        tmp_path / "functions", "m", split=f'{CATALOGUE}variant = "A"\nuncut_below = 3\nrow_bytes = 240'
    )
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.split is not None and built.split["shipped"] == "uncut"
    assert "no uncut graph can stand in below 3 candidates" in built.split["reason"]
    assert built.manifest.uncut_below == 0 and [step.candidates for step in built.manifest.steps] == ["any"]


def test_uncut_ships_where_the_package_has_no_room_for_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranklet.tables.room.LIMIT", 100 << 20)
    built = build(two_tower(), tmp_path, "m", 'variant = "A"')
    assert built.split is not None and built.split["shipped"] == "uncut"
    assert "the package has no room for the uncut graph, which serves below 6 candidates" in built.notes[0]


def test_a_defect_of_the_compiler_is_no_silent_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> None:
        raise AssertionError("out of step")

    monkeypatch.setattr("ranklet.graph.compiler._try", broken)
    with pytest.raises(AssertionError, match="out of step") as caught:
        build(two_tower(), tmp_path, "m", 'variant = "A"')
    assert any('[split] mode = "off" ships the graph as it is' in note for note in caught.value.__notes__)
