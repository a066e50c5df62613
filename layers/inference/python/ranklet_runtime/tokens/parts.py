"""The two parts of an opened model: what `prepare` runs, and what goes on from there, over the same engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ranklet_features.lean import dataclass
from ranklet_features.plan import FeaturePlan
from ranklet_features.stores.base import EmbeddingStore
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.lookup import ENGINE as LOOKUP
from ranklet_runtime.lookup import Lookup
from ranklet_runtime.manifest import Manifest, Step
from ranklet_runtime.paths import Part
from ranklet_runtime.tokens.division import Division, divide


@dataclass(frozen=True)
class Parts:
    """user: the features that need no candidate. before: what runs on them. held and inputs: what a token carries.

    rest: the manifest of what goes on; items: its features; later: its parts.
    """

    user: FeaturePlan
    before: tuple[Part, ...]
    held: tuple[str, ...]
    inputs: tuple[str, ...]
    rest: Manifest
    items: FeaturePlan
    later: tuple[Part, ...]

    @staticmethod
    def of(manifest: Manifest, folder: Path, stores: Mapping[str, EmbeddingStore], engines: Sequence[Part]) -> Parts:
        """Raises ManifestError where the manifest says otherwise what a token holds."""
        found = division(manifest, FeaturePlan.compile(manifest.spec, folder, stores, stored=manifest.stored))
        said = manifest.token
        if said is None or (tuple(sorted(said.held)), said.inputs) != (found.held, found.inputs):
            raise ManifestError("manifest.json does not know what a token holds; run `ranklet build` again")
        stored = {name for name in manifest.stored if name in found.user.features}
        user = FeaturePlan.compile(found.user, folder, stores, stored=stored)
        items = FeaturePlan.compile(found.items, folder, stores)
        before, later = (
            tuple(_part(step, engines[place], stores) for place, step in steps) for steps in (found.before, found.later)
        )
        rest = replace(manifest, spec=found.items, steps=tuple(step for _, step in found.later))
        return Parts(user, before, found.held, found.inputs, rest, items, later)


def division(manifest: Manifest, plan: FeaturePlan) -> Division:
    """Of a manifest and its compiled features."""
    owners = {tensor: feature.name for feature in plan.features for tensor in feature.signature}
    return divide(manifest, plan.signature, owners)


def _part(step: Step, part: Part, stores: Mapping[str, EmbeddingStore]) -> Part:
    """A lookup of its own where only some of its rows are meant; any other part as it is, so that nothing is twice."""
    return Lookup(step, stores) if step.engine == LOOKUP else part
