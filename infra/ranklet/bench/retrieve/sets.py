"""An index of each set of vectors, made once: training a million takes minutes, and the next run finds it again."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.bench.base import Progress, Setting
from ranklet.bench.retrieve import data
from ranklet.errors import DataError
from ranklet.retrieving import making
from ranklet.retrieving.making import Queries, Wanted
from ranklet.retrieving.record import Recall
from ranklet.settings.retrieve import Retrieve
from ranklet.tables.source import Vectors
from ranklet_features.index.searching import Index
from ranklet_features.index.spec import IndexSpec

K, TARGET = 100, 0.98
MADE = "made.json"
VERSION = 1
"""Raised when what is kept would no longer be what a run makes."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Made:
    """name: `clustered-100k-int8`, as figures say it. queries: those that no list was chosen by."""

    name: str
    spec: IndexSpec
    recall: Recall
    folder: Path

    @property
    def vectors(self) -> Floats:
        """All of them, in their own order."""
        found: Floats = np.load(self.folder / "all.npy", mmap_mode="r")
        return found

    @property
    def queries(self) -> Floats:
        """Of the second half."""
        found: Floats = np.load(self.folder / "queries.npy")[data.QUERIES // 2 :]
        return found

    def index(self) -> Index:
        """The index, opened."""
        return Index.open(self.spec, self.folder)


def make(kind: str, rows: int, packing: str, setting: Setting, progress: Progress) -> Made | None:
    """The index of a set; None where its data cannot be had."""
    name = f"{kind}-{rows // 1000}k-{packing}".replace("1000k", "1m")
    folder = setting.folder / "retrieve" / f"{name}-{VERSION}"
    if not (folder / MADE).exists():
        progress(f"{name}: drawing vectors")
        try:
            found = data.KINDS[kind](rows)
        except DataError as error:
            progress(f"{name}: {error}")
            return None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        np.save(folder / "all.npy", found.vectors)
        np.save(folder / "queries.npy", found.queries)
        settings = Retrieve(table="items", index="ivf", dtype=packing, recall=TARGET, k=K)  # type: ignore[arg-type]
        wanted = Wanted(settings, Vectors(np.arange(len(found.vectors)), found.vectors), "int")
        queries = Queries(found.queries[: data.QUERIES // 2], "held-out queries")
        spec, recall = making.make(wanted, queries, folder, progress=lambda what: progress(f"{name}: {what}"))
        told = {"spec": dataclasses.asdict(spec), "recall": dataclasses.asdict(recall)}
        (folder / MADE).write_bytes(orjson.dumps(told))
    told = orjson.loads((folder / MADE).read_bytes())
    return Made(name, IndexSpec(**told["spec"]), Recall(**told["recall"]), folder)
