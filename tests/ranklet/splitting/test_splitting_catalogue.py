"""Catalogues in every form, keys of both types, ids that the graph computes itself, what [split] caches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from splitting_kit import CLOSE, Model, Net, Request, ask, din, scores, shuffled, two_tower, write_csv

from ranklet import pipeline
from ranklet.errors import TableError
from ranklet.graph import choose, times
from ranklet.local.event_v2 import event_v2
from ranklet.pipeline import Built
from ranklet_runtime.function import Function

FORCED = 'mode = "force"\nvariant = "B"\n'


def build(model: Model, root: Path, split: str) -> Built:
    folder = model.write(root / "functions", "m", split=FORCED + split)
    return pipeline.build(folder, out=root / ".build")


def held(built: Built, model: Model) -> None:
    function = Function.open(built.folder, {})
    for request in shuffled(model):
        np.testing.assert_allclose(scores(function, request), model.scores(request), rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("kind", ["npy", "txt"])
def test_keys_are_enough_where_the_graph_reads_no_more(tmp_path: Path, kind: str) -> None:
    model = din()
    folder = model.write(tmp_path / "functions", "m", split=f'{FORCED}catalogue = "export/keys.{kind}"')
    keys = np.array(model.catalogue["movie_id"])[::-1]
    if kind == "npy":
        np.save(folder / "export" / "keys.npy", keys)
    else:
        (folder / "export" / "keys.txt").write_text("\n".join(map(str, keys)))
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.manifest.spec.tables["item-rows"].rows == len(keys)
    held(built, model)


def test_what_keys_alone_do_not_tell_comes_with_the_request(tmp_path: Path) -> None:
    model = two_tower()
    folder = model.write(tmp_path / "functions", "m", split=f'{FORCED}catalogue = "export/keys.npy"')
    np.save(folder / "export" / "keys.npy", np.arange(1, 80))
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert not any(one.unread for name, one in built.manifest.spec.inputs.items() if name != "movie_id")
    held(built, model)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_other_files_of_columns_give_the_same_rows(tmp_path: Path, kind: str) -> None:
    model = two_tower()
    by_csv = build(model, tmp_path / "csv", 'catalogue = "export/items.csv"')
    folder = model.write(
        tmp_path / "functions", "m", split=f'{FORCED}catalogue = "export/items.{kind}"\nkey_column = "id"'
    )
    columns = {"id": model.catalogue["movie_id"], "genre": model.catalogue["genre"], "year": model.catalogue["year"]}
    path = folder / "export" / f"items.{kind}"
    if kind == "jsonl":
        path.write_text(
            "\n".join(json.dumps(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True))
        )
    else:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table(columns), path)
    built = pipeline.build(folder, out=tmp_path / ".build")
    # A table's version is the digest of its keys and rows.
    assert built.manifest.spec.tables["item-rows"].version == by_csv.manifest.spec.tables["item-rows"].version


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": [1, 2]}, "has no column 'movie_id' of keys; its columns: id; name the column in .split. key_column"),
        ({"movie_id": [1, 1]}, "key '1' stands on more than one row"),
        ({"movie_id": [1, "x"]}, "line 3 of items.csv is 'x'"),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_named(tmp_path: Path, columns: dict, message: str) -> None:
    with pytest.raises(TableError, match=message):
        build(replace(din(), catalogue=columns), tmp_path, 'catalogue = "export/items.csv"')


def texts(model: Model) -> Model:
    """The same model, its films named by text."""
    toml = model.toml.replace(
        'movie_id = { side = "item", type = "int" }', 'movie_id = { side = "item", type = "string" }'
    )
    names = ["m0", *(f"m{number}" for number in range(1, 80))]
    toml = toml.replace("size = 80, oov_index = 0", f"vocabulary = {json.dumps(names)}, oov_index = 0")

    def feeds(request: Request, n: int) -> dict[str, np.ndarray]:
        numbers = [int(name[1:]) if name in names else 0 for name in request["items"]["movie_id"]]
        return model.feeds({**request, "items": {**request["items"], "movie_id": numbers}}, n)

    def named(items: dict) -> dict:
        return {**items, "movie_id": [f"m{number}" for number in items["movie_id"]]}

    requests = [{**one, "items": named(one["items"])} for one in model.requests]
    return Model(model.graph, toml, feeds, requests, named(dict(model.catalogue)))


def test_items_may_be_named_by_text(tmp_path: Path) -> None:
    model = texts(two_tower())
    built = build(model, tmp_path, 'catalogue = "export/items.csv"')
    assert built.manifest.spec.tables["item-rows"].key == "string"
    held(built, model)
    request = model.requests[0]
    answer = ask(
        Function.open(built.folder, {}),
        "/m/v1/models/m:rank",
        {**request, "items": {"movie_id": ["nobody's"], "genre": [""], "year": [0]}},
    )
    assert answer["degraded"] == {"missing_rows:item-rows": 1}
    stranger = {**request, "items": {"movie_id": ["nobody's"], "genre": [""], "year": [0.0]}}
    np.testing.assert_allclose(answer["scores"], model.scores(stranger), rtol=CLOSE, atol=CLOSE)


def test_a_table_that_refuses_strangers_does_so_for_items_too(tmp_path: Path) -> None:
    model = two_tower()
    strict = replace(model, toml=model.toml.replace("size = 80, oov_index = 0", 'size = 80, oov = "error"'))
    built = build(strict, tmp_path, 'catalogue = "export/items.csv"')
    assert built.manifest.spec.tables["item-rows"].missing == "error"
    function = Function.open(built.folder, {})
    request = {**model.requests[0], "items": {"movie_id": [5000]}}
    answer = function(event_v2("POST", "/m/v1/models/m:rank", body=json.dumps(request).encode()), None)
    assert answer["statusCode"] == 400
    assert "$.items.movie_id[0]" in answer["body"] and "5000" in answer["body"]


def computed() -> Model:
    """Ids of large tables that the graph computes: of the user's, of the item's, and of both."""
    net = Net(11)
    u, f = net.ids("user"), net.ids("film")
    seven, modulus = net.const(np.array(7)), net.const(np.array(150))
    user = net.op("Gather", net.table("us", 150, 6), net.op("Mod", net.op("Add", u, seven), modulus))
    film = net.op("Gather", net.table("fs", 150, 6), net.op("Mod", net.op("Mul", f, seven), modulus))
    both = net.op("Gather", net.table("bs", 150, 6), net.op("Mod", net.op("Mul", net.op("Add", u, seven), f), modulus))
    model = two_tower()
    out = net.deep(net.op("Concat", user, film, both, axis=1), 18, 24, 1)
    toml = "\n".join(line for line in model.toml.splitlines() if not line.startswith(("about", "when", "kind", "made")))
    return Model(
        net.score(out),
        toml,
        lambda request, n: {name: model.feeds(request, n)[name] for name in ("user", "film")},
        model.requests,
        model.catalogue,
    )


def test_ids_that_the_graph_computes_are_computed_before_their_rows_are_read(tmp_path: Path) -> None:
    model = computed()
    built = build(model, tmp_path, 'cut_rows = 100\ncatalogue = "export/items.csv"')
    engines = [(step.engine, step.rows) for step in built.manifest.steps]
    assert engines[:3] == [("onnx", "user"), ("onnx", "item"), ("lookup", "item")]
    assert set(built.manifest.spec.tables) == {"item-rows", "cut-us", "cut-bs"}
    held(built, model)


def test_a_graph_that_only_loses_its_tables_computes_ids_of_all_sides(tmp_path: Path) -> None:
    model = computed()
    folder = model.write(tmp_path / "functions", "m", split='variant = "uncut"\ncut_rows = 100')
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert set(built.manifest.spec.tables) == {"cut-us", "cut-fs", "cut-bs"}
    held(built, model)


def recurrent() -> Model:
    """A GRU over the history, whose state has its batch second; it passes from the user to the cross part."""
    net = Net(12)
    h, f = net.ids("liked", 12), net.ids("film")
    films = net.table("films", 200, 8)
    steps = net.op("Transpose", net.op("Gather", films, h), perm=[1, 0, 2])
    weights = [net.const(net.random.standard_normal(shape) * 0.3) for shape in ((1, 24, 8), (1, 24, 8), (1, 48))]
    every, last = net.op("GRU", steps, *weights, outputs=2, hidden_size=8)
    query = net.op("Gather", films, f)
    state = net.op("Add", last, query)  # [1, n, 8]
    liked = net.op("Cast", net.op("Equal", h, net.op("Unsqueeze", f, net.const(np.array([1])))), to=1)
    seen = net.op("ReduceMax", liked, net.const(np.array([1])), keepdims=1)
    total = net.op(
        "ReduceSum", net.op("Squeeze", every, net.const(np.array([1]))), net.const(np.array([0])), keepdims=0
    )
    both = net.op("Mul", net.op("Squeeze", state, net.const(np.array([0]))), total)
    model = din()
    toml = "\n".join(line for line in model.toml.splitlines() if not line.startswith("user "))
    return Model(
        net.score(net.deep(net.op("Concat", both, seen, axis=1), 9, 16, 1)),
        toml,
        lambda request, n: {name: model.feeds(request, n)[name] for name in ("liked", "film")},
        model.requests,
        model.catalogue,
    )


@pytest.mark.parametrize("variant", ["A", "B"])
def test_values_without_a_leading_batch_pass_from_user_to_cross(tmp_path: Path, variant: str) -> None:
    model = recurrent()
    folder = model.write(tmp_path / "functions", "m", split=f'variant = "{variant}"\ncatalogue = "export/items.csv"')
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.split is not None and built.split["shipped"] == variant, built.notes
    held(built, model)


def test_the_user_part_is_kept_where_model_toml_says_so(tmp_path: Path) -> None:
    model = din()
    built = build(model, tmp_path, 'user_cache_seconds = 60\nuser_cache_entries = 100\ncatalogue = "export/items.csv"')
    assert [(step.keep_seconds, step.keep_entries) for step in built.manifest.steps] == [(60, 100), (0, 0)]
    function = Function.open(built.folder, {})
    for request in (model.requests[1], model.requests[2], model.requests[1]):
        np.testing.assert_allclose(scores(function, request), model.scores(request), rtol=CLOSE, atol=CLOSE)
    assert function.telemetry._counts["UserCacheHits"] == 1
    assert function.telemetry._counts["UserCacheMisses"] == 2


def test_a_cached_user_part_is_never_joined_to_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: set[str] = set()

    def apart(build: times.Build, numbers: tuple[int, ...], *, force: bool, rested: object) -> choose.Choice:
        timed.update(build(numbers[0]))
        return choose.Choice("B", "2× on average", (), 1.0, {})

    monkeypatch.setattr("ranklet.graph.compiler.choose", apart)
    cached = 'user_cache_seconds = 60\nuser_cache_entries = 100\ncatalogue = "export/items.csv"'
    folder = din().write(tmp_path / "functions", "m", split=cached)
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert timed == {"uncut", "control", "A", "B"}
    assert built.split is not None and built.split["shipped"] == "B"
    assert [step.rows for step in built.manifest.steps] == ["user", "item"]


def test_rows_of_an_authors_table_go_into_the_items_row(tmp_path: Path) -> None:
    """An item's vector from [tables] feeds the graph; once it is computed into the row, nobody reads the table."""
    net = Net(13)
    u, vector = net.ids("user"), net.input("vector", ["n", 4])
    user = net.op("Gather", net.table("us", 60, 6), u)
    model = two_tower()
    toml = "\n".join(
        line for line in model.toml.splitlines() if not line.startswith(("about", "when", "kind", "made", "film"))
    )
    toml += '\nvector = { kind = "embedding", of = "movie_id", table = "films" }\n'
    toml += '[tables.films]\nsource = "export/films.csv"\n'
    toml += 'vector_columns = ["v*"]\nmissing = "mean"\n'
    vectors = np.random.default_rng(14).standard_normal((79, 4)).astype(np.float32)

    def feeds(request: Request, n: int) -> dict[str, np.ndarray]:
        rows = [
            vectors[film - 1] if 0 < film < 80 else vectors.astype(np.float64).mean(0)
            for film in request["items"]["movie_id"]
        ]
        return {"user": model.feeds(request, n)["user"], "vector": np.array(rows, np.float32)}

    given = Model(
        net.score(net.deep(net.op("Concat", user, vector, axis=1), 10, 16, 1)),
        toml,
        feeds,
        model.requests,
        model.catalogue,
    )
    folder = given.write(tmp_path / "functions", "m", split=f'{FORCED}catalogue = "export/items.csv"')
    columns = {f"v{at}": vectors[:, at].tolist() for at in range(4)}
    write_csv(folder / "export" / "films.csv", {"key": list(range(1, 80)), **columns})
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert set(built.manifest.spec.tables) == {"item-rows"}
    held(built, given)
