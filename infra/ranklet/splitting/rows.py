"""The item table: every item of the catalogue through the item's features and the item graph, packed into a row each.

The row of an unknown item is computed by the same way, from a key that no item has: it stands in for what the catalogue
lacks, as the uncut graph would score an id outside its vocabulary.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from ranklet.graph.embeddings import Use, look_up
from ranklet.graph.packing import RECORD, Unpackable, pack
from ranklet.graph.records import Array, Compiled, Piece, RecordLayout
from ranklet.graph.running import Runner
from ranklet.model import TableSource
from ranklet.splitting import tensors
from ranklet.splitting.catalogue import Catalogue
from ranklet.splitting.subject import Subject
from ranklet.tables.sources.base import Chunk, Keys
from ranklet.tables.sources.tower import place_of
from ranklet_features import FeaturePlan
from ranklet_features.errors import InputError
from ranklet_features.spec import FeatureSpec, Input
from ranklet_features.stores.base import EmbeddingStore

MANY = 1 << 60
"""More strangers' keys than any catalogue holds."""


@dataclass(frozen=True)
class ItemGraph:
    """All that a row takes. given: tensor → graph input that it feeds, with the input's place in the graphs."""

    plan: FeaturePlan
    ends: Mapping[str, str]
    keys: tuple[Piece, Runner] | None
    item: tuple[Piece, Runner]
    uses: tuple[Use, ...]
    tables: Mapping[str, Array]
    record: RecordLayout
    ports: Mapping[str, Any]

    def rows(self, columns: Mapping[str, Any]) -> Array:
        """float32 [n, width]. Raises InputError for a value that the features refuse, Unpackable and RunFailed."""
        made = self.plan.assemble_columns(columns).tensors
        feeds = {end: tensors.fitted(self.ports[end], made[tensor]) for end, tensor in self.ends.items()}
        ids = dict(feeds)
        if self.keys is not None:
            ids |= self.keys[1].run(feeds)
        sizes = {name: len(values) for name, values in self.tables.items()}
        feeds |= look_up(ids, self.uses, lambda table, which: np.asarray(self.tables[table][which]), sizes)
        return pack(self.item[1].run(feeds), self.record)[RECORD]


def item_graph(subject: Subject, compiled: Compiled, stores: Mapping[str, EmbeddingStore]) -> ItemGraph:
    """The item's part of a compiled model, ready to run. stores: open ones of tables that item features read."""
    item, record = compiled.item, compiled.record
    assert item is not None and record is not None and subject.catalogue is not None
    lookups = [one for one in compiled.lookups if one.side == "item" and any(p.name == one.rows for p in item.inputs)]
    keys = compiled.keys.get("item") if any(not one.direct for one in lookups) else None
    rows = {one.rows: one for one in compiled.lookups}
    sources = tensors.sources([item, keys], rows)
    ports = {port.name: port for piece in (compiled.whole, keys, item) if piece is not None for port in piece.inputs}
    sources |= {one.ids: compiled.whole.sources[one.ids] for one in lookups if one.direct}
    features = tensors.features(subject, sources.items())
    read = {part for feature in features.values() for part in feature.of if part in subject.spec.inputs}
    inputs = {name: value for name, value in subject.spec.inputs.items() if name in read}
    plan = FeaturePlan.compile(FeatureSpec(inputs, features, subject.spec.tables), subject.folder, stores)
    return ItemGraph(
        plan,
        {end: tensors.tensor(subject, end, source) for end, source in sources.items()},
        None if keys is None else (keys, Runner(keys.content)),
        (item, Runner(item.content)),
        tuple(Use(one.table, one.ids, one.rows, one.direct) for one in lookups),
        {table.name: table.values for table in compiled.tables},
        record,
        ports,
    )


def chunks(catalogue: Catalogue, graph: ItemGraph, progress: Callable[[str], None]) -> Iterator[Chunk]:
    """Rows of all items, in the catalogue's order.

    Raises TableError naming the item that the features refuse, and Unpackable and RunFailed for what cannot be stored.
    """
    done = 0
    for keys, columns, places in catalogue.batches():
        try:
            rows = graph.rows(columns)
        except InputError as error:
            raise catalogue.asked.error(f"{places[place_of(error)]}: {error}") from error
        except IndexError as error:
            raise Unpackable(f"{places[0]} and those after it: {error}") from error
        if not (finite := np.isfinite(rows).all(axis=1)).all():
            raise Unpackable(f"what is stored of {places[int(np.argmin(finite))]} is not finite")
        yield Chunk(keys, rows, places)
        done += len(keys)
        progress(f"computing item rows: {done}")


def stranger(catalogue: Catalogue, graph: ItemGraph, source: TableSource, keys: Keys) -> TableSource:
    """The table with the row of an item that nobody knows; where features refuse such a key, so does the table."""
    columns = {name: [_unknown(name, declared, catalogue, keys)] for name, declared in catalogue.inputs.items()}
    try:
        row = graph.rows(columns)[0]
    except InputError:
        return msgspec.structs.replace(source, missing="error", unavailable="error")
    except IndexError as error:
        raise Unpackable(f"the row of an unknown item: {error}") from error
    if not np.isfinite(row).all():
        raise Unpackable("the row of an unknown item is not finite")
    default = tuple(float(value) for value in row)
    return msgspec.structs.replace(source, missing="row", unavailable="row", default=default)


def _unknown(name: str, declared: Input, catalogue: Catalogue, keys: Keys) -> Any:
    """A value for an item of which nothing is known: the input's default, or nothing, or what no vocabulary has."""
    if name == catalogue.key:
        return _unknown_key(declared, keys)
    if declared.default is not None:
        return declared.default
    if declared.list:
        return []
    value: Any = "" if declared.type == "string" else -1 if declared.type == "int" else 0.0
    return [value] * declared.length if declared.length is not None else value


def _unknown_key(declared: Input, keys: Keys) -> Any:
    strangers: Iterator[Any] = (
        map("?".__mul__, range(MANY)) if declared.type == "string" else iter(range(-1, -MANY, -1))
    )
    return next(key for key in strangers if not _holds(keys, key))


def _holds(keys: Keys, key: Any) -> bool:
    """Whether a key is among keys in ascending order."""
    place = int(np.searchsorted(keys, key)) if isinstance(keys, np.ndarray) else bisect_left(keys, key)
    return place < len(keys) and bool(keys[place] == key)
