"""A model's way: from `functions/<model>/` to a proven bundle in `.build/functions/<model>/`.

The stages, each a function that takes values and returns values; only the first reads and only the last two write:

1. **load** the author's model.toml and read what it names: exported parts (`importers`), embedding tables
   (`tables`), golden rows (`golden`).
2. **compose** them into a `Manifest`: tables pinned by content, tensor names resolved, artefacts named.
3. **write** the bundle into a scratch folder beside its place, check that its parts fit each other (`fit`), and stage
   DynamoDB tables under `.build/tables/`, with artefacts that are too large for a package (`artefacts`).
4. **split** a single end-to-end graph (`ranklet.splitting`): its alternatives go the same way from here, the best
   first, and are held to the uncut graph's scores as well; where none is proven, the graph ships as it is.
5. **prove** it: every golden request through the real handler in every form, tables read over the wire
   (`ranklet.proof`). A difference above the bound ends here, with the place; nothing is left that could be deployed.
6. **seal** it: the certificate goes in, and the scratch folder takes its place in one rename.

Nothing in a bundle depends on when or where it was built: same inputs, same bytes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ranklet import (
    artefacts,
    certificate,
    fit,
    freshness,
    golden,
    importers,
    model,
    proof,
    references,
    rehearsal,
    releasing,
    standins,
    tokens,
    tree,
)
from ranklet.after import parts as steps_after
from ranklet.after import proof as lists_proof
from ranklet.answers import Answer
from ranklet.compose import MANIFEST, Parts, compose, document, write
from ranklet.errors import ModelError, ParityError
from ranklet.graph.records import Compiled
from ranklet.retrieving import settling
from ranklet.retrieving.making import Wanted
from ranklet.splitting.given import Given
from ranklet.splitting.outcome import uncut
from ranklet.tables import files, pin, source, sources
from ranklet.tables.built import pinning
from ranklet.tables.room import Room
from ranklet.tables.sources.base import Asked
from ranklet_runtime.manifest import Manifest

PMML = "export/model.pmml"
"""Where an author lays the document that a model came from, if callers may have it (`GET /model/<model>/pmml`)."""

Progress = Callable[[str], None]
"""Called with what begins now, in a few words."""


@dataclass(frozen=True)
class Built:
    """What a build made.

    placements: table name → why it is where it is. bytes counts the bundle's files. notes: what importers saw, refused
    nothing for, and the author should know. split: what became of an end-to-end graph, None for other models.
    packaged: where graphs and weights are, and why.
    """

    model: str
    folder: Path
    manifest: Manifest
    certificate: certificate.Certificate
    placements: Mapping[str, str]
    bytes: int
    notes: tuple[str, ...] = ()
    dollars: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    split: Mapping[str, Any] | None = None
    packaged: str = ""


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
        memory = place.with_name(f"{place.name}.split.json")
        given = Given(described, parts, folder, Path(scratch), memory, partial(files_below, folder), progress)
        making = _Making(rows, Path(scratch), out / "tables", progress, partial(files_below, folder))
        made, said, notes = _best(making, given)
        certificate.write(made.proven, made.bundle)
        _replace(made.bundle, place)
        freshness.mark(place, source)
        releasing.write(described, rows, made.proven, out / releasing.HOOKS / described.name)
    tables = made.parts.tables
    return Built(
        described.name,
        place,
        made.manifest,
        made.proven,
        {table.table.name: table.reason for table in tables},
        tree.size(place),
        (*_notes(parts, made, place), *standins.notes(made.manifest, tables, rows), *notes),
        {table.table.name: table.dollars for table in tables},
        said,
        artefacts.account(made.manifest, place, described, out / "tables"),
    )


def examine(folder: Path, *, out: Path, progress: Progress = lambda what: None) -> Compiled:
    """What the graph compiler finds of the model in `folder`; nothing is built.

    Raises ModelError for a model without a graph to split, and whatever reading the model raises.
    """
    # Imported here: onnx and the compiler take a second, which models without a graph need not wait.
    from ranklet.splitting.examining import examine as found

    described = model.load(folder)
    rows = golden.read(files_below(folder, described.golden.file))
    memory = out / "functions" / f"{described.name}.split.json"
    with tempfile.TemporaryDirectory(prefix="ranklet-") as scratch:
        parts = _read(described, folder, rows, scratch=Path(scratch), progress=progress)
        return found(Given(described, parts, folder, Path(scratch), memory, partial(files_below, folder), progress))


def answers(folder: Path, rows: Sequence[golden.Golden], *, progress: Progress = lambda what: None) -> list[Answer]:
    """What the model in `folder`, packaged as it is, answers to requests; their scores are not looked at.

    Raises as `build` does, and ParityError for a request that is refused.
    """
    described = model.load(folder)
    with tempfile.TemporaryDirectory(prefix="ranklet-") as scratch:
        parts = _read(described, folder, rows, scratch=Path(scratch), progress=progress)
        making = _Making(rows, Path(scratch), Path(scratch) / "tables", progress, partial(files_below, folder))
        parts, _, bundle = making.write(described, parts, "bundle")
        return proof.answers(bundle, making.staged(parts), rows, tables=parts.tables, staging=making.tables)


@dataclass(frozen=True)
class _Made:
    """A proven bundle in the scratch folder."""

    parts: Parts
    manifest: Manifest
    bundle: Path
    proven: certificate.Certificate


@dataclass(frozen=True)
class _Making:
    """What all bundles of one build share. tables: where they are staged. resolve: a file below the model's folder."""

    rows: Sequence[golden.Golden]
    scratch: Path
    tables: Path
    progress: Progress
    resolve: Callable[[str], Path]

    def write(self, described: model.Model, parts: Parts, name: str) -> tuple[Parts, Manifest, Path]:
        """Compose and write a bundle, and check that its parts fit."""
        staged = {one.table.name: files.write_staged(one, self.tables) for one in parts.tables if one.away}
        parts = replace(parts, tables=tuple(_staged(one, staged) for one in parts.tables))
        manifest = replace(compose(described, parts), histogram=releasing.histogram(self.rows))
        bundle = self.scratch / name
        self.progress("writing the bundle")
        write(manifest, described, parts, bundle)
        fit.check(manifest, [exported for _, exported in parts.steps], bundle)
        if parts.retrieved is not None:
            manifest = self._indexed(manifest, parts.retrieved, parts, bundle)
        manifest = tokens.settled(manifest, [exported for _, exported in parts.steps], bundle)
        rehearsal.write(manifest, self.rows, bundle)
        manifest = artefacts.settle(manifest, bundle, self.tables)
        return parts, manifest, bundle

    def _indexed(self, manifest: Manifest, wanted: Wanted, parts: Parts, bundle: Path) -> Manifest:
        """Make the index, and say in the manifest what it is."""
        with ExitStack() as stack:
            place = settling.Place(bundle, proof.environment(self.staged(parts), stack), self.resolve)
            manifest = settling.settle(manifest, wanted, self.rows, place, progress=self.progress)
        (bundle / MANIFEST).write_bytes(document(manifest))
        return manifest

    def staged(self, parts: Parts) -> list[Path]:
        """Where the tables lie that DynamoDB serves."""
        return [self.tables / one.table.physical for one in parts.tables if one.table.placement == "dynamodb"]

    def prove(self, described: model.Model, parts: Parts, name: str, before: proof.Uncut | None = None) -> _Made:
        """Write a bundle and replay the golden requests through it."""
        parts, manifest, bundle = self.write(described, parts, name)
        self.progress(f"replaying {len(self.rows)} golden requests")
        proven = proof.prove(
            bundle,
            self.staged(parts),
            self.rows,
            bound=proof.bound(described, manifest),
            tables=parts.tables,
            allowed={name: table.max_score_change for name, table in described.tables.items()},
            split=before,
            staging=self.tables,
        )
        return _Made(parts, manifest, bundle, proven)


def _best(making: _Making, given: Given) -> tuple[_Made, Mapping[str, Any] | None, tuple[str, ...]]:
    """The first bundle that is proven, of all that could stand for the model; the model as it is comes last."""
    if not given.concerned:
        return _whole(making, given), None, ()
    # Imported here: onnx and the compiler take a second, which models without a graph need not wait.
    from ranklet.splitting.alternatives import UNFIT, alternatives

    split = alternatives(given)
    if split is None:
        return _whole(making, given), None, ()
    if split.reason is not None:
        split.note(split.said)
        return _whole(making, given, split.reason), split.said, split.notes
    own = _own(making, given)
    notes = list(split.notes)
    for number, alternative in enumerate(split.each):
        try:
            found = alternative()
            before = proof.Uncut(own, found.shipped, found.said["trials"], found.said["worst"])
            made = making.prove(found.model, found.parts, f"split-{number}", before)
        except (*UNFIT, ModelError, ParityError) as error:
            if split.forced:
                raise ModelError(f'{given.model.name}: [split] mode = "force", but the split fails: {error}') from error
            notes.append(f"not split as {split.said['shipped']}: {error}" if not number else f"tables stay: {error}")
            continue
        assert made.proven.split is not None, "a split is held to the uncut graph"
        said = {**found.said, "uncut": made.proven.split.uncut, "notes": notes}
        split.note(said)
        return made, said, tuple(notes)
    reason = notes[-1] if notes else "nothing to split"
    said = {**uncut(reason), "declined": split.said["declined"], "notes": notes}
    split.note(said)
    return _whole(making, given, reason), said, tuple(notes)


def _whole(making: _Making, given: Given, reason: str = "[split] does not cut it") -> _Made:
    """The model as it is. Raises ModelError for a graph that is too large to be served so."""
    for step, exported in given.parts.steps:
        if exported.outside is not None:
            raise ModelError(
                f"{given.model.name}: {step.source} has tables in files of their own, more than a bundle can hold in "
                f"its graph, and they stay in it: {reason}"
            )
    return making.prove(given.model, given.parts, "bundle")


def _own(making: _Making, given: Given) -> list[Answer] | None:
    """What the uncut graph answers to the golden requests, None where it is too large to be run."""
    if any(exported.outside is not None for _, exported in given.parts.steps):
        return None
    parts, _, bundle = making.write(given.model, given.parts, "uncut")
    return proof.answers(bundle, making.staged(parts), making.rows, tables=parts.tables, staging=making.tables)


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
    tables, retrieved = [], None
    # A document is shown to whoever may call the model, and takes room: only what an author lays there goes along.
    pmml = files_below(folder, PMML) if (folder / PMML).is_file() else None
    taken = sum(len(exported.content or b"") for _, exported in steps) + (pmml.stat().st_size if pmml else 0)
    left = Room.of(described, artefacts=taken, onnx=any(exported.engine == "onnx" for _, exported in steps))
    for name, table in described.tables.items():
        progress(f"pinning table {name}")
        if table.built is not None:
            site = left.site(described, name)
            tables.append(pinning.pin(name, described, folder, golden=rows, scratch=scratch, site=site))
            continue
        asked = Asked(name, table, folder, partial(files_below, folder), described.inputs, described.features)
        vectors = source.gather(name, sources.read(asked), key=table.key, scratch=scratch)
        if described.retrieve is not None and name == described.retrieve.table:
            retrieved = settling.read(described, vectors, folder=folder, resolve=partial(files_below, folder))
            if not any(feature.options.get("table") == name for feature in described.features.values()):
                continue  # searched and never read by key: the index holds it
        tables.append(pin.pin(name, table, vectors, scratch=scratch, site=left.site(described, name)))
        if tables[-1].table.placement == "resident":
            left = left.after(tables[-1].bytes, tables[-1].memory, fetched=tables[-1].fetched)
    vocabularies = {
        name: files_below(folder, feature.options["vocabulary"])
        for name, feature in described.features.items()
        if isinstance(feature.options.get("vocabulary"), str)
    }
    known = references.read(described, rows, partial(files_below, folder))
    after = steps_after.read(described, partial(files_below, folder), folder)
    return Parts(tuple(steps), tuple(tables), vocabularies, pmml, known, after, retrieved)


def _notes(given: Parts, made: _Made, bundle: Path) -> Iterator[str]:
    """given: as the author has them, before any split."""
    for step, exported in given.steps:
        yield from (f"{step.source}: {note}" for note in exported.notes)
    yield from fit.notes(made.manifest, [exported for _, exported in made.parts.steps], bundle)
    yield from tokens.notes(made.manifest, bundle)
    if made.proven.lists is not None:
        yield lists_proof.account(made.proven.lists)


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
