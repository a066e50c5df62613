"""model.toml: the author's file, as typed frozen records.

Checked by msgspec, so that a wrong field is named with its path (`$.inputs.age.side`). What the file
points at (weights, vocabularies, tables, golden rows) is read by the pipeline, not here; an expression that is too long
for it, and stands in a file beside it, is read as if it stood there.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import orjson

from ranklet.errors import ModelError
from ranklet.settings.after import After
from ranklet.settings.api import Api
from ranklet.settings.function import Function
from ranklet.settings.kind import Kind, problem
from ranklet.settings.release import Release
from ranklet.settings.retrieve import Retrieve
from ranklet.settings.token import Token
from ranklet.settings.warmth import Warmth
from ranklet.settings.watch import Watch
from ranklet_features.spec import Feature, Input, KeyType, MissingPolicy, VectorType

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class StepSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[steps]]`: where a part of the model comes from and how its tensors are named.

    format: an importer (`onnx`, `numpy`). source: file below the model's folder, None for an engine
    without weights. engine: required by `numpy`; implied by the others, of trees a choice.
    inputs / outputs: the engine's name → the tensor's name; names not listed keep their own.
    once: engine inputs of an item step that stay at one row.
    stored: of a user step, each of its tensors → the embedding whose row stands in for it where the table has one.
    """

    format: str
    source: str | None = None
    engine: str | None = None
    rows: Literal["user", "item"] = "item"
    inputs: Mapping[str, str] = {}
    outputs: Mapping[str, str] = {}
    once: tuple[str, ...] = ()
    options: Mapping[str, Any] = {}
    stored: Mapping[str, str] = {}


class TableSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[tables.<name>]`: where its rows come from, how they are packed, where they are read.

    Rows come from `vectors` (.npy, float [rows, dim]) with `keys` (.npy of ints or .txt of lines); or from one file,
    `source`, whose `format` follows its ending where it is not given; or from an ONNX `tower` over the rows of a
    `catalogue` file (`format` is the catalogue's). Or the version was `built` elsewhere by `ranklet tables build`: a
    folder (as seen from the model's) or s3://bucket/prefix; with `tower`, it must be a build of that very tower.
    key_column, vector_column (a column of lists) or vector_columns (a column a number, `v*` for many) name columns.
    tower_inputs: the graph's input → the feature that feeds it; tower_output: the output that is the row.
    inputs and features: what only the tower reads, in the form of model.toml's own, which it may read too.
    page: rows per DynamoDB item. max_score_change: how much f16 or int8 may move a golden score.
    hedge: the share of calls to DynamoDB that may be sent a second time because they are slow; 0 for none.
    """

    vectors: str | None = None
    keys: str | None = None
    source: str | None = None
    format: str | None = None
    key: KeyType = "int"
    key_column: str = "key"
    vector_column: str | None = None
    vector_columns: tuple[str, ...] = ()
    tower: str | None = None
    catalogue: str | None = None
    built: str | None = None
    tower_inputs: Mapping[str, str] = {}
    tower_output: str | None = None
    inputs: Mapping[str, Input] = {}
    features: Mapping[str, Feature] = {}
    placement: Literal["resident", "dynamodb", "auto"] = "auto"
    dtype: VectorType = "f32"
    max_score_change: Annotated[float, msgspec.Meta(gt=0)] | None = None
    page: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 1
    missing: MissingPolicy = "zero"
    unavailable: MissingPolicy = "zero"
    default: tuple[float, ...] | None = None
    cache_entries: Positive = 100_000
    cache_ttl_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    hedge: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05

    def __post_init__(self) -> None:
        ways = [("vectors", "keys"), ("source",), ("tower", "catalogue"), ("built",), ("tower", "built")]
        given = {name for way in ways for name in way if getattr(self, name) is not None}
        if given not in [set(way) for way in ways]:
            raise ValueError(
                "rows come from vectors + keys, source, tower + catalogue, or built (+ tower): exactly one of these; "
                f"given: {sorted(given) or 'none'}"
            )
        if self.built is not None and self.placement == "resident":
            raise ValueError("a version that was built elsewhere is for DynamoDB: leave placement out")
        if self.vector_column is not None and self.vector_columns:
            raise ValueError("vector_column is a column of lists, vector_columns a column a number: give one of them")
        if self.page > 1 and (self.key != "int" or self.placement == "resident"):
            raise ValueError(f'page = {self.page} is for key = "int" in DynamoDB; leave it out, or change the other')


class Split(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[split]`: how an end-to-end ONNX graph is cut into user, item and cross parts.

    It concerns models of one step, `format = "onnx"` with `rows = "item"`; all others ship as they are. Sides come from
    [inputs] and nowhere else. What the graph reads of users and context is computed once per request; what it reads of
    items, and the catalogue holds, when the model is built; everything else per candidate. An item input that the
    catalogue lacks (a price of the moment) belongs there, and one that it has, but requests must decide, is declared
    `side = "pair"`. Once a split ships, the items' other inputs come from the catalogue: requests may still send them,
    and nothing reads them.

    mode: `auto` ships the fastest of all that give the graph's own scores, the uncut graph included; `force` a split
    even where it is slower, and no build without one; `off` the graph as it was exported.
    variant: what to ship, unmeasured: `A` stores the items' part of the first dense layers, `B` the items' vectors, `+`
    runs user and cross part in one session, `uncut` only moves large tables out. The build says what it measured to be
    best; naming it here makes builds the same on every machine. uncut_below: with `variant`, requests of fewer
    candidates, and those whose rows belong to several users, are scored by the uncut graph, which reads the same rows;
    0 for none. Without `variant` the build measures where the split begins to pay.
    candidates: how many of them a measured request has. seed: of drawn inputs.

    catalogue: the items, a file below the model's folder: .npy or .txt of keys where a graph needs no more of an item
    than its key, else Parquet, CSV or JSON lines with a column per input (`format` where the ending does not tell).
    Without one no item part is precomputed. key_column: the column of keys, by default named as output.item_key.
    row_bytes: of one item's stored row, at most. row_dtype: how it is packed; row_error: how much f16 or int8 may move
    a golden score (as max_score_change of a table). placement: of the rows, as [tables] have it. An item that the
    catalogue lacks scores with the row of an unknown key, and is counted as degraded.

    cut_rows: a table of so many rows leaves the graph and becomes an embedding table. cut_placement: where those go.
    cache_entries and cache_ttl_s: of all tables above that DynamoDB holds.
    user_cache_seconds and user_cache_entries: keep what the user part gave for the very same inputs; 0 is off.
    pairs and guessed: the inputs with `side = "pair"`, and those with `guessed = true`, which `ranklet import` writes
    and the author takes away: a graph is not split by a guess. `load` fills them in, they are no fields of the file.
    """

    mode: Literal["auto", "off", "force"] = "auto"
    variant: Literal["A", "A+", "B", "B+", "uncut"] | None = None
    uncut_below: Annotated[int, msgspec.Meta(ge=0)] = 0
    candidates: Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1)] = (1, 100, 500, 2000)
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    catalogue: str | None = None
    format: str | None = None
    key_column: str | None = None
    row_bytes: Positive = 4096
    row_dtype: VectorType = "f32"
    row_error: Annotated[float, msgspec.Meta(gt=0)] | None = None
    placement: Literal["resident", "dynamodb", "auto"] = "auto"
    cut_rows: Positive = 10_000
    cut_placement: Literal["resident", "dynamodb", "auto"] = "auto"
    cache_entries: Positive = 100_000
    cache_ttl_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    user_cache_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    user_cache_entries: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    pairs: frozenset[str] = frozenset()
    guessed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.mode == "off" and self.variant is not None:
            raise ValueError(f'mode = "off" ships the graph as it is; drop it, or variant = "{self.variant}"')
        if self.mode == "force" and self.variant == "uncut":
            raise ValueError('mode = "force" ships a split, variant = "uncut" none; drop one of them')
        if self.uncut_below and self.variant in (None, "uncut"):
            raise ValueError(
                f"uncut_below = {self.uncut_below} goes with the variant of a split; without, it is measured"
            )
        if (self.user_cache_seconds > 0) != (self.user_cache_entries > 0):
            raise ValueError("user_cache_seconds and user_cache_entries go together: both above 0, or neither")
        if self.user_cache_entries and self.variant is not None and self.variant.endswith("+"):
            raise ValueError(f'variant = "{self.variant}" has no user part of its own that could be kept; drop the +')


class Traffic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[traffic]`: what is expected, so that `placement = "auto"` can weigh costs.

    candidates and list_length: means, of a request and of a list of keys. cache_hit_rate: of keys in DynamoDB.
    """

    requests_per_month: Positive = 1_000_000
    candidates: Annotated[float, msgspec.Meta(gt=0)] = 100
    list_length: Annotated[float, msgspec.Meta(gt=0)] = 20
    cache_hit_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0


class Telling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of `[output.tell]`: a tensor of numbers, or of codes where labels say what 1, 2 … stand for (0: null)."""

    tensor: str
    labels: tuple[str | int | float | bool, ...] | None = None


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[output]`: the tensor that ranks, and the item input that names a candidate.

    nulls: a score that the model does not have (NaN) is told as null, and is none of the best; otherwise it is a fault.
    ranks: false for a model that tells words alone: `score` is none of its tensors, every score is null, and `top_k` is
    refused. tell: further outputs, by the name that callers read.
    """

    score: str = "score"
    item_key: str | None = None
    nulls: bool = False
    ranks: bool = True
    tell: dict[str, Telling] = {}


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[golden]`: requests with the trainer's own scores, and the bound that the build holds them to.

    max_abs_diff: None takes the engines' default (1e-6 NumPy, 1e-5 ONNX).
    """

    file: str = "golden.jsonl"
    max_abs_diff: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[limits]`: what one request may ask; see `ranklet_runtime.manifest.Limits`."""

    items: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 2000
    body_bytes: Annotated[int, msgspec.Meta(ge=1, le=6_000_000)] = 6_000_000
    deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=29_000)] = 1000


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole model.toml. `folder` is added by `load` and is not a field of the file.

    kind: `rank` scores the items that a request brings, `retrieve` finds them.
    """

    name: Name
    kind: Kind = "rank"
    version: Positive = 1
    description: str = ""
    inputs: Mapping[str, Input]
    features: Mapping[str, Feature]
    steps: tuple[StepSource, ...]
    tables: Mapping[Name, TableSource] = {}
    output: Output = Output()
    golden: Golden = Golden()
    limits: Limits = Limits()
    traffic: Traffic = Traffic()
    split: Split = Split()
    after: After = After()
    token: Token | None = None
    api: Api = Api()
    function: Function = Function()
    warmth: Warmth = Warmth()
    release: Release = Release()
    watch: Watch = Watch()
    retrieve: Retrieve | None = None

    @property
    def verb(self) -> str:
        """What a caller mostly asks of it: the last part of its path."""
        if self.retrieve is None:
            return "rank"
        return "retrieve" if self.retrieve.query is not None or self.retrieve.history is not None else "similar"


def load(folder: Path) -> Model:
    """Read `folder/model.toml`.

    A feature is written flat, `{ kind = "hash", of = "age", buckets = 8 }`: what is not `kind` or `of` is
    an option of the kind; `of` may be one name or several.
    Raises ModelError naming file and field.
    """
    path = folder / "model.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"no {path}: a model is a folder with a model.toml; `ranklet new NAME` makes one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {error}") from error
    document.setdefault("features", {})
    if document.get("kind") == "retrieve":
        document.setdefault("inputs", {})
        document.setdefault("steps", [])
    _move_marks(document, path)
    _prepare(document, path, "$")
    tables = document.get("tables")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if isinstance(table, dict):
            _prepare(table, path, f"$.tables.{name}")
    try:
        model = msgspec.convert(document, Model)
    except msgspec.ValidationError as error:
        raise ModelError(f"{path}: {error}") from error
    if wrong := problem(model):
        raise ModelError(f"{path}: {wrong}")
    if model.name != folder.resolve().name:
        raise ModelError(f"{path}: name is {model.name!r}, the folder is {folder.resolve().name!r}; make them equal")
    return model


def _prepare(document: dict[str, Any], path: Path, place: str) -> None:
    """Bring features to the record's form and look at inputs; the place is where both stand in the file."""
    if isinstance(features := document.get("features"), dict):
        document["features"] = {
            name: _nested(_whole(value, path, f"{place}.features.{name}")) for name, value in features.items()
        }
    _refuse_unknown(document.get("inputs"), path, place)


def _move_marks(document: dict[str, Any], path: Path) -> None:
    """Take `side = "pair"` and `guessed = true` from the inputs to [split]: to all else they are inputs like others."""
    split, inputs = document.setdefault("split", {}), document.get("inputs")
    if not isinstance(split, dict) or not isinstance(inputs, dict):
        return  # msgspec's to refuse
    if given := [name for name in ("pairs", "guessed") if name in split]:
        raise ModelError(f"{path}: $.split.{given[0]} is no field; write it at the input")
    declared = {name: dict(value) for name, value in inputs.items() if isinstance(value, dict)}
    split["pairs"] = [name for name, value in declared.items() if value.get("side") == "pair"]
    split["guessed"] = [name for name, value in declared.items() if value.pop("guessed", False) is True]
    for name in split["pairs"]:
        declared[name]["side"] = "item"
    document["inputs"] = {**inputs, **declared}


def _refuse_unknown(inputs: Any, path: Path, place: str) -> None:
    """Refuse unknown fields of inputs: msgspec checks its own structs for them, not dataclasses."""
    allowed = {field.name for field in dataclasses.fields(Input)} - {"unread"}  # a build's to say
    for name, value in inputs.items() if isinstance(inputs, dict) else ():
        if isinstance(value, dict) and (unknown := set(value) - allowed):
            raise ModelError(f"{path}: {place}.inputs.{name} has unknown {sorted(unknown)}; allowed: {sorted(allowed)}")


EXPRESSIONS = ("expr", "index")
"""Options of features that are JSON, or a .json file below the model's folder that holds it."""


def _whole(feature: Any, path: Path, place: str) -> Any:
    """The feature with its expressions, wherever they stand."""
    if not isinstance(feature, dict):
        return feature
    named = {name: feature[name] for name in EXPRESSIONS if str(feature.get(name, "")).endswith(".json")}
    return {**feature, **{name: _read(path, file, f"{place}.{name}") for name, file in named.items()}}


def _read(path: Path, name: str, place: str) -> str:
    file = (path.parent / name).resolve()
    if not file.is_relative_to(path.parent.resolve()):
        raise ModelError(f"{path}: {place} names {name}, outside the model's folder; put it below {path.parent.name}/")
    try:
        return orjson.dumps(orjson.loads(file.read_bytes())).decode()
    except (OSError, orjson.JSONDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"{path}: {place} names {name}, which cannot be read as JSON: {reason}") from error


def _nested(feature: Any) -> Any:
    """The flat TOML form of a feature as the record's three fields; anything else is left for msgspec to refuse."""
    if not isinstance(feature, dict):
        return feature
    of = feature.get("of", ())
    return {
        "kind": feature.get("kind", ""),
        "of": [of] if isinstance(of, str) else of,
        "options": {key: value for key, value in feature.items() if key not in ("kind", "of")},
    }
