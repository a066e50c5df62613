"""A small model, built, and bundles of it with planted faults; what stands in for CodeDeploy; how a log is read."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import sys
import threading
from collections.abc import Sequence
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np

from ranklet import pipeline, releasing
from ranklet.local.call import Api
from ranklet.local.function import Function, Layer
from ranklet.local.routes import Route
from ranklet.local.template import Deployment
from ranklet.pipeline import Built

NAME, HOOK = "mood", "mood-hook"
PATH = f"/v1/models/{NAME}:rank"
BIAS, AGE, PRICE = -0.5, 0.02, -0.3

MODEL = """
name = "mood"
version = {version}

[inputs]
age = {{ side = "user" }}
price = {{ side = "item" }}

[features]
age = {{ kind = "dense", of = "age" }}
price = {{ kind = "dense", of = "price" }}

[[steps]]
format = "numpy"
engine = "linear"
source = "export/weights.npz"
inputs = {{ age = "age", price = "price" }}
outputs = {{ score = "score" }}

{more}
"""

SLOW = """
import time
from ranklet_runtime.handler import handler as inner

def handler(event, context):
    time.sleep({seconds})
    return inner(event, context)
"""


def score(age: float, price: float, *, bias: float = BIAS) -> float:
    """The model by its definition."""
    return 1 / (1 + math.exp(-(bias + AGE * age + PRICE * price)))


def request(rng: np.random.Generator) -> dict[str, Any]:
    """One of the requests that both the golden ones and the traffic are drawn from."""
    prices = np.round(rng.uniform(0, 10, 20), 2)
    return {"user": {"age": float(rng.integers(18, 80))}, "items": {"price": prices.tolist()}}


def scores(asked: dict[str, Any], *, bias: float = BIAS) -> list[float]:
    return [score(asked["user"]["age"], price, bias=bias) for price in asked["items"]["price"]]


def build(folder: Path, *, version: int = 1, bias: float = BIAS, more: str = "") -> Built:
    """A version with this bias, trained and built in `folder`."""
    model = folder / NAME
    (model / "export").mkdir(parents=True)
    weights = {"bias": [bias], "w.age": [AGE], "w.price": [PRICE]}
    np.savez(model / "export" / "weights.npz", **{name: np.float32(value) for name, value in weights.items()})
    (model / "model.toml").write_text(MODEL.format(version=version, more=more))
    rng = np.random.default_rng(3)
    asked = [request(rng) for _ in range(40)]
    rows = [json.dumps({"request": one, "scores": scores(one, bias=bias)}) for one in asked]
    (model / "golden.jsonl").write_text("\n".join(rows))
    return pipeline.build(model, out=folder / "build")


def hook_folder(built: Built) -> Path:
    """What the build left for the hook."""
    return built.folder.parents[1] / releasing.HOOKS / NAME


def with_weights(built: Built, folder: Path, *, bias: float) -> Path:
    """A copy of the bundle with other weights than were proven: a planted bad version."""
    shutil.copytree(built.folder, folder)
    (weights,) = (folder / "steps").glob("*.npz")
    with np.load(weights) as found:
        arrays = dict(found)
    np.savez(weights, **{**arrays, "bias": np.full_like(arrays["bias"], bias)})
    return folder


def slowed(built: Built, folder: Path, *, seconds: float) -> Path:
    """A copy of the bundle with a handler, `slow.handler`, that takes its time: a planted regression."""
    shutil.copytree(built.folder, folder)
    (folder / "slow.py").write_text(SLOW.format(seconds=seconds))
    return folder


def layer(folder: Path) -> Layer:
    """What the functions need, of this very environment."""
    python = folder / "python"
    python.mkdir(parents=True)
    names = ["ranklet_features", "ranklet_runtime", "numpy", "orjson", "msgpack", "aws_lambda_powertools", "jmespath"]
    names += ["typing_extensions", *(["pybase64"] if sys.version_info >= (3, 12) else [])]
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin
        place = Path(spec.origin)
        place = place.parent if place.name == "__init__.py" else place
        (python / place.name).symlink_to(place)
        if (libraries := place.with_name(f"{name}.libs")).is_dir():
            (python / libraries.name).symlink_to(libraries)
    return Layer("everything", folder)


def deployment(bundle: Path, everything: Layer, *others: Function, **fields: Any) -> Deployment:
    """The model's function with this bundle, behind its route, and other functions beside it."""
    known = {"handler": "ranklet_runtime.handler.handler", "memory_mb": 1024, "timeout_s": 25.0, "version": "1"}
    function = Function(NAME, code=bundle, layers=(everything,), alias="live", **{**known, **fields})
    return Deployment((function, *others), (Route(f"POST {PATH}", NAME),), Api())


def hook(folder: Path, everything: Layer, *, version: str) -> Function:
    """The hook that checks a version of the model's function."""
    return Function(
        HOOK,
        "ranklet_runtime.hook.handler",
        folder,
        layers=(everything,),
        environment={"RANKLET_FUNCTION": NAME, "RANKLET_VERSION": version},
        memory_mb=512,
        timeout_s=60.0,
    )


def ask(url: str, asked: Sequence[dict[str, Any]]) -> list[Any]:
    """The answers to requests, one after the other."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        found = []
        for one in asked:
            connection.request("POST", PATH, body=json.dumps(one), headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            found.append((answer.status, json.loads(answer.read())))
        return found
    finally:
        connection.close()


class CodeDeploy:
    """An endpoint that notes which statuses it was told: (target, body)."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                told.append((self.headers["x-amz-target"], body))
                answer = json.dumps({"lifecycleEventHookExecutionId": body["lifecycleEventHookExecutionId"]}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
