"""A model's way: from `functions/<model>/` to a proven bundle in `.build/functions/<model>/`.

The stages, each a function that takes values and returns values; only the first reads and only the last two write:

1. **load** the author's model.toml and read what it names: exported parts (`importers`), embedding tables
   (`tables`), golden rows (`golden`).
2. **compose** them into a `Manifest`: tables pinned by content, tensor names resolved, artefacts named.
3. **write** the bundle into a scratch folder beside its place, check that its parts fit each other (`fit`), and stage
   DynamoDB tables under `.build/tables/`.
4. **prove** it: every golden request through the real handler in every form, tables read over the wire
   (`ranklet.proof`). A difference above the bound ends here, with the place; nothing is left that could be deployed.
5. **seal** it: the certificate goes in, and the scratch folder takes its place in one rename.

Nothing in a bundle depends on when or where it was built: same inputs, same bytes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ranklet import certificate, fit, freshness, golden, importers, model, proof, tree
from ranklet.compose import Parts, compose, write
from ranklet.errors import ModelError
from ranklet.tables import files, pin, source, sources
from ranklet.tables.built import pinning
from ranklet.tables.room import Room
from ranklet.tables.sources.base import Asked
from ranklet_runtime.manifest import Manifest

Progress = Callable[[str], None]
"""Called with what begins now, in a few words."""


@dataclass(frozen=True)
class Built:
    """What a build made.

    placements: table name → why it is where it is. bytes counts the bundle's files. notes: what importers saw, refused
    nothing for, and the author should know.
    """

    model: str
    folder: Path
    manifest: Manifest
    certificate: certificate.Certificate
    placements: Mapping[str, str]
    bytes: int
    notes: tuple[str, ...] = ()
    dollars: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def build(folder: Path, *, out: Path, progress: Progress = lambda what: None) -> Built:
    """Build the model in `folder` into `out/functions/<model>/`, staging tables below `out/tables/`.

    Raises ModelError, ImportRefused, TableError or ParityError; an earlier bundle then stays as it was.
    """
    progress("reading model.toml")
    source = freshness.digest(folder)
    described = model.load(folder)
    rows = golden.read(files_below(folder, described.golden.file))
    place = out / "functions" / described.name
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{described.name}-", dir=place.parent) as scratch:
        parts = _read(described, folder, rows, scratch=Path(scratch), progress=progress)
        staged = {one.table.name: files.write_staged(one, out / "tables") for one in parts.tables if one.away}
        parts = replace(parts, tables=tuple(_staged(one, staged) for one in parts.tables))
        manifest = compose(described, parts)
        bundle = Path(scratch) / "bundle"
        progress("writing the bundle")
        write(manifest, parts, bundle)
        fit.check(manifest, [exported for _, exported in parts.steps], bundle)
        progress(f"replaying {len(rows)} golden requests")
        proven = proof.prove(
            bundle,
            [staged[one.table.name] for one in parts.tables if one.table.placement == "dynamodb"],
            rows,
            bound=proof.bound(described, manifest),
            tables=parts.tables,
            allowed={name: table.max_score_change for name, table in described.tables.items()},
        )
        certificate.write(proven, bundle)
        _replace(bundle, place)
        freshness.mark(place, source)
    reasons = {table.table.name: table.reason for table in parts.tables}
    dollars = {table.table.name: table.dollars for table in parts.tables}
    return Built(described.name, place, manifest, proven, reasons, tree.size(place), _notes(parts), dollars)


def files_below(folder: Path, name: str) -> Path:
    """The file `name` below a model's folder; ModelError for one outside it, and for none."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ModelError(f"{name} is outside the model's folder; put it below {folder.name}/")
    if not path.is_file():
        raise ModelError(f"{folder.name}/model.toml names {name}, which is not there: run train.py or correct it")
    return path


def _read(
    described: model.Model, folder: Path, rows: Sequence[golden.Golden], *, scratch: Path, progress: Progress
) -> Parts:
    steps = []
    for step in described.steps:
        progress(f"importing {step.source or step.engine}")
        steps.append((step, importers.load(step, folder)))
    tables = []
    artefacts = sum(len(exported.content or b"") for _, exported in steps)
    left = Room.of(described, artefacts=artefacts, onnx=any(exported.engine == "onnx" for _, exported in steps))
    for name, table in described.tables.items():
        progress(f"pinning table {name}")
        if table.built is not None:
            site = left.site(described, name)
            tables.append(pinning.pin(name, described, folder, golden=rows, scratch=scratch, site=site))
            continue
        asked = Asked(name, table, folder, partial(files_below, folder), described.inputs, described.features)
        vectors = source.gather(name, sources.read(asked), key=table.key, scratch=scratch)
        tables.append(pin.pin(name, table, vectors, scratch=scratch, site=left.site(described, name)))
        if tables[-1].table.placement == "resident":
            left = left.after(tables[-1].bytes, tables[-1].memory, fetched=tables[-1].fetched)
    vocabularies = {
        name: files_below(folder, feature.options["vocabulary"])
        for name, feature in described.features.items()
        if isinstance(feature.options.get("vocabulary"), str)
    }
    return Parts(tuple(steps), tuple(tables), vocabularies)


def _notes(parts: Parts) -> tuple[str, ...]:
    return tuple(f"{step.source}: {note}" for step, exported in parts.steps for note in exported.notes)


def _staged(pinned: pin.Pinned, staged: Mapping[str, Path]) -> pin.Pinned:
    """With the digests of its files, where the function fetches them."""
    if not pinned.fetched:
        return pinned
    return replace(pinned, table=files.read_table(staged[pinned.table.name]))


def _replace(bundle: Path, place: Path) -> None:
    """Put the new bundle where the old one was; a crash between the two moves leaves none, never half of one."""
    if place.exists():
        shutil.rmtree(place)
    bundle.rename(place)
