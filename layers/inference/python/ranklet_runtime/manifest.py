"""manifest.json: all that the function knows about its model, written by the build.

The records are frozen and typed; `Manifest.read` refuses a file of another format version. The
certificate lies beside it and is the deployment's affair, not the request's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from ranklet_features.lean import dataclass, field
from ranklet_features.spec import Feature, FeatureSpec, Input, Table
from ranklet_runtime import watched
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.watched import Watched

if TYPE_CHECKING:
    from ranklet_runtime.retrieval import Retrieve

FORMAT = 1
"""Raised when a manifest written before can no longer be read."""

Rows = Literal["user", "item"]
Candidates = Literal["any", "few", "many"]


@dataclass(frozen=True)
class Step:
    """One run of one engine.

    engine: a name of the table in `ranklet_runtime.engines`.
    rows: `user` runs on the user's rows (one per request), `item` on the candidates.
    inputs: the engine's own name of an input → the tensor that feeds it.
    outputs: the engine's own name of an output → the tensor it becomes.
    once: engine inputs of an `item` step that stay at one row; all others of one row are expanded to N.
    artefact: file in the bundle, None for an engine without weights.
    stored: output tensor → the embedding feature whose stored row stands in for it, for all outputs or none; where
    every row is found, the step is not run at all (a user whose vector was computed beforehand).
    keep_seconds and keep_entries: of a user step, how long and how many of its answers are kept for the very same
    inputs; 0 for none.
    candidates: which requests run the step, as `Manifest.uncut_below` has it; those of `any` come before all others.
    """

    engine: str
    rows: Rows
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    artefact: str | None = None
    once: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    keep_seconds: float = 0.0
    keep_entries: int = 0
    candidates: Candidates = "any"


@dataclass(frozen=True)
class Told:
    """An output that is told beside the scores.

    tensor: [N] or [N, 1], of numbers (NaN is told as null), or of codes where `labels` says what 1, 2 … stand for;
    the code 0 is told as null.
    """

    tensor: str
    labels: tuple[str | int | float | bool, ...] | None = None


@dataclass(frozen=True)
class Limits:
    """What one request may ask. body_bytes counts the decoded body; deadline_ms bounds store reads."""

    items: int = 2000
    body_bytes: int = 6_000_000
    deadline_ms: int = 1000


@dataclass(frozen=True)
class Histogram:
    """How the golden scores are distributed. edges: between the buckets, ascending. counts: one more than edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Artefacts:
    """Artefacts that are not in the bundle, but fetched from S3 when the function starts.

    physical: names them by content. files: path as in the bundle (`Step.artefact`, and what lies beside it) → SHA-256.
    """

    physical: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Held:
    """One tensor of a token. shape: of the whole tensor, None for a size that varies, and where nothing is known."""

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Token:
    """What `:prepare` answers. seconds: how long it is taken. bytes: of its text, at most. held: its tensors, by name.

    inputs: those of the user and the context that it holds as they were sent, as features read them with an item's.
    """

    seconds: int
    bytes: int
    held: Mapping[str, Held] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """One model version as it is served.

    version: a decimal number as text, as TensorFlow Serving reports it.
    score: the tensor ([N] or [N, 1]) that ranks. item_key: the item input that names a candidate in
    the answer to `top_k`, None where candidates have no name (their positions are answered then).
    surplus: what an undeclared field in a request means.
    nulls: whether a score that the model does not have (NaN) is told as null; without it, it is a fault.
    ranks: whether there is a tensor of scores; without it every score is null.
    told: further outputs by the name that callers read.
    uncut_below: requests of fewer candidates, and those whose rows belong to several users, are `few`, all others
    `many`: a split graph makes things once per user, which pays off with their number. 0 where all steps are for `any`.
    histogram: of the golden scores, None where they are too few to tell.
    watch: what is told of requests beside their counts. artefacts: those that are fetched; None where all lie in the
    bundle. retrieve: of a model that finds items; None of one that scores those that it is given.
    after: the steps after the scores, by name with their options (`ranklet_runtime.after`), and `requests`, what
    callers may say of them; empty for none. token: None where no user is computed beforehand.
    """

    model: str
    version: str
    spec: FeatureSpec
    steps: tuple[Step, ...]
    score: str
    item_key: str | None = None
    surplus: Literal["refuse", "ignore"] = "refuse"
    dialects: tuple[str, ...] = ("native", "tfserving")
    limits: Limits = Limits()
    threads: int = 1
    nulls: bool = False
    ranks: bool = True
    told: Mapping[str, Told] = field(default_factory=dict)
    uncut_below: int = 0
    histogram: Histogram | None = None
    watch: Watched = field(default_factory=Watched)
    artefacts: Artefacts | None = None
    retrieve: Retrieve | None = None
    after: Mapping[str, Any] = field(default_factory=dict)
    token: Token | None = None

    @property
    def stored(self) -> frozenset[str]:
        """The features whose rows stand in for what a step computes."""
        return frozenset(feature for step in self.steps for feature in step.stored.values())

    @staticmethod
    def read(path: Path) -> Manifest:
        """Read a manifest.json.

        Raises ManifestError when the file is absent, is not JSON, or has another format version.
        """
        try:
            document = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise ManifestError(f"cannot read {path.name}: {error}; run `ranklet build` again") from error
        if document.get("format") != FORMAT:
            raise ManifestError(
                f"{path.name} has format {document.get('format')!r}, this runtime reads {FORMAT}; "
                "build the model with the ranklet version of its layers"
            )
        return from_document(document)


def from_document(document: Mapping[str, Any]) -> Manifest:
    """The records of a parsed manifest.json, defaults filled in.

    Raises ManifestError naming the missing or unknown field.
    """
    try:
        return Manifest(
            model=document["model"],
            version=document["version"],
            spec=_spec(document),
            steps=tuple(Step(**{**step, "once": tuple(step.get("once", ()))}) for step in document["steps"]),
            score=document["score"],
            item_key=document.get("item_key"),
            surplus=document.get("surplus", "refuse"),
            dialects=tuple(document["dialects"]),
            limits=Limits(**document["limits"]),
            threads=document["threads"],
            uncut_below=document.get("uncut_below", 0),
            nulls=document.get("nulls", False),
            ranks=document.get("ranks", True),
            told={name: Told(one["tensor"], _labels(one)) for name, one in document.get("told", {}).items()},
            histogram=_histogram(document.get("histogram")),
            watch=watched.from_document(document.get("watch", {})),
            artefacts=Artefacts(**found) if (found := document.get("artefacts")) else None,
            after=document.get("after") or {},
            token=_token(document.get("token")),
            retrieve=_retrieve(found) if (found := document.get("retrieve")) else None,
        )
    except (KeyError, TypeError) as error:
        raise ManifestError(f"manifest.json: {error}; run `ranklet build` again") from error


def _spec(document: Mapping[str, Any]) -> FeatureSpec:
    return FeatureSpec(
        inputs={name: Input(**value) for name, value in document["inputs"].items()},
        features={
            name: Feature(kind=value["kind"], of=tuple(value["of"]), options=value.get("options", {}))
            for name, value in document["features"].items()
        },
        tables={name: Table(**_with_tuple(value)) for name, value in document["tables"].items()},
    )


def _retrieve(found: Mapping[str, Any]) -> Retrieve:
    # Imported here: few models retrieve.
    from ranklet_features.index.spec import IndexSpec
    from ranklet_runtime.retrieval import Retrieve

    return Retrieve(**{**found, "index": IndexSpec(**found["index"])})


def _histogram(found: Mapping[str, Any] | None) -> Histogram | None:
    return None if found is None else Histogram(tuple(found["edges"]), tuple(found["counts"]))


def _token(found: Mapping[str, Any] | None) -> Token | None:
    if found is None:
        return None
    shapes = {name: None if one["shape"] is None else tuple(one["shape"]) for name, one in found["held"].items()}
    held = {name: Held(one["dtype"], shapes[name]) for name, one in found["held"].items()}
    return Token(found["seconds"], found["bytes"], held, tuple(found["inputs"]))


def _labels(told: Mapping[str, Any]) -> tuple[Any, ...] | None:
    labels = told.get("labels")
    return None if labels is None else tuple(labels)


def _with_tuple(table: Mapping[str, Any]) -> dict[str, Any]:
    default = table.get("default")
    return {**table, "default": tuple(default) if default is not None else None}
