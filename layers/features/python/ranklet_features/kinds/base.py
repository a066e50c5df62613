"""What a kind of feature is: a record of options and a class that compiles it.

Compilation sees the spec (`Scope`) and does all that does not depend on a request: checks, vocabularies,
tables of sines. A run sees the typed columns and the tensors made so far (`Values`) and computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_features.columns import Column
from ranklet_features.errors import SpecError
from ranklet_features.lean import dataclass, field
from ranklet_features.spec import Input, Side, Table
from ranklet_features.stores.base import Keys

Array = NDArray[Any]


class Tensor(NamedTuple):
    """What the model reads under one name.

    dtype: `float32`, `float64` or `int64`. shape: without the rows; None where it varies with the request.
    side: `item` has one row per candidate, `user` and `context` one per request.
    """

    dtype: str
    shape: tuple[int | None, ...]
    side: Side


Plain = Callable[[Mapping[str, Any], Mapping[str, Any]], Array]
"""Makes a feature's one tensor of a plain request: values that come once, and items' columns, each by input.

A column is an array, a list, or, of numbers, the bytes of int64 or float64 as its input's type is (anything that has a
buffer). Raises one of `plan.UNUSUAL` where they are not plain.
"""


class Wanted(NamedTuple):
    """Keys that a feature asks of its table. positions: which of the column's values they are, None for all."""

    column: Column
    keys: Keys
    positions: NDArray[np.int64] | slice | None = None


@dataclass(slots=True)
class Values:
    """What is known of one request while its features run.

    columns by input, tensors by name, rows (float32 [keys, dim]) by feature with a table. tables: what inputs hold that
    were read together, [inputs, rows], by their names.
    """

    columns: Mapping[str, Column]
    tensors: dict[str, Array] = field(default_factory=dict)
    rows: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    tables: Mapping[tuple[str, ...], Array] = field(default_factory=dict)


class Compiled:
    """A feature ready to run. The attributes that a kind does not set say "not this kind's affair".

    signature: the tensors it makes, in order. ids: how many different ids its first tensor holds (0 … ids - 1).
    pads: the ids that mean "nothing stands here", which a cross passes on. table: where its rows come from.
    together: inputs that it reads side by side.
    """

    schema: ClassVar[type]
    """The frozen record of the options that the kind knows."""

    of_features: ClassVar[bool] = False
    """Whether `of` may name other features."""

    ids: int | None = None
    pads: tuple[int, ...] = ()
    table: str | None = None
    together: tuple[str, ...] = ()

    def __init__(self, scope: Scope, signature: Mapping[str, Tensor]) -> None:
        self.name = scope.feature
        self.signature = signature

    @classmethod
    def compile(cls, options: Any, scope: Scope) -> Self:
        """Check `options` (an instance of `schema`) and `scope.of`. Raises SpecError."""
        raise NotImplementedError

    def wanted(self, values: Values) -> Wanted:
        """The keys to read from `table`, asked before any feature runs."""
        raise NotImplementedError

    def plain(self, inputs: Mapping[str, Input]) -> Plain | None:
        """The short way from plain values to the same tensor, bit for bit; None where `run` is the only one."""
        return None

    def run(self, values: Values) -> Mapping[str, Array]:
        """The tensors of `signature`. Raises InputError for a value that the options refuse."""
        raise NotImplementedError


@dataclass(frozen=True)
class Scope:
    """What one feature's compilation may look at."""

    feature: str
    kind: str
    of: tuple[str, ...]
    inputs: Mapping[str, Input]
    features: Mapping[str, Compiled]
    tables: Mapping[str, Table]
    folder: Path

    def error(self, message: str) -> SpecError:
        """The SpecError that begins with the feature's name and kind."""
        return SpecError(f"feature {self.feature!r} ({self.kind}): {message}")

    def input(self, name: str, types: Sequence[str], shapes: Sequence[str]) -> Input:
        """The input called `name`. Raises SpecError when its type or shape is not one that the kind reads."""
        declared = self.inputs.get(name)
        if declared is None:
            raise self.error(f"no input {name!r}; inputs: {', '.join(self.inputs) or 'none'}")
        if declared.type not in types:
            raise self.error(f"input {name!r} is {declared.type}, but {self.kind} reads {' or '.join(types)}")
        if (shape := shape_of(declared)) not in shapes:
            raise self.error(f"input {name!r} is a {shape}, but {self.kind} reads a {' or a '.join(shapes)}")
        return declared

    def only_input(self, types: Sequence[str], shapes: Sequence[str]) -> Input:
        """The single input in `of`. Raises SpecError when there are several."""
        if len(self.of) != 1:
            raise self.error(f"of names {len(self.of)} inputs, {self.kind} reads exactly one")
        return self.input(self.of[0], types, shapes)


def shape_of(declared: Input) -> str:
    """`scalar`, `vector` or `list`."""
    return "list" if declared.list else "scalar" if declared.length is None else "vector"


def side_of(sides: Sequence[Side]) -> Side:
    """The side of a tensor made of several: one item value makes it an item's."""
    return next((side for side in ("item", "user", "context") if side in sides), "user")
