"""Items that come and go after the build: the command that writes them, and the function that looks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from retrieving_kit import DIM, Catalogue, golden_row, toml, user_vector

from ranklet import pipeline
from ranklet.cli import ranklet
from ranklet.errors import ModelError, TableError
from ranklet.local.event_v2 import event_v2
from ranklet.local.s3 import LocalS3
from ranklet.local.s3.objects import Object
from ranklet.pipeline import Built
from ranklet.retrieving.fresh import Items
from ranklet_features.index.spec import IndexSpec
from ranklet_runtime.arrivals import Arrivals
from ranklet_runtime.function import Function
from ranklet_runtime.retriever import Retriever

SPEC = IndexSpec(10, DIM, "int", attributes={"genres": "string", "year": "int"})
NEW = {"id": 5_000_000, "vector": [100.0] * DIM, "genres": ["War"], "year": 1950, "available": True}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(40)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> tuple[Path, Built]:
    """A project with one model that looks for fresh items every second."""
    root = tmp_path_factory.mktemp("project")
    (root / "cdk.json").write_text("{}")
    text = toml("films", retrieve='query = "vector"\nfresh_s = 1')
    place = catalogue.write(root / "functions" / "films", model=text)
    (place / "golden.jsonl").write_text(golden_row({"user": {"age": 1.0}, "k": 5}, catalogue.best(user_vector(1.0), 5)))
    return root, pipeline.build(place, out=root / ".build")


@pytest.fixture
def here(project: tuple[Path, Built], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Built]]:
    monkeypatch.chdir(project[0])
    yield project


def ask(function: Function) -> list[Any]:
    body = json.dumps({"user": {"age": 1.0}, "k": 3}).encode()
    event = event_v2("POST", "/v1/models/films:retrieve", headers={"content-type": "application/json"}, body=body)
    answer = function(event, None)
    assert answer["statusCode"] == 200, answer
    found: list[Any] = json.loads(answer["body"])["items"]
    return found


def run(lines: list[dict[str, Any]], folder: Path, *options: str) -> dict[str, Any]:
    source = folder / "new.jsonl"
    source.write_text("\n".join(map(json.dumps, lines)))
    done = CliRunner().invoke(ranklet, ["items", "films", "--from", str(source), "--json", *options])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_items_come_and_go_without_a_build(here: tuple[Path, Built], catalogue: Catalogue, tmp_path: Path) -> None:
    file, clock = tmp_path / "fresh.msgpack", Clock()
    function = Function.open(here[1].folder, {"RANKLET_FRESH": str(file)})
    scorer = function.scorer
    assert isinstance(scorer, Retriever) and scorer._arrivals is not None
    scorer._arrivals = Arrivals(scorer._what.index, "", 1, {"RANKLET_FRESH": str(file)}, clock=clock)
    best = catalogue.best(user_vector(1.0), 4)[0]
    assert ask(function) == best[:3]
    toward = {**NEW, "vector": (100 * user_vector(1.0)).tolist()}
    told = run([toward, {"id": best[0], "gone": True}], tmp_path, "--to", str(file))
    assert (told["items"], told["gone"], told["lines"]) == (1, 1, 2)
    assert ask(function) == best[:3]  # it is not time to look yet
    clock.now = 2.0
    assert ask(function) == [NEW["id"], *best[1:3]]
    run([{"id": NEW["id"], "gone": True}], tmp_path, "--to", str(file))
    clock.now = 4.0
    assert ask(function) == best[1:4]
    file.write_bytes(b"damaged")
    clock.now = 6.0
    assert ask(function) == best[1:4]  # a file that cannot be read changes nothing
    file.unlink()
    clock.now = 8.0
    assert ask(function) == best[:3]


def test_function_reads_fresh_items_from_its_bucket(
    here: tuple[Path, Built], catalogue: Catalogue, tmp_path: Path
) -> None:
    retrieve = here[1].manifest.retrieve
    assert retrieve is not None and retrieve.fresh.startswith("fresh/films/")
    file = tmp_path / "fresh.msgpack"
    best = catalogue.best(user_vector(1.0), 4)[0]
    with LocalS3() as server:
        environ = {
            "RANKLET_SNAPSHOTS": server.bucket,
            "AWS_ENDPOINT_URL_S3": server.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        assert ask(Function.open(here[1].folder, environ)) == best[:3]  # nothing there
        run([{"id": best[0], "gone": True}], tmp_path, "--to", str(file))
        server.objects[retrieve.fresh] = Object(file)
        assert ask(Function.open(here[1].folder, environ)) == best[1:4]
    function = Function.open(here[1].folder, environ)  # the server is gone
    assert ask(function) == best[:3]


def test_role_may_read_the_one_object(here: tuple[Path, Built]) -> None:
    from ranklet import deployable
    from ranklet.project import find

    ready = deployable.ready(find(), here[0] / "functions" / "films", build=lambda folder: None)
    assert ready.objects == (here[1].manifest.retrieve.fresh,)  # type: ignore[union-attr]


def test_dry_run_writes_nothing(here: tuple[Path, Built], tmp_path: Path) -> None:
    told = run([NEW], tmp_path, "--to", str(tmp_path / "fresh.msgpack"), "--dry-run")
    assert told["dry_run"] and told["items"] == 1 and not (tmp_path / "fresh.msgpack").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "is no"),
        ("{", "is no"),
        ('{"vector": [1]}', "is no"),
        ('{"id": "x", "gone": true}', "catalogue's are ints"),
        ('{"id": true, "gone": true}', "catalogue's are ints"),
        ('{"id": 1}', "not finite"),
        ('{"id": 1, "vector": [1, 2]}', "6 numbers"),
        ('{"id": 1, "vector": ["a"]}', "no list of numbers"),
        ('{"id": 1, "vector": [1, 2, 3, 4, 5, 1e300]}', "not finite"),
        ('{"id": 1, "vector": [1, 2, 3, 4, 5, 6], "colour": ["red"]}', "no attribute 'colour'"),
    ],
)
def test_lines_that_are_no_items_are_refused_with_their_number(line: str, said: str) -> None:
    with pytest.raises(TableError, match=said) as error:
        Items().add(f'{{"id": 2, "gone": true}}\n{line}'.encode(), SPEC, "new.jsonl")
    assert "line 2 of new.jsonl" in str(error.value)


def test_values_of_another_type_are_refused() -> None:
    items = Items()
    items.add(b'{"id": 1, "vector": [1, 2, 3, 4, 5, 6], "year": "old"}', SPEC, "new.jsonl")
    with pytest.raises(TableError, match="attributes"):
        items.content(SPEC)


def test_vectors_have_length_one_where_the_metric_is_the_cosine() -> None:
    items = Items()
    items.add(b'{"id": 1, "vector": [3, 4, 0, 0, 0, 0]}', replace(SPEC, metric="cosine"), "new.jsonl")
    assert items.vectors[1].tolist() == np.array([0.6, 0.8, 0, 0, 0, 0], np.float32).tolist()


def test_model_that_does_not_look_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdk.json").write_text("{}")
    catalogue = Catalogue(30)
    place = catalogue.write(tmp_path / "functions" / "films", model=toml("films"))
    (place / "golden.jsonl").write_text(golden_row({"user": {"age": 1.0}, "k": 5}, catalogue.best(user_vector(1.0), 5)))
    pipeline.build(place, out=tmp_path / ".build")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="fresh_s"):
        run([NEW], tmp_path, "--to", str(tmp_path / "x"))
