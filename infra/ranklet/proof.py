"""The proof: the bundle, opened as Lambda opens it, gives the trainer's scores in every form clients send.

Every golden request goes through `Function`, the real handler's body, from an API Gateway event to the answer's bytes.
Tables in DynamoDB are read by the function's own client from a DynamoDB wire server that holds the very
rows that `ranklet tables push` writes. The numbers compared with are the trainer's, never ours.

Where tables are packed as f16 or int8, the bundle is proven twice: with the exact rows at the author's bound, and as it
is deployed at that bound and what packing may change (`ranklet.precision`). Where a function scores few candidates
another way than many, all golden requests go both ways as well, whatever their length.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from ranklet import certificate, dialects, precision, token_proof
from ranklet.after import proof as lists_proof
from ranklet.answers import Answer, ask, sendable, worst
from ranklet.dialects.base import Form, exact
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet.model import Model
from ranklet.precision import Precision
from ranklet.snapshots import BUCKET_VARIABLE
from ranklet.tables.pin import Pinned
from ranklet.variants import Variants
from ranklet_features.spec import Table
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest

IDENTITY = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

NUMPY_BOUND, ONNX_BOUND = 1e-6, 1e-5
"""What re-association of float32 sums may cost; a model.toml may set a tighter or a wider bound of its own."""


def bound(model: Model, manifest: Manifest) -> float:
    """The largest difference that the model's author, or else the engines, allow."""
    if model.golden.max_abs_diff is not None:
        return model.golden.max_abs_diff
    return ONNX_BOUND if any(step.engine == "onnx" for step in manifest.steps) else NUMPY_BOUND


def prove(
    bundle: Path,
    staged: Sequence[Path],
    rows: Sequence[Golden],
    *,
    bound: float,
    tables: Sequence[Pinned] = (),
    allowed: Mapping[str, float | None] = MappingProxyType({}),
    split: Uncut | None = None,
    staging: Path | None = None,
) -> certificate.Certificate:
    """Replay every golden row in every form of the manifest's dialects.

    staged: folders of the tables that the function reads from DynamoDB. tables: those that the manifest pins, with
    their exact rows. allowed: table → `max_score_change`. split: what the uncut graph answered, where this one was cut.
    staging: the folder in which artefacts are staged that are too large for the bundle.
    Raises ParityError for the first form whose worst difference is above the bound, naming the row, the candidate and
    both scores, for a table whose packing changes too much, and for a split that does not give the uncut scores.
    """
    manifest = Manifest.read(bundle / "manifest.json")
    replay = Replay(manifest, rows)
    with ExitStack() as stack:
        by_name = {one.table.name: one for one in tables}
        environ = environment(staged, stack) | fetching(manifest, staging, stack) | token_proof.signing(manifest)
        if manifest.retrieve is not None:
            from ranklet.retrieving import proving  # most models find nothing

            return proving.prove(bundle, manifest, replay, (environ, by_name, stack), bound=bound)
        variants = Variants(bundle, manifest, environ, by_name, stack)
        if not variants.narrowed:
            deployed = variants.deployed()
            paths = replay.worst(deployed, bound) | _ways(variants, replay, bound, packed=())
            cut, lists = _held(variants, replay, split), lists_proof.prove(deployed, manifest, rows)
            return certificate.Certificate(certificate.digest(bundle), len(rows), bound, paths, split=cut, lists=lists)
        exact = variants.variant(packed=())
        exact_paths = replay.worst(exact, bound, " with exact rows")
        exact_paths |= _ways(variants, replay, bound, packed=(), how=" with exact rows")
        before = replay.answers(exact)
        cut = _held(variants, replay, split)
        found = {}
        for name in variants.narrowed:
            after = replay.answers(variants.variant(packed=(name,)))
            found[name] = _measured(by_name[name].table, before, after, allowed.get(name))
            _decide(name, found[name], bound)
        wider = bound + sum(one.allowed or 0.0 for one in found.values())
        deployed = variants.deployed()
        paths = replay.worst(deployed, wider) | _ways(variants, replay, wider, packed=variants.narrowed)
        lists = lists_proof.prove(deployed, manifest, rows)
    narrowed = certificate.Narrowed(bound, exact_paths, found)
    return certificate.Certificate(certificate.digest(bundle), len(rows), wider, paths, narrowed, cut, lists=lists)


def _ways(
    variants: Variants, replay: Replay, bound: float, *, packed: Collection[str], how: str = ""
) -> dict[str, float]:
    """Each way that requests of few and of many candidates take, all golden rows through it → the worst difference."""
    found: dict[str, float] = {}
    for way, below in variants.ways.items():
        function = variants.variant(packed=packed, below=below)
        found[f"{way}-candidates"] = replay.first(function, bound, f"{way} candidates{how}")
        found |= token_proof.worst(function, function.manifest, replay.rows, bound, f"{way}-candidates-")
    return found


def _held(variants: Variants, replay: Replay, split: Uncut | None) -> certificate.Split | None:
    """A split's scores against the uncut graph's, with exact rows, by every way that it has."""
    if split is None:
        return None
    ways = [variants.variant(packed=(), below=below) for below in variants.ways.values()]
    found = [split.held(replay.answers(function)) for function in ways or [variants.variant(packed=())]]
    return max(found, key=lambda one: one.uncut or 0.0)


def answers(
    bundle: Path,
    staged: Sequence[Path],
    rows: Sequence[Golden],
    *,
    tables: Sequence[Pinned] = (),
    staging: Path | None = None,
) -> list[Answer]:
    """What a bundle answers to the golden requests, its tables' rows exact. Raises ParityError where it refuses one."""
    manifest = Manifest.read(bundle / "manifest.json")
    with ExitStack() as stack:
        environ = environment(staged, stack) | fetching(manifest, staging, stack)
        variants = Variants(bundle, manifest, environ, {one.table.name: one for one in tables}, stack)
        return Replay(manifest, rows).whole(variants.variant(packed=()))


@dataclass(frozen=True)
class Uncut:
    """What a graph answered before it was cut, None where it is too large to be run so.

    shipped, trials and worst: as the certificate says them.
    """

    answers: Sequence[Answer] | None
    shipped: str
    trials: int
    worst: float

    def held(self, found: Sequence[Answer]) -> certificate.Split:
        """Raises ParityError for a score that is not the uncut graph's."""
        if self.answers is None:
            return certificate.Split(self.shipped, None, ONNX_BOUND, self.trials, self.worst)
        gap = 0.0
        for number, (one, other) in enumerate(zip(found, self.answers, strict=True), start=1):
            pairs = list(zip(one.scores, other.scores, strict=True))
            place = max(range(len(pairs)), key=lambda at: _apart(*pairs[at]), default=None)
            if place is None:
                continue
            ours, theirs = pairs[place]
            if not (apart := _apart(ours, theirs)) <= ONNX_BOUND:
                raise ParityError(
                    f"golden row {number}: candidate {place} scores {ours!r}, the uncut graph {theirs!r}: {apart:.2e} "
                    f"apart, above {ONNX_BOUND:.0e}; usual causes: the catalogue lacks the item or has other values of "
                    'it than the request (declare such an input side = "pair")'
                )
            gap = max(gap, apart)
        return certificate.Split(self.shipped, gap, ONNX_BOUND, self.trials, self.worst)


def _apart(ours: float, theirs: float) -> float:
    return abs(ours - theirs) / max(1.0, abs(theirs))


@dataclass(frozen=True)
class Replay:
    """All golden rows, in every form of the manifest's dialects."""

    manifest: Manifest
    rows: Sequence[Golden]

    def worst(self, function: Function, bound: float, how: str = "") -> dict[str, float]:
        """Form → the largest difference from the trainer's scores. Raises ParityError above the bound."""
        found = {
            name: worst(f"{name}{how}", form, function, self.manifest, self.rows, bound)
            for at, (name, form) in enumerate(self._forms().items())
            if at == 0 or sendable(form, function, self.manifest, self.rows)
        }
        return found | token_proof.worst(function, self.manifest, self.rows, bound)

    def first(self, function: Function, bound: float, how: str) -> float:
        """The largest difference in the first form, as which all others are scored. Raises ParityError as `worst`."""
        name, form = next(iter(self._forms().items()))
        return worst(f"{name}, {how}", form, function, self.manifest, self.rows, bound)

    def answers(self, function: Function) -> list[Answer]:
        """Each row's answer in the first form."""
        name, form = next(iter(self._forms().items()))
        return [
            ask(name, form, function, self.manifest, golden, number) for number, golden in enumerate(self.rows, start=1)
        ]

    def whole(self, function: Function) -> list[Answer]:
        """As `answers`, with what is told beside the scores from a form that has room for every number."""
        found = self.answers(function)
        name, form = next(((name, form) for name, form in self._forms().items() if form.told is exact), (None, None))
        if name is None or form is None or not self.manifest.told:
            return found
        full = (ask(name, form, function, self.manifest, row, at) for at, row in enumerate(self.rows, start=1))
        return [replace(one, outputs=other.outputs) for one, other in zip(found, full, strict=True)]

    def _forms(self) -> dict[str, Form]:
        """Those that the golden requests can be written in."""
        found = dialects.forms(self.manifest.dialects)
        return {name: form for name, form in found.items() if form.takes(self.rows, self.manifest)}


def _measured(table: Table, before: Sequence[Answer], after: Sequence[Answer], allowed: float | None) -> Precision:
    """What a table's packing does. Raises ParityError where other rows were defaulted than with exact ones."""
    for number, (one, other) in enumerate(zip(before, after, strict=True), start=1):
        if one.degraded != other.degraded:
            raise ParityError(
                f"golden row {number}: table {table.name} as {table.dtype} had to default "
                f"{other.degraded or 'nothing'}, with exact rows {one.degraded or 'nothing'}; build again"
            )
    exact, packed = ([answer.scores for answer in answers] for answers in (before, after))
    return precision.measure(table.dtype, exact, packed, allowed=allowed)


def _decide(name: str, found: Precision, bound: float) -> None:
    """Raise ParityError where packing moves scores by more than model.toml allows, or the golden bound without that."""
    limit = bound if found.allowed is None else found.allowed
    if found.max_score_change <= limit:
        return
    what = "the golden bound" if found.allowed is None else "its max_score_change"
    enough = precision.rounded_up(found.max_score_change)
    raise ParityError(
        f"{precision.account(name, found)}: above {what} {limit:g}. Allow it with max_score_change = {enough:g} in "
        f"[tables.{name}], or keep more digits (f16 for int8, f32)"
    )


def environment(staged: Sequence[Path], stack: ExitStack) -> dict[str, str]:
    """By what a function finds tables: a DynamoDB wire server with these folders' rows, until the stack is left."""
    if not staged:
        return {}
    from ranklet.local.dynamodb import LocalDynamo  # most models have no such table

    server = stack.enter_context(LocalDynamo())
    for folder in staged:
        server.load(folder)
    return {"AWS_ENDPOINT_URL_DYNAMODB": server.endpoint, **IDENTITY}


def fetching(manifest: Manifest, staging: Path | None, stack: ExitStack) -> dict[str, str]:
    """By what a function fetches artefacts that are not in its bundle: an S3 wire server, and a folder for /tmp."""
    if manifest.artefacts is None:
        return {}
    from ranklet.local.s3 import LocalS3  # most models fit into their package

    assert staging is not None, "artefacts that left a bundle were staged"
    server = stack.enter_context(LocalS3())
    server.load(staging / manifest.artefacts.physical)
    folder = stack.enter_context(TemporaryDirectory(prefix="artefacts-"))
    named = {BUCKET_VARIABLE: server.bucket, "RANKLET_SNAPSHOT_FOLDER": folder, "RANKLET_SNAPSHOT_SECONDS": "600"}
    return {"AWS_ENDPOINT_URL_S3": server.endpoint, **named, **IDENTITY}
