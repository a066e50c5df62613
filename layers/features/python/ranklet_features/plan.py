"""A feature spec, compiled once, then run for every request and over every training frame.

    compile:   inputs → readers;  features → compiled kinds, parts before their crosses;  tables → one reader each
    assemble:  raw values → typed columns → one read per table → features → tensors

The user's values are columns of one row and stay so: nothing is copied per candidate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from struct import error as StructError
from typing import Any, Literal, NamedTuple

import numpy as np

from ranklet_features.blocks import Columns, Sides
from ranklet_features.columns import Column, Reader
from ranklet_features.compiling import compile_features
from ranklet_features.errors import InputError, SpecError
from ranklet_features.inputs import make_reader
from ranklet_features.kinds.base import Array, Compiled, Plain, Tensor, Values
from ranklet_features.raw import names
from ranklet_features.reading import Reading
from ranklet_features.spec import FeatureSpec, Input
from ranklet_features.stored import StoredReader, check
from ranklet_features.stores.base import EmbeddingStore
from ranklet_features.tables import TableReader
from ranklet_features.values import DTYPES

Surplus = Literal["refuse", "ignore"]
Users = list[Compiled]
Makers = tuple[tuple[Compiled, Plain | None], ...]
COLUMN = (list, np.ndarray)

UNUSUAL = (KeyError, TypeError, ValueError, OverflowError, StructError, InputError, RuntimeWarning)
"""What `FeaturePlan.assemble_plain` raises; StoreUnavailable is not among them. RuntimeWarning is NumPy's overflow,
where warnings are errors; a function has switched it off (`ranklet_runtime.handler`).
"""


class Assembled(NamedTuple):
    """tensors: what the spec's features made, by name; they may share memory with the caller's columns.

    n: the number of candidates (rows). degraded: what had to be defaulted, by reason → how many.
    """

    tensors: dict[str, Array]
    n: int
    degraded: dict[str, int]


class FeaturePlan:
    """Compiled feature assembly; made by `compile`, safe to share, holds nothing of a request.

    inputs: the declared inputs by name. signature: tensor name → (dtype, trailing shape, side), in the spec's order.
    features: compiled, parts before their crosses.
    ids: tensor name → how many ids (0 … ids - 1) it can hold, besides -1; for tensors of ids only.
    pads: tensor name → the ids that mean "nothing stands here", -1 among them; for tensors of ids only.
    alone: tensor name → what makes it of a plain request; None where one needs more than that.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        readers: list[Reader],
        features: list[Compiled],
        tables: list[tuple[TableReader, Users]],
        stored: Sequence[StoredReader] = (),
    ) -> None:
        self.inputs: Mapping[str, Input] = spec.inputs
        by_name = {feature.name: feature for feature in features}
        self.signature: dict[str, Tensor] = {}
        for name in spec.features:
            self.signature.update(by_name[name].signature)
        for one in stored:
            if one.found in self.signature:
                raise SpecError(f"feature {one.name!r}: its tensor {one.found!r} is there already; rename one")
            self.signature[one.found] = Tensor("bool", (), self.signature[one.name].side)
        self.ids = {feature.name: feature.ids for feature in features if feature.ids is not None}
        self.pads = {feature.name: feature.pads for feature in features if feature.ids is not None}
        self.features: Sequence[Compiled] = features
        self._tables, self._stored = tables, tuple(stored)
        self._readers = {reader.name: reader for reader in readers}
        self._makers: Makers = tuple((feature, feature.plain(spec.inputs)) for feature in features)
        makers = {feature.name: make for feature, make in self._makers if make is not None}
        self.alone = makers if len(makers) == len(features) and not (tables or stored) else None
        together = [feature.together for feature in features]
        self._every = Reading(readers, together, single=False)
        self._once = Reading([one for one in readers if one.side != "item"], together, single=True)
        self._items = Reading([one for one in readers if one.side == "item"], together, single=False)
        self._names = {
            side: frozenset(name for name, declared in spec.inputs.items() if declared.side == side)
            for side in ("user", "context", "item")
        }

    @classmethod
    def compile(
        cls,
        spec: FeatureSpec,
        folder: Path,
        stores: Mapping[str, EmbeddingStore],
        *,
        stored: Collection[str] = (),
    ) -> FeaturePlan:
        """Check the whole spec and prepare what no request changes.

        folder: where vocabulary files lie (the bundle). stores: an open store for each table that a feature uses.
        stored: embeddings that stand in for what a step computes: a row that is absent is not defaulted, and the
        tensor `<feature>_found`, bool [n], tells which rows were found.
        Raises SpecError naming the input, feature or table and the remedy.
        """
        readers = [make_reader(name, declared) for name, declared in spec.inputs.items() if not declared.unread]
        features = compile_features(spec, folder)
        return cls(spec, readers, features, *_tables(spec, features, stores, stored))

    def assemble(
        self,
        user: Mapping[str, Any],
        context: Mapping[str, Any],
        items: Mapping[str, Any],
        *,
        per_row: bool = False,
        surplus: Surplus = "refuse",
        deadline: float | None = None,
    ) -> Assembled:
        """One request → tensors: [1, …] for user and context, [N, …] where an item has part.

        items: columns of N values (a list, a numpy array, a Series). user, context: single values, or, with `per_row`,
        columns of N. surplus: what a name that the spec does not declare means. deadline: for table reads, absolute
        on `time.monotonic()`.
        Raises InputError (ShapeError for lengths) with side, name and index of the first fault, and
        StoreUnavailable. N may be 0. A spec without item inputs has one row, or the rows of its columns.
        """
        sides = {"user": user, "context": context, "item": items}
        if surplus != "ignore":
            self._refuse_surplus(sides)
        # What overflows is looked for where it happens: a reader or `dense` refuses it and names it.
        with np.errstate(over="ignore", invalid="ignore"):
            columns = Columns()
            if per_row:
                n = self._every.many(sides, columns)
            else:
                self._once.once(sides, columns)
                n = self._items.many(sides, columns)
            return self._run(columns, n, deadline)

    def assemble_plain(
        self, once: Mapping[str, Any], items: Mapping[str, Any], n: int, *, deadline: float | None = None
    ) -> Assembled:
        """`assemble`, bit for bit, of a request without anything unusual in it; n is 1 or more.

        once: the values of user and context, of inputs that are theirs. items: the columns, each of n values: an array
        of numbers [n] whose dtype the input takes as it is (`blocks.HELD`), such bytes as `kinds.base.Plain` takes, or
        a list.
        Raises one of UNUSUAL where something is unusual or wrong: `assemble` reads it or says what is wrong.
        """
        if self.alone is not None:
            return Assembled({name: make(once, items) for name, make in self.alone.items()}, n, {})
        with np.errstate(over="ignore", invalid="ignore"):
            values, degraded = self._read(Unread(self._readers, once, items, n), {}, deadline)
            for feature, make in self._makers:
                if make is not None:
                    values.tensors[feature.name] = make(once, items)
                else:
                    values.tensors.update(feature.run(values))
        return Assembled(values.tensors, n, degraded)

    def assemble_columns(self, frame: Any, *, surplus: Surplus = "ignore", deadline: float | None = None) -> Assembled:
        """A training frame → tensors of its n rows, by the very code that serves.

        frame: a dict of columns, a pandas or a polars frame; user and context inputs are columns like the items'.
        What the spec does not declare (labels) is ignored by default. A whole frame's embeddings are made at once:
        give large frames in chunks. Raises as `assemble` does.
        """
        sides: dict[str, dict[str, Any]] = {"user": {}, "context": {}, "item": {}}
        for name in names(frame):
            if (declared := self.inputs.get(name)) is not None:
                sides[declared.side][name] = frame[name]
            elif surplus != "ignore":
                raise InputError("item", str(name), f"not an input of this model; inputs: {', '.join(self.inputs)}")
        return self.assemble(sides["user"], sides["context"], sides["item"], per_row=True, deadline=deadline)

    def _run(self, columns: Columns, n: int, deadline: float | None) -> Assembled:
        values, degraded = self._read(columns, columns.tables, deadline)
        for feature in self.features:
            values.tensors.update(feature.run(values))
        return Assembled(values.tensors, n, degraded)

    def _read(
        self, columns: Mapping[str, Column], tables: Mapping[Any, Array], deadline: float | None
    ) -> tuple[Values, dict[str, int]]:
        """What the features see: columns, and the rows of tables; and what of those had to be defaulted."""
        values, degraded = Values(columns, tables=tables), {}
        for table, users in self._tables:
            rows, counts = table.read([feature.wanted(values) for feature in users], deadline)
            values.rows.update(zip((feature.name for feature in users), rows, strict=True))
            degraded.update(counts)
        for reader in self._stored:
            values.rows[reader.name], values.tensors[reader.found], unread = reader.read(values, deadline)
            if unread:
                degraded[reader.reason] = degraded.get(reader.reason, 0) + unread
        return values, degraded

    def _refuse_surplus(self, sides: Sides) -> None:
        for side, sent in sides.items():
            known = self._names[side]
            if not known.issuperset(sent):
                name = next(name for name in sent if name not in known)
                allowed = ", ".join(sorted(known)) or "nothing"
                raise InputError(side, str(name)[:80], f"not an input of this model; allowed in {side}: {allowed}")


class Unread(dict[str, Column]):
    """The columns of a plain request, each read when a feature asks for it."""

    def __init__(
        self, readers: Mapping[str, Reader], once: Mapping[str, Any], items: Mapping[str, Any], n: int
    ) -> None:
        super().__init__()
        self._readers, self._once, self._items, self._n = readers, once, items, n

    def __missing__(self, name: str) -> Column:
        reader = self._readers[name]
        if reader.side == "item":
            raw = self._items.get(name)
            if raw is not None and type(raw) not in COLUMN:
                raw = np.frombuffer(raw, DTYPES[reader.type])
            column = reader.absent(self._n, single=False) if raw is None else reader.many(raw)
        else:
            raw = self._once.get(name)
            column = reader.absent(1, single=True) if raw is None else reader.one(raw)
        self[name] = column
        return column


def _tables(
    spec: FeatureSpec, features: Sequence[Compiled], stores: Mapping[str, EmbeddingStore], stored: Collection[str]
) -> tuple[list[tuple[TableReader, Users]], list[StoredReader]]:
    """Each table that is read, with the features that read it, apart from those that stand in for a step."""
    for name in stored:
        check(name, spec)
    users: dict[str, Users] = {}
    apart = []
    for feature in features:
        if feature.table is None:
            continue
        if feature.table not in stores:
            raise SpecError(f"feature {feature.name!r}: no store was given for its table {feature.table!r}")
        if feature.name in stored:
            apart.append(StoredReader(feature, spec.tables[feature.table], stores[feature.table]))
        else:
            users.setdefault(feature.table, []).append(feature)
    return [(TableReader(spec.tables[name], stores[name]), asking) for name, asking in users.items()], apart
