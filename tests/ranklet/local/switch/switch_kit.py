"""A model whose scores reveal which rows it used, built in several versions, each with tables of its own.

score of version N for the film k = N              a constant of the graph (the head's bias)
                                  + N × 1 000 + k  the film's row in DynamoDB
                                  + N × 100 000    the film's row in a table of the package
                                  + N × 1 000 000  the user's stored row; 4 000 000 more where the user's step ran

Any mix of two versions gives a number that no version gives. All are whole and below 2 ** 24, so float32 holds them.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ranklet import pipeline
from ranklet.local.call import Api
from ranklet.local.function import Function, Layer
from ranklet.local.routes import Route
from ranklet.local.template import Deployment
from ranklet.pipeline import Built

NAME = "switch"
FILMS = range(1, 61)
REGULARS = range(1, 11)
PATH = f"/v1/models/{NAME}:rank"

MODEL = """
name = "switch"
version = {version}

[inputs]
user_id = {{ side = "user", type = "int", default = 0 }}
one = {{ side = "user", default = 1.0 }}
film = {{ side = "item", type = "int" }}

[features]
one = {{ kind = "dense", of = "one" }}
row = {{ kind = "embedding", of = "film", table = "films" }}
here = {{ kind = "embedding", of = "film", table = "packed" }}
stored = {{ kind = "embedding", of = "user_id", table = "users" }}

[tables.films]
vectors = "export/films.npy"
keys = "export/films.keys.npy"
placement = "dynamodb"
missing = "error"
unavailable = "error"

[tables.packed]
vectors = "export/packed.npy"
keys = "export/films.keys.npy"
placement = "resident"
missing = "error"

[tables.users]
vectors = "export/users.npy"
keys = "export/users.keys.npy"
placement = "dynamodb"
unavailable = "error"

[[steps]]
format = "numpy"
engine = "linear"
source = "export/user.npz"
rows = "user"
inputs = {{ one = "one" }}
outputs = {{ logit = "user_bias" }}
stored = {{ user_bias = "stored" }}

[[steps]]
format = "numpy"
engine = "dot"
inputs = {{ user = "one", item = "row", item_bias = "here", user_bias = "user_bias" }}
options = {{ bias = {version}.0 }}

[output]
item_key = "film"

[limits]
deadline_ms = 20000
"""


def expected(version: int, user_id: int, films: Sequence[int]) -> list[float]:
    """The scores by the definition above."""
    user = version * 1_000_000 + (0 if user_id in REGULARS else 4_000_000)
    return [float(version + version * 1_000 + film + version * 100_000 + user) for film in films]


def build(version: int, folder: Path) -> Built:
    """A version, trained and built in `folder`: its bundle and, in `folder/build/tables`, its staged tables."""
    model = folder / NAME
    export = model / "export"
    export.mkdir(parents=True)
    films = np.array(FILMS, np.int64)
    users = np.array(REGULARS, np.int64)
    np.save(export / "films.keys.npy", films)
    np.save(export / "films.npy", (version * 1_000 + films).astype(np.float32)[:, None])
    np.save(export / "packed.npy", np.full((len(films), 1), version * 100_000, np.float32))
    np.save(export / "users.keys.npy", users)
    np.save(export / "users.npy", np.full((len(users), 1), version * 1_000_000, np.float32))
    np.savez(export / "user.npz", bias=np.float32([version * 1_000_000 + 4_000_000]), **{"w.one": np.float32([0])})
    (model / "model.toml").write_text(MODEL.format(version=version))
    rows = [
        {
            "request": {"user": {"user_id": user_id}, "items": {"film": list(FILMS)}},
            "scores": expected(version, user_id, FILMS),
        }
        for user_id in (0, 1, 10, 11)
    ]
    (model / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return pipeline.build(model, out=folder / "build")


def layer(folder: Path) -> Layer:
    """What the function needs, of this very environment: the project's run time and its third parties."""
    python = folder / "python"
    python.mkdir(parents=True)
    names = ["ranklet_features", "ranklet_runtime", "numpy", "orjson", "msgpack", "aws_lambda_powertools"]
    if sys.version_info >= (3, 12):
        names.append("pybase64")
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.submodule_search_locations
        place = Path(spec.submodule_search_locations[0])
        (python / name).symlink_to(place)
        if (libraries := place.with_name(f"{name}.libs")).is_dir():
            (python / libraries.name).symlink_to(libraries)
    for name in ("jmespath", "typing_extensions"):  # of Powertools
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin
        place = Path(spec.origin)
        place = place.parent if place.name == "__init__.py" else place
        (python / place.name).symlink_to(place)
    return Layer("everything", folder)


def deployment(bundle: Path, everything: Layer, **fields: Any) -> Deployment:
    """The model's function with this bundle, behind its route."""
    function = Function(
        NAME,
        "ranklet_runtime.handler.handler",
        bundle,
        layers=(everything,),
        memory_mb=1024,
        timeout_s=25.0,
        alias="live",
        version="1",
        **fields,
    )
    routes = (Route(f"POST {PATH}", NAME), Route(f"ANY /v1/models/{NAME}/{{proxy+}}", NAME))
    return Deployment((function,), routes, Api())


def rank(connection: HTTPConnection, user_id: int, films: Sequence[int]) -> tuple[int, Any]:
    """Status and document of one request."""
    body = json.dumps({"user": {"user_id": user_id}, "items": {"film": list(films)}})
    connection.request("POST", PATH, body=body, headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def connect(url: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(url).netloc, timeout=60)


@dataclass
class Seen:
    """One answer: when it was asked for and when it was there, and the version that gave it; None for no version's."""

    start: float
    end: float
    version: int | None
    answer: Any


@dataclass
class Moves:
    """When an alias was moved, and to which version: (begun, returned, version)."""

    first: int
    done: list[tuple[float, float, int]] = field(default_factory=list)

    def make(self, version: int, move: Callable[[], object]) -> None:
        """Run `move` and note it."""
        begun = time.monotonic()
        move()
        self.done.append((begun, time.monotonic(), version))

    def allowed(self, seen: Seen) -> set[int]:
        """The versions that may have answered: the one that was live at the start, and those moved to meanwhile."""
        live, meanwhile = self.first, set()
        for begun, returned, version in self.done:
            if returned <= seen.start:
                live, meanwhile = version, set()
            elif begun <= seen.end:
                meanwhile.add(version)
        return {live} | meanwhile


class Load:
    """Callers that ask one after the other, each on a connection of its own, until so many answers are there.

    They run ahead of who waits for them by `ahead` requests and no more: however slow the machine, requests run during
    every move, and there are as many moves as there shall be.
    """

    def __init__(self, url: str, *, callers: int, requests: int, ahead: int, versions: Sequence[int]) -> None:
        self._url, self._requests, self._versions = url, requests, tuple(versions)
        self.seen: list[Seen] = []
        self._begun, self._ahead, self._bound = 0, ahead, ahead
        self._progress = threading.Condition()
        self._stop = False
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(callers)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        for thread in self._threads:
            thread.join()

    def wait(self, count: int) -> bool:
        """Let the callers go on; wait until so many answers are there, or all; whether there are more to come."""
        with self._progress:
            self._bound = count + self._ahead
            self._progress.notify_all()
            self._progress.wait_for(lambda: self._stop or len(self.seen) >= min(count, self._requests))
            return not self._stop and len(self.seen) < self._requests

    def _end(self) -> None:
        with self._progress:
            self._stop = True
            self._progress.notify_all()

    def _may_begin(self) -> bool:
        """Whether another request shall be made; waits while the callers are too far ahead."""
        with self._progress:
            self._progress.wait_for(lambda: self._stop or self._begun < self._bound)
            if self._stop or self._begun >= self._requests:
                return False
            self._begun += 1
            return True

    def _call(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        connection = connect(self._url)
        try:
            while self._may_begin():
                user_id = int(rng.integers(0, 2 * len(REGULARS)))
                films = rng.choice(FILMS, int(rng.integers(1, 12)), replace=False).tolist()
                start = time.monotonic()
                status, answer = rank(connection, user_id, films)
                self._note(start, status, answer, user_id, films)
        except Exception as error:  # a caller that failed is an answer of no version; nobody waits for the others
            self.seen.append(Seen(0, 0, None, repr(error)))
            self._end()
        finally:
            connection.close()

    def _note(self, start: float, status: int, answer: Any, user_id: int, films: list[int]) -> None:
        given = [version for version in self._versions if answer == {"scores": expected(version, user_id, films)}]
        version = given[0] if status == 200 and given else None
        with self._progress:
            self.seen.append(Seen(start, time.monotonic(), version, (status, user_id, films, answer)))
            self._progress.notify_all()
