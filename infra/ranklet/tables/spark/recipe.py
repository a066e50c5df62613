"""Everything a worker needs to compute rows, as one blob of plain bytes: no object of ours is pickled.

The blob is msgpack. It is broadcast by Spark, and it is the file that travels to a cluster, where there is no
checkout of the project.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ranklet.errors import TableError
from ranklet.model import Model, TableSource
from ranklet.tables.built import wanted
from ranklet.tables.sources.base import Asked
from ranklet.tables.sources.tower import Tower
from ranklet_features.spec import Feature, Input

FORMAT = 1


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table that a tower makes. inputs, features: the model's. vocabularies: path below the model's folder → bytes.

    graph: the tower's ONNX file, whole. asked: the keys that golden requests read of the table, whose rows a build
    keeps aside for the proof.
    """

    format: int = FORMAT
    model: str
    name: str
    table: TableSource
    inputs: Mapping[str, Input]
    features: Mapping[str, Feature]
    vocabularies: Mapping[str, bytes]
    graph: bytes
    asked: tuple[int | str, ...] = ()

    @classmethod
    def of(cls, model: Model, folder: Path, name: str) -> Recipe:
        """The recipe of a model's table. Raises TableError for a table that no tower makes, and for absent files."""
        if name not in model.tables:
            raise TableError(f"{model.name} has no table {name!r}; its tables: {', '.join(sorted(model.tables))}")
        table = model.tables[name]
        if table.tower is None:
            raise TableError(f"table {name}: only a table with a tower is built; its model.toml names none")
        features = {**model.features, **table.features}
        named = [feature.options.get("vocabulary") for feature in features.values()]
        return cls(
            model=model.name,
            name=name,
            table=table,
            inputs=dict(model.inputs),
            features=dict(model.features),
            vocabularies={
                path: _read(name, folder, path) for path in sorted({one for one in named if isinstance(one, str)})
            },
            graph=_read(name, folder, table.tower),
            asked=wanted.of(model, folder, name),
        )

    def to_bytes(self) -> bytes:
        """The same bytes for equal recipes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, blob: bytes) -> Recipe:
        """Read back what `to_bytes` gave. Raises TableError for anything else."""
        try:
            recipe = msgspec.msgpack.decode(blob, type=cls)
        except msgspec.DecodeError as error:  # ValidationError is one
            raise TableError(f"this is no recipe of a table ({error}); make it by `ranklet tables build`") from error
        if recipe.format != FORMAT:
            raise TableError(f"a recipe of format {recipe.format}; this version of ranklet reads format {FORMAT}")
        return recipe

    @property
    def source(self) -> Asked:
        """As the readers of columns know a table; there is no folder to resolve files in."""
        return Asked(self.name, self.table, Path(), Path, self.inputs, self.features)

    def training(self) -> str:
        """SHA-256, in hex, of what computes the rows: the tower, the features that feed it, their vocabularies.

        Equal for models that differ elsewhere. Raises TableError for what does not fit together.
        """
        tower, table = self.open(), self.table
        named = {feature.options.get("vocabulary") for feature in tower.features.values()}
        found = {
            "graph": hashlib.sha256(self.graph).hexdigest(),
            "ends": [dict(sorted(table.tower_inputs.items())), table.tower_output],
            "inputs": dict(sorted(tower.inputs.items())),
            "features": dict(sorted(tower.features.items())),
            "vocabularies": {
                path: hashlib.sha256(content).hexdigest()
                for path, content in sorted(self.vocabularies.items())
                if path in named
            },
        }
        return hashlib.sha256(msgspec.json.encode(found, order="deterministic")).hexdigest()

    def open(self) -> Tower:
        """The tower, ready to run on one thread. Raises TableError for what does not fit together."""
        with tempfile.TemporaryDirectory(prefix="ranklet-tower-") as scratch:
            for path, content in self.vocabularies.items():
                target = Path(scratch) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            return Tower.open(
                self.name,
                self.table,
                graph=self.graph,
                folder=Path(scratch),
                inputs=self.inputs,
                features=self.features,
            )


def _read(name: str, folder: Path, file: str) -> bytes:
    path = (folder / file).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise TableError(f"table {name}: {file} is outside the model's folder; put it below {folder.name}/")
    try:
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"table {name}: cannot read {file}: {error}; run train.py or correct model.toml") from error
