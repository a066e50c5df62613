"""A model that may be deployed: what its author wrote and the bundle that was proven, checked against each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from ranklet import certificate, freshness, snapshots
from ranklet.environment import NONE, Environment
from ranklet.errors import BundleError, ModelError
from ranklet.model import Model, load
from ranklet.project import Project
from ranklet_features.spec import Table
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Manifest

Builder = Callable[[Path], object]
"""Builds the model of a folder into the project's bundle folder."""

MB = 1 << 20
MIN_TMP, MAX_TMP = 512, 10_240
"""What /tmp may be, in MB; the smallest costs nothing."""

TMP_ROOM = 1.05
"""Of what is fetched: the file system's own share."""

SHARED = "ranklet-shared"
"""The shared stack."""

TAKEN = (SHARED, "v1", "v2")
"""Names that a model cannot have: the shared stack's, and the first parts of the fleet-wide routes."""


@dataclass(frozen=True)
class Deployable:
    """model: the author's file. manifest and bundle: what the build made of it.

    entry: the function's entry point, None for a model's. paths: that lead to it on the shared API, none for a model's.
    stages: of a funnel, the models that have a function each beside it. parts: what its stages are called.
    """

    model: Model
    manifest: Manifest
    bundle: Path
    entry: str | None = field(default=None, kw_only=True)
    paths: tuple[str, ...] = field(default=(), kw_only=True)
    stages: tuple[Deployable, ...] = field(default=(), kw_only=True)
    parts: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def uses_onnx(self) -> bool:
        """Whether a step needs onnxruntime."""
        return any(step.engine == "onnx" for step in self.manifest.steps)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that the function reads from DynamoDB."""
        return tuple(table for table in self.manifest.spec.tables.values() if table.placement == "dynamodb")

    @property
    def fetched(self) -> tuple[Table, ...]:
        """The resident tables that the function fetches from S3 when it starts."""
        return tuple(table for table in self.manifest.spec.tables.values() if table.snapshot)

    @property
    def tmp(self) -> int:
        """The size of /tmp in MB: what model.toml says, or what fetched tables and artefacts need.

        Raises BundleError where that is not known, as something is not staged here, and where /tmp cannot be so large.
        """
        needed = self.table_bytes + self.artefact_bytes
        size = max(MIN_TMP, ceil(needed / MB * TMP_ROOM / 64) * 64 if needed else 0)
        given, what = self.model.function.tmp, "tables and artefacts" if self.artefact_bytes else "tables"
        if given is not None and needed > given * MB:
            raise BundleError(
                f"{self.model.name}/model.toml: [function] tmp = {given}, its {what} take {needed / MB:.0f} MB; leave "
                "tmp out, or raise it"
            )
        if size > MAX_TMP:
            raise BundleError(
                f"{self.model.name}: its {what} take {needed / MB:.0f} MB, /tmp holds {MAX_TMP} MB; "
                'placement = "dynamodb" for one of them'
            )
        return given or size

    @property
    def shelved(self) -> tuple[str, ...]:
        """Physical names of all that the function fetches from S3: folders in `.build/tables`."""
        away = self.manifest.artefacts
        return (*(table.physical for table in self.fetched), *((away.physical,) if away else ()))

    @property
    def objects(self) -> tuple[str, ...]:
        """The keys of all objects that the function fetches from S3."""
        tables = (key for table in self.fetched for key in snapshots.keys(table))
        retrieve = self.manifest.retrieve
        fresh = (retrieve.fresh,) if retrieve is not None and retrieve.fresh else ()
        return (*tables, *snapshots.artefact_keys(self.manifest.artefacts), *fresh)

    @property
    def table_bytes(self) -> int:
        """Of the tables that are fetched."""
        return sum(self._staged(table) for table in self.fetched)

    @property
    def artefact_bytes(self) -> int:
        """Of the artefacts that are fetched."""
        if (away := self.manifest.artefacts) is None:
            return 0
        folder = self.bundle.parents[1] / "tables" / away.physical
        try:
            return sum((folder / name).stat().st_size for name in away.files)
        except FileNotFoundError as error:
            raise BundleError(
                f"{self.model.name}: its artefacts are not staged ({error.filename}); run `ranklet build "
                f"{self.model.name}`"
            ) from error

    def _staged(self, table: Table) -> int:
        """Bytes of a table's files, which lie where its build staged them."""
        folder = self.bundle.parents[1] / "tables" / table.physical
        try:
            return sum((folder / file).stat().st_size for file in table.snapshot or ())
        except FileNotFoundError as error:
            raise BundleError(
                f"{self.model.name}: its table {table.name} is not staged ({error.filename}); run `ranklet build "
                f"{self.model.name}`"
            ) from error


def ready(project: Project, folder: Path, *, build: Builder, environment: Environment = NONE) -> Deployable:
    """The model of a folder with its proven bundle; one that is missing, or older than the folder's files, is built.

    environment: whose settings go before those of model.toml; the bundle is the same in all of them.

    Raises BundleError for a bundle without a valid certificate, and what `load` and `build` raise.
    """
    model = environment.applied(load(folder))
    check(model, folder / "model.toml")
    bundle = project.bundle(model.name)
    if bundle.exists():
        certificate.verify(bundle)
    if not freshness.is_fresh(bundle, folder):
        build(folder)
    certificate.verify(bundle)
    manifest = _manifest(bundle)
    if (manifest.model, manifest.version) != (model.name, str(model.version)):
        raise BundleError(
            f"{bundle} is {manifest.model} version {manifest.version}, model.toml says {model.name} version "
            f"{model.version}; run `ranklet build {model.name}`"
        )
    return Deployable(model, manifest, bundle)


def check(model: Model, path: Path) -> None:
    """What the file's own form allows and AWS would refuse late, in the middle of a deployment."""
    if model.name in TAKEN:
        raise ModelError(f"{path}: name {model.name!r} is taken; not allowed are {', '.join(TAKEN)}")
    provisioned, reserved = model.warmth.most, model.function.reserved
    if reserved is not None and provisioned > reserved:
        named = (
            f"count = {provisioned}" if provisioned == model.warmth.count else f"with up to {provisioned} environments"
        )
        raise ModelError(f"{path}: [warmth] {named} is above [function] reserved = {reserved}; raise or drop reserved")
    if model.warmth.kind == "snapstart" and (model.function.tmp or 0) > MIN_TMP:
        raise ModelError(
            f'{path}: [function] tmp = {model.function.tmp} does not go with [warmth] kind = "snapstart", whose '
            f"snapshots hold {MIN_TMP} MB of /tmp; drop tmp, or provision"
        )


def _manifest(bundle: Path) -> Manifest:
    try:
        return Manifest.read(bundle / "manifest.json")
    except ManifestError as error:
        raise BundleError(f"{bundle}: {error}") from error
