"""Asking for a table's rows as the pipeline does, in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ranklet.model import TableSource
from ranklet.tables import source, sources
from ranklet.tables.source import Vectors
from ranklet.tables.sources.base import Asked


def asked(folder: Path, *, name: str = "t", **fields: Any) -> Asked:
    """One table of a model.toml in `folder`."""
    inputs, features = fields.pop("model_inputs", {}), fields.pop("model_features", {})
    return Asked(name, TableSource(**fields), folder, lambda file: folder / file, inputs, features)


def gathered(folder: Path, **fields: Any) -> Vectors:
    """Its rows, sorted and checked; scratch files go below the folder."""
    one = asked(folder, **fields)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return source.gather(one.name, sources.read(one), key=one.table.key, scratch=scratch)
