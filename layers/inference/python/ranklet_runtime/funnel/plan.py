"""manifest.json of a funnel: its stages as the build found them, all that Lambda reads.

A funnel's bundle has each stage's whole bundle below `stages/<model>/` where all run in one function, and none of them
where each has a function of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import orjson

from ranklet_features.lean import dataclass
from ranklet_runtime.errors import ManifestError

FORMAT = 1
KIND = "funnel"
STAGES = "stages"
"""The folder of the stages' bundles."""

OnLate = Literal["truncate", "skip"]
Layout = Literal["one", "each"]


@dataclass(frozen=True)
class Stage:
    """One model of a funnel. The first one retrieves, the others rank what it found.

    version: of the model whose bundle was proven. k: how many candidates go on, at least. deadline_ms: its own time.
    on_late: `truncate` scores the best of the stage before, `portion` at a time, until time is up; `skip` scores all
    or none. Who has no score goes on behind those who have one, in the order of the stage before.
    user and context: the inputs that it reads. key: the item input that takes a candidate's id, "" for the first.
    facts: the item inputs that are looked up by that id. orders: whether the model makes a list by more than scores
    ([after] of model.toml), which takes all candidates at once. order: the formula by which its candidates stand, over
    its own score and those of the stages before, as `ranklet_runtime.after.blend` runs it; none for its own score.
    """

    name: str
    model: str
    version: str
    k: int
    deadline_ms: int
    on_late: OnLate = "truncate"
    portion: int = 100
    user: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    key: str = ""
    facts: tuple[str, ...] = ()
    orders: bool = False
    order: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Limits:
    """What one request may ask. items: the most for `k`. deadline_ms: of all stages together."""

    items: int = 1000
    body_bytes: int = 1_000_000
    deadline_ms: int = 500


@dataclass(frozen=True)
class Plan:
    """A funnel as it is served.

    layout: `one` function for all stages, or one for `each`.
    """

    funnel: str
    version: str
    stages: tuple[Stage, ...]
    layout: Layout = "one"
    limits: Limits = Limits()
    surplus: Literal["refuse", "ignore"] = "refuse"
    threads: int = 1

    @staticmethod
    def read(path: Path) -> Plan:
        """Read a manifest.json. Raises ManifestError for one that is absent, is none, or has another format."""
        try:
            document = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise ManifestError(f"cannot read {path.name}: {error}; run `ranklet build` again") from error
        if document.get("kind") != KIND or document.get("format") != FORMAT:
            raise ManifestError(
                f"{path.name} is no funnel's of format {FORMAT}; build it with the ranklet version of its layers"
            )
        return from_document(document)


def from_document(document: Mapping[str, Any]) -> Plan:
    """The records of a parsed manifest.json. Raises ManifestError naming the missing or unknown field."""
    try:
        return Plan(
            funnel=document["funnel"],
            version=document["version"],
            stages=tuple(_stage(one) for one in document["stages"]),
            layout=document["layout"],
            limits=Limits(**document["limits"]),
            surplus=document["surplus"],
            threads=document["threads"],
        )
    except (KeyError, TypeError) as error:
        raise ManifestError(f"manifest.json: {error}; run `ranklet build` again") from error


def _stage(document: Mapping[str, Any]) -> Stage:
    names = {side: tuple(document[side]) for side in ("user", "context", "facts")}
    return Stage(**{**document, **names, "order": tuple(map(tuple, document["order"]))})
