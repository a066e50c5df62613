"""What servers are asked, and what they must answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray

from ranklet.bench.dialects import ranker
from ranklet.bench.peers.table import Form
from ranklet.errors import BenchError
from ranklet.golden import Golden

JSON: Mapping[str, str] = {"content-type": "application/json"}
TOLERANCE = 1e-6
"""Of a probability: another release of onnxruntime, or the unsplit graph, adds in another order."""

OURS, RANK = f"/{ranker.NAME}/v2/models/{ranker.NAME}/infer", f"/{ranker.NAME}/v1/models/{ranker.NAME}:rank"
ROWS = f"/v1/models/{ranker.NAME}:predict"
"""Paths: of ours, and of a peer that takes TF Serving's rows."""

DATATYPES = {"int64": "INT64", "float32": "FP32"}


@dataclass(frozen=True)
class Asked:
    """A request of n candidates. scores: what is right. read: the scores out of an answer's body.

    path: where it goes, where that is not the server's own path of V2 requests.
    """

    n: int
    body: bytes
    scores: NDArray[np.float32]
    read: Callable[[bytes], ArrayLike]
    path: str = ""

    def check(self, who: str, answer: bytes) -> None:
        """Raise BenchError where an answer's scores are not right: it has no time."""
        try:
            got = np.asarray(self.read(answer), np.float64)
        except (ValueError, LookupError, TypeError) as error:
            raise BenchError(f"{who} answers {answer[:200]!r}; nothing was timed") from error
        if got.shape != self.scores.shape:
            raise BenchError(f"{who}: the answer is {list(got.shape)}, it must be [{self.n}]; nothing was timed")
        worst = float(np.max(np.abs(got - self.scores), initial=0.0))
        if not worst <= TOLERANCE:
            raise BenchError(f"{who}: scores differ by {worst:.3g} from the session's; nothing was timed")


def request(form: Form, golden: Golden, scores: NDArray[np.float32]) -> Asked:
    """The graph's own tensors, the user's of one row, as JSON."""
    tensors = {name: (tensor, _numbers(tensor)) for name, tensor in ranker.feeds(golden).items()}
    if form == "mlflow":
        document: dict[str, Any] = {"inputs": {name: _nested(*pair) for name, pair in tensors.items()}}
        return Asked(len(scores), orjson.dumps(document), scores, _predictions)
    inputs = [
        {"name": name, "datatype": DATATYPES[str(tensor.dtype)], "shape": list(tensor.shape), "data": data}
        for name, (tensor, data) in tensors.items()
    ]
    return Asked(len(scores), orjson.dumps({"inputs": inputs}), scores, _output)


def rows(golden: Golden, scores: NDArray[np.float32]) -> Asked:
    """TF Serving's rows, the user copied into each."""
    once = {**golden.user, **golden.context}
    instances = [{**once, **{name: column[at] for name, column in golden.items.items()}} for at in range(len(scores))]
    return Asked(len(scores), orjson.dumps({"instances": instances}), scores, _predictions, ROWS)


def named(golden: Golden, scores: NDArray[np.float32]) -> Asked:
    """Our own form for items of a catalogue: the user once, and the items' ids."""
    document = {"user": golden.user, "context": golden.context, "items": {"item_id": golden.items["item_id"]}}
    return Asked(len(scores), orjson.dumps(document), scores, _scores, RANK)


def _numbers(tensor: NDArray[Any]) -> list[Any]:
    """As a client writes them: 12.34, not what 32 bits make of it."""
    flat = tensor.reshape(-1)
    return [float(str(value)) for value in flat] if tensor.dtype == np.float32 else [int(value) for value in flat]


def _nested(tensor: NDArray[Any], data: list[Any]) -> list[Any]:
    if tensor.ndim == 1:
        return data
    width = tensor.shape[1]
    return [data[at : at + width] for at in range(0, len(data), width)]


def _output(body: bytes) -> ArrayLike:
    data: ArrayLike = orjson.loads(body)["outputs"][0]["data"]
    return data


def _scores(body: bytes) -> ArrayLike:
    found: ArrayLike = orjson.loads(body)["scores"]
    return found


def _predictions(body: bytes) -> ArrayLike:
    """A list, or one list per output."""
    found = orjson.loads(body)["predictions"]
    return np.asarray(found["score"] if isinstance(found, dict) else found, np.float64).reshape(-1)
