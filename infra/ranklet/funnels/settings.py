"""funnel.toml: the author's file of a funnel, as typed frozen records.

    name = "movie-funnel"
    kind = "funnel"

    [[stages]]
    model = "movie-recall"       # retrieves
    k = 200

    [[stages]]
    model = "movie-din"          # ranks what was found
    k = 20
    deadline_ms = 80
    on_late = "truncate"

Checked by msgspec, so that a wrong field is named with its path. Whether the models that it names go together is told
when they are built (`ranklet.funnels.stages`).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ranklet import model
from ranklet.errors import ModelError
from ranklet.model import Model, Name, Positive, StepSource
from ranklet.settings.api import Api
from ranklet.settings.function import Function
from ranklet.settings.warmth import Warmth
from ranklet.settings.watch import Watch

FILE = "funnel.toml"
Few = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=29_000)]


class StageSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[stages]]`: a model of functions/, the first one with `kind = "retrieve"`, the others with rankers.

    name: as the answer calls it, by default `retrieve`, then `rank`, and `pre-rank` before it. k: how many of its
    candidates go on; more where a request asks for more. deadline_ms: its own time. on_late: what becomes of those
    that it cannot score in time: `truncate` scores the best of the stage before first, `portion` at a time, `skip` all
    or none. Unscored ones go on behind the scored ones. order: a formula over this stage's score and those of the
    stages before by name, with `_` for `-`, that says where candidates stand: `retrieve + log(rank)`; None for its own
    score.
    """

    model: Name
    name: Name | None = None
    k: Few
    deadline_ms: Milliseconds = 100
    on_late: Literal["truncate", "skip"] = "truncate"
    portion: Few = 100
    order: str | None = None


class Items(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[items]`: what rankers read of an item beside its id, as retrieval finds ids alone.

    source: a file of columns below the funnel's folder: Parquet, CSV or JSON lines (`format` where the ending does not
    tell). key_column: of the ids. The other columns have the names of the rankers' item inputs.
    """

    source: str
    format: str | None = None
    key_column: str = "item_id"


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[golden]`: requests that a build sends to the funnel and, one after the other, to its stages.

    file: a `{"request": {"user", "context", "k", "filter", "seen"}}` a line. max_abs_diff: how far a score may be from
    the stage's own; None takes the engines' default.
    """

    file: str = "golden.jsonl"
    max_abs_diff: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[limits]`: what one request may ask. items: the most for `k`. deadline_ms: of all stages together."""

    items: Few = 1000
    body_bytes: Annotated[int, msgspec.Meta(ge=1, le=6_000_000)] = 1_000_000
    deadline_ms: Milliseconds = 500


class Funnel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole funnel.toml.

    functions: `one` for all stages, one for `each` and one before them, or `auto`: one where all of them fit.
    """

    name: Name
    kind: Literal["funnel"]
    version: Positive = 1
    description: str = ""
    stages: Annotated[tuple[StageSource, ...], msgspec.Meta(min_length=2, max_length=5)]
    functions: Literal["auto", "one", "each"] = "auto"
    items: Items | None = None
    golden: Golden = Golden()
    limits: Limits = Limits()
    api: Api = Api()
    function: Function = Function()
    warmth: Warmth = Warmth()
    watch: Watch = Watch()

    def __post_init__(self) -> None:
        names = self.names
        if double := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two stages are called {double[0]!r}; give each a name")
        models = [stage.model for stage in self.stages]
        if self.stages[0].model in models[1:]:
            raise ValueError(f"{models[0]!r} retrieves, and is a later stage too; name a model that ranks there")
        if self.warmth.kind == "snapstart" and self.functions == "each":
            raise ValueError('[warmth] kind = "snapstart" is for one function; leave it out, or functions = "one"')
        for name, unused in (("health", self.watch.health), ("log_inputs", self.watch.log_inputs)):
            if unused:
                raise ValueError(f"[watch] {name} is a model's own; set it in the model.toml of a stage")
        if self.api.dialects != Api().dialects:
            raise ValueError("[api] dialects are a model's; a funnel answers :recommend and :similar")
        if self.api.kind == "rest" and self.api.cors is not None:
            raise ValueError('[api.cors] goes with kind = "http" or "url" for a funnel')
        if self.api.rest is not None and self.api.rest.validate != "none":
            raise ValueError("[api.rest] validate is for models; a funnel checks its bodies itself, drop it")

    @property
    def names(self) -> list[str]:
        """What the stages are called."""
        last = len(self.stages) - 1
        usual = {0: "retrieve", last: "rank", last - 1: "pre-rank"} | ({0: "retrieve"} if last == 1 else {})
        return [stage.name or usual.get(at, stage.model) for at, stage in enumerate(self.stages)]

    def as_model(self) -> Model:
        """What a function, its endpoint and its alarms are made of; nothing of it is computed."""
        return Model(
            name=self.name,
            version=self.version,
            description=self.description or f"ranklet: the funnel {self.name}",
            inputs={},
            features={},
            steps=tuple(StepSource(format=self.kind, source=stage.model) for stage in self.stages),
            api=self.api,
            function=self.function,
            warmth=self.warmth,
            watch=self.watch,
        )


def is_funnel(folder: Path) -> bool:
    """Whether a folder of functions/ is a funnel's."""
    return (folder / FILE).is_file()


def load(folder: Path) -> Funnel:
    """Read `folder/funnel.toml`. Raises ModelError naming file and field."""
    path = folder / FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"no {path}: a funnel is a folder with a {FILE}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {error}") from error
    try:
        funnel = msgspec.convert(document, Funnel)
    except msgspec.ValidationError as error:
        raise ModelError(f"{path}: {error}") from error
    if funnel.name != folder.resolve().name:
        raise ModelError(f"{path}: name is {funnel.name!r}, the folder is {folder.resolve().name!r}; make them equal")
    return funnel


def described(folder: Path) -> Model:
    """The settings of a folder of functions/, a model's or a funnel's, as those of a model."""
    return load(folder).as_model() if is_funnel(folder) else model.load(folder)
