"""What a build and OpenAPI know of a dialect: golden requests in its forms, and its paths as documents.

A dialect's module here has `FORMS`, by name; the proof replays every golden request through each of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from ranklet.golden import Golden
from ranklet_runtime.manifest import Manifest

JSON, MSGPACK = "application/json", "application/msgpack"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Message(NamedTuple):
    """A body and the headers that say how to read it; their names in lower case."""

    body: bytes
    headers: Mapping[str, str] = NO_HEADERS


def exact(golden: Golden, manifest: Manifest) -> Mapping[str, Sequence[Any]]:
    """What a form tells that has room for every number."""
    return golden.outputs


def finite(golden: Golden, manifest: Manifest) -> Mapping[str, Sequence[Any]]:
    """What JSON tells: an infinite number is null, as NaN is."""
    return {name: [None if infinite(one) else one for one in column] for name, column in golden.outputs.items()}


def cells(golden: Golden, manifest: Manifest) -> Mapping[str, Sequence[Any]]:
    """What a table of texts tells, as `cell` reads it."""
    return {
        name: [cell(str(one).lower() if isinstance(one, bool) else one) for one in column]
        for name, column in finite(golden, manifest).items()
    }


def cell(value: Any) -> Any:
    """A field of CSV: whatever is a number there is one, and an empty one is none."""
    try:
        return float(value) if value != "" and value is not None else None
    except ValueError:
        return value


def infinite(value: Any) -> bool:
    """Whether it is a number that JSON does not have."""
    return isinstance(value, float) and math.isinf(value)


@dataclass(frozen=True)
class Form:
    """One way to write a golden row in a dialect, and to read the scores out of the answer.

    path: below the model's own prefix, with `{model}` for its name. encode: Golden, Manifest → Message.
    outputs: how what is told beside the scores comes out, None where the form does not tell it.
    told: the golden outputs as this form tells them, which has no room for some values.
    tensors: whether the row that is encoded holds the model's own tensors, as its features make them, by name.
    fits: whether a golden row can be written so (CSV has no lists, npy no words); None for every row.
    at: the path of one golden row, where not all have the same. agrees: what is wrong with the outputs of an answer
    whose scores are within the bound, "" for nothing; None compares them with those that are `told`.
    """

    path: str
    content_type: str
    encode: Callable[[Golden, Manifest], Message]
    decode: Callable[[Message], list[float]]
    outputs: Callable[[Message], Mapping[str, list[Any]]] | None = None
    told: Callable[[Golden, Manifest], Mapping[str, Sequence[Any]]] = finite
    headers: Mapping[str, str] = field(default_factory=dict)
    fits: Callable[[Golden, Manifest], bool] | None = None
    tensors: bool = False
    at: Callable[[Golden], str] | None = None
    agrees: Callable[[Sequence[float], Mapping[str, list[Any]], Golden, float], str] | None = None

    def takes(self, rows: Sequence[Golden], manifest: Manifest) -> bool:
        """Whether all golden rows can be written in this form."""
        return self.fits is None or all(self.fits(golden, manifest) for golden in rows)

    def url(self, manifest: Manifest, golden: Golden | None = None) -> str:
        """The path that leads to the model, of a golden row where that matters."""
        path = self.path if self.at is None or golden is None else self.at(golden)
        return f"/{manifest.model}{path.format(model=manifest.model)}"

    def request(self, golden: Golden, manifest: Manifest) -> Message:
        """The golden row as it is sent, with all headers."""
        sent = self.encode(golden, manifest)
        return Message(sent.body, {"content-type": self.content_type, **self.headers, **sent.headers})


def once(golden: Golden) -> dict[str, Any]:
    """What comes once in a request, of the user and of the context."""
    return {**golden.user, **golden.context}


def rows(golden: Golden) -> list[dict[str, Any]]:
    """The candidates as rows, each with the user's values."""
    shared = once(golden)
    return [{**shared, **{name: column[i] for name, column in golden.items.items()}} for i in range(len(golden.scores))]


def numbers(column: Sequence[Any]) -> list[float]:
    """Scores in which null stands for what the model does not have."""
    return [math.nan if score is None else float(score) for score in column]
