"""The proof: the bundle, opened as Lambda opens it, gives the trainer's scores in every form clients send.

Every golden request goes through `Function`, the real handler's body, from an API Gateway event to the answer's bytes.
Tables in DynamoDB are read by the function's own client from a DynamoDB wire server that holds the very
rows that `ranklet tables push` writes. The numbers compared with are the trainer's, never ours.

Where tables are packed as f16 or int8, the bundle is proven twice: with the exact rows at the author's bound, and as it
is deployed at that bound and what packing may change (`ranklet.precision`).
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import orjson

from ranklet import certificate, precision
from ranklet.compose import document
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet.model import Model
from ranklet.precision import Precision
from ranklet.replay import FORMS, JSON, Form, difference
from ranklet.tables.files import write_rows
from ranklet.tables.pin import Pinned
from ranklet.tables.source import Vectors
from ranklet_features.spec import Table
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest

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
) -> certificate.Certificate:
    """Replay every golden row in every form of the manifest's dialects.

    staged: folders of the tables that the function reads from DynamoDB. tables: those that the manifest pins, with
    their exact rows. allowed: table → `max_score_change`. Raises ParityError for the first form whose worst difference
    is above the bound, naming the row, the candidate and both scores, and for a table whose packing changes too much.
    """
    with ExitStack() as stack:
        replay = Replay.open(bundle, rows, _environment(staged, stack), tables, stack)
        if not replay.narrowed:
            return certificate.Certificate(
                certificate.digest(bundle), len(rows), bound, replay.worst(replay.deployed(), bound)
            )
        exact = replay.variant(packed=())
        exact_paths = replay.worst(exact, bound, " with exact rows")
        found = replay.precision(exact, allowed)
        for name, one in found.items():
            _decide(name, one, bound)
        wider = bound + sum(one.allowed or 0.0 for one in found.values())
        paths = replay.worst(replay.deployed(), wider)
    narrowed = certificate.Narrowed(bound, exact_paths, found)
    return certificate.Certificate(certificate.digest(bundle), len(rows), wider, paths, narrowed)


@dataclass(frozen=True)
class Replay:
    """Golden rows, and the bundle with its tables' rows as they are deployed or as they were before packing.

    Variants are folders beside the bundle that share all its files but manifest.json and the rows in question.
    """

    bundle: Path
    manifest: Manifest
    rows: Sequence[Golden]
    environ: Mapping[str, str]
    tables: Mapping[str, Pinned]
    stack: ExitStack

    @classmethod
    def open(
        cls,
        bundle: Path,
        rows: Sequence[Golden],
        environ: Mapping[str, str],
        tables: Sequence[Pinned],
        stack: ExitStack,
    ) -> Replay:
        """Read the bundle's manifest; functions stay open until the stack is left."""
        manifest = Manifest.read(bundle / "manifest.json")
        return cls(bundle, manifest, rows, environ, {one.table.name: one for one in tables}, stack)

    @property
    def narrowed(self) -> tuple[str, ...]:
        """Tables whose packed rows are rounded."""
        return tuple(name for name, one in self.tables.items() if one.narrowed)

    def deployed(self) -> Function:
        """The function with the rows that it will read."""
        return self.variant(packed=self.narrowed)

    def variant(self, *, packed: Collection[str]) -> Function:
        """The function with these tables packed, the others exact, and rows of snapshots where it finds them."""
        replaced: dict[str, tuple[Table, Vectors]] = {}
        for name, one in self.tables.items():
            table = replace(self.manifest.spec.tables[name], placement="resident", snapshot=None, page=1)
            if one.narrowed and name not in packed:
                assert one.exact is not None, "a table that is narrowed has exact rows"
                replaced[name] = (replace(table, dtype="f32"), one.exact)
            elif one.fetched:
                replaced[name] = (table, one.vectors)
        folder = self.bundle
        if replaced:
            folder = Path(self.stack.enter_context(TemporaryDirectory(prefix="proof-", dir=self.bundle.parent)))
            _overlay(self.bundle, self.manifest, replaced, folder)
        function = Function.open(folder, self.environ)
        self.stack.callback(function.scorer.close)
        return function

    def worst(self, function: Function, bound: float, how: str = "") -> dict[str, float]:
        """Form → the largest difference from the trainer's scores. Raises ParityError above the bound."""
        return {
            name: _worst(f"{name}{how}", form, function, self.manifest, self.rows, bound)
            for name, form in self._forms().items()
        }

    def precision(self, exact: Function, allowed: Mapping[str, float | None]) -> dict[str, Precision]:
        """What each table's packing does, the others exact."""
        before = self._scores(exact)
        found = {}
        for name in self.narrowed:
            after = self._scores(self.variant(packed=(name,)))
            for number, (one, other) in enumerate(zip(before, after, strict=True), start=1):
                if one.degraded != other.degraded:
                    raise ParityError(
                        f"golden row {number}: table {name} as {self.tables[name].table.dtype} had to default "
                        f"{other.degraded or 'nothing'}, with exact rows {one.degraded or 'nothing'}; build again"
                    )
            scores = ([answer.scores for answer in answers] for answers in (before, after))
            found[name] = precision.measure(self.tables[name].table.dtype, *scores, allowed=allowed.get(name))
        return found

    def _scores(self, function: Function) -> list[Answer]:
        name, form = next(iter(self._forms().items()))
        return [
            _answer(name, form, function, self.manifest, golden, number)
            for number, golden in enumerate(self.rows, start=1)
        ]

    def _forms(self) -> dict[str, Form]:
        return {name: form for name, form in FORMS.items() if form.dialect in self.manifest.dialects}


def _overlay(bundle: Path, manifest: Manifest, replaced: Mapping[str, tuple[Table, Vectors]], folder: Path) -> None:
    """A bundle in `folder` like another one, some of its tables resident with other rows."""
    for path in bundle.iterdir():
        if path.name not in ("manifest.json", "tables"):
            (folder / path.name).symlink_to(path)
    (folder / "tables").mkdir()
    for path in (bundle / "tables").glob("*"):
        if path.name.split(".")[0] not in replaced:
            (folder / "tables" / path.name).symlink_to(path)
    tables = dict(manifest.spec.tables)
    for name, (table, vectors) in replaced.items():
        tables[name] = table
        write_rows(name, vectors, folder / "tables")
    (folder / "manifest.json").write_bytes(document(replace(manifest, spec=replace(manifest.spec, tables=tables))))


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


def _environment(staged: Sequence[Path], stack: ExitStack) -> dict[str, str]:
    if not staged:
        return {}
    from ranklet.local.dynamodb import LocalDynamo  # most models have no such table

    server = stack.enter_context(LocalDynamo())
    for folder in staged:
        server.load(folder)
    return {
        "AWS_ENDPOINT_URL_DYNAMODB": server.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def _worst(
    name: str, form: Form, function: Function, manifest: Manifest, rows: Sequence[Golden], bound: float
) -> float:
    worst = 0.0
    for number, golden in enumerate(rows, start=1):
        scores = _answer(name, form, function, manifest, golden, number).scores
        gap = difference(scores, golden)
        if not gap <= bound:
            raise ParityError(_account(name, number, scores, golden, gap, bound))
        worst = max(worst, gap)
    return worst


@dataclass(frozen=True)
class Answer:
    """What came back. degraded: what had to be defaulted, as far as the form says it."""

    scores: list[float]
    degraded: Mapping[str, int]


def _answer(name: str, form: Form, function: Function, manifest: Manifest, golden: Golden, number: int) -> Answer:
    event = event_v2(
        "POST",
        form.path(manifest),
        headers={"content-type": form.content_type},
        body=form.encode(golden, manifest),
    )
    answer = function(event, None)
    raw = answer["body"]
    body = base64.b64decode(raw) if answer["isBase64Encoded"] else raw.encode()
    if answer["statusCode"] != 200:
        raise ParityError(f"golden row {number} as {name} was answered {answer['statusCode']}: {body[:500].decode()}")
    degraded = _degraded(form, body)
    if late := sorted(reason for reason in degraded if reason.startswith("unavailable_rows")):
        raise ParityError(
            f"golden row {number} as {name}: {', '.join(late)} were not read within [limits] deadline_ms = "
            f"{manifest.limits.deadline_ms}, though their tables are on this machine; build again, or raise it"
        )
    return Answer(form.decode(body), degraded)


def _degraded(form: Form, body: bytes) -> Mapping[str, int]:
    """The native form alone says what was defaulted."""
    if form.dialect != "native" or form.content_type != JSON:
        return {}
    found: Mapping[str, int] = orjson.loads(body).get("degraded", {})
    return found


def _account(name: str, number: int, scores: list[float], golden: Golden, gap: float, bound: float) -> str:
    """Where the worst difference is, and what usually makes one."""
    if len(scores) != len(golden.scores):
        return f"golden row {number} as {name}: {len(scores)} scores for {len(golden.scores)} candidates"
    pairs = zip(scores, golden.scores, strict=True)
    place, (ours, theirs) = max(enumerate(pairs), key=lambda pair: abs(pair[1][0] - pair[1][1]))
    return (
        f"golden row {number} as {name}: candidate {place} scores {ours!r}, the trainer says {theirs!r}; "
        f"{gap:.2e} apart, above {bound:.0e}. Usual causes: features assembled differently in training, weights of "
        "another epoch, float64 against float32; a wider bound is [golden] max_abs_diff"
    )
