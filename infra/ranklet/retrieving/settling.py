"""An index in a bundle: first one that looks at every item, by which requests become vectors, then the one that ships.

read      the table's vectors and attributes, as model.toml names them
pinned    what the manifest says before anything was measured
settle    the index in the bundle, and the manifest that says what was measured
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ranklet.golden import Golden
from ranklet.model import Model
from ranklet.retrieving import attributes, making, queries
from ranklet.retrieving.making import Wanted
from ranklet.settings.retrieve import Retrieve as Settings
from ranklet.tables.source import Vectors
from ranklet_features.index.files import PREFIX
from ranklet_features.index.spec import IndexSpec
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.retrieval import Retrieve
from ranklet_runtime.retriever import FOLDER, Retriever


def read(model: Model, vectors: Vectors, *, folder: Path, resolve: Callable[[str], Path]) -> Wanted:
    """What the index of a model is made of. vectors: of the table that [retrieve] names. Raises TableError."""
    settings = model.retrieve
    assert settings is not None, "of a model that finds items"
    key = model.tables[settings.table].key
    given = settings.attributes
    found = {} if given is None else attributes.read(given, vectors, key, folder=folder, resolve=resolve)
    return Wanted(settings, vectors, key, found)


def pinned(wanted: Wanted) -> Retrieve:
    """The manifest's part as far as model.toml and the table say it."""
    rows, dim = wanted.vectors.values.shape
    types = {name: column.type for name, column in wanted.columns.items()}
    spec = IndexSpec(rows, dim, wanted.key, wanted.settings.metric, k=wanted.settings.k, attributes=types)
    return _with(wanted.settings, spec)


@dataclass(frozen=True)
class Place:
    """Where a bundle is, and what its model reads elsewhere. environ: by what it finds tables in DynamoDB."""

    bundle: Path
    environ: Mapping[str, str]
    resolve: Callable[[str], Path]


def settle(
    manifest: Manifest, wanted: Wanted, rows: Sequence[Golden], place: Place, *, progress: Callable[[str], None]
) -> Manifest:
    """Write the index into the bundle; the manifest that describes it. Raises ModelError where nothing measures it."""
    folder = place.bundle / FOLDER
    folder.mkdir(exist_ok=True)
    settings = wanted.settings

    def retriever() -> Retriever:
        whole = replace(manifest, retrieve=_with(settings, making.plain(wanted, folder)))
        return Retriever.open(whole, place.bundle, place.environ)

    held_out = queries.of(settings, wanted.vectors, rows, resolve=place.resolve, retriever=retriever)
    making.clear(folder)
    spec, recall = making.make(wanted, held_out, folder, progress=progress)
    retrieve = _with(settings, spec, dataclasses.asdict(recall))
    if settings.fresh_s:
        retrieve = replace(retrieve, fresh=_key(manifest.model, folder))
    return replace(manifest, retrieve=retrieve)


def _key(model: str, folder: Path) -> str:
    """The object of items that come later: by the vectors and ids that they go with, as another model's mean nothing
    here."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob(f"{PREFIX}vectors*"), *folder.glob(f"{PREFIX}ids*")]):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"fresh/{model}/{digest.hexdigest()[:12]}.msgpack"


def _with(settings: Settings, spec: IndexSpec, recall: Mapping[str, object] | None = None) -> Retrieve:
    return Retrieve(
        spec,
        settings.k,
        settings.query,
        settings.history,
        settings.represent,
        settings.fresh_s,
        recall=dict(recall or {}),
    )
