"""Which part of a model is the user's: the steps and features that no candidate has a part in.

The build asks it too, to say in the manifest what a token holds. A feature that reads values of the user and of a
candidate together (a cross) is made anew for the candidates; for it the token carries those raw values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from ranklet_features.kinds import load
from ranklet_features.kinds.base import Tensor
from ranklet_features.lean import dataclass
from ranklet_features.spec import FeatureSpec, Input
from ranklet_runtime.lookup import ENGINE as LOOKUP
from ranklet_runtime.manifest import Manifest, Step


@dataclass(frozen=True)
class Division:
    """before: the steps that `prepare` runs, and later: those that go on from there, each with its place in the
    manifest (a lookup may be in both). held: the tensors that go from one to the other. inputs: raw ones that do.
    user and items: the features of both parts.
    """

    before: tuple[tuple[int, Step], ...]
    later: tuple[tuple[int, Step], ...]
    held: tuple[str, ...]
    inputs: tuple[str, ...]
    user: FeatureSpec
    items: FeatureSpec


def divide(manifest: Manifest, signature: Mapping[str, Tensor], owners: Mapping[str, str]) -> Division:
    """signature: of every feature's tensors. owners: tensor → its feature."""
    once = {name for name, tensor in signature.items() if tensor.side != "item"}
    before: list[tuple[int, Step]] = []
    later: list[tuple[int, Step]] = []
    for place, step in enumerate(manifest.steps):
        mine, other = _parts(step, once)
        if mine is not None:
            before.append((place, mine))
            once.update(mine.outputs.values())
        if other is not None:
            later.append((place, other))
    wanted = {name for _, step in later for name in step.inputs.values()}
    wanted |= {manifest.score, *(one.tensor for one in manifest.told.values()), *manifest.after.get("tensors", ())}
    spec, users = manifest.spec, {owners[name] for name in once if name in owners}
    items = {name for name in spec.features if name not in users}
    parts = {part for name in items for part in _made_of(spec, name)}
    inputs = sorted(part for part in parts if part in spec.inputs and spec.inputs[part].side != "item")
    return Division(
        tuple(before),
        tuple(later),
        tuple(sorted(wanted & once)),
        tuple(inputs),
        _spec(spec, users, {name: one for name, one in spec.inputs.items() if one.side != "item"}),
        _spec(spec, items | parts, {n: one for n, one in spec.inputs.items() if one.side == "item" or n in inputs}),
    )


def _parts(step: Step, once: Collection[str]) -> tuple[Step | None, Step | None]:
    """The user's part of a step and the candidates'."""
    if step.engine != LOOKUP:
        return (step, None) if step.rows == "user" else (None, step)
    mine = {end for end, ids in step.inputs.items() if ids in once}
    return _only(step, mine), _only(step, step.inputs.keys() - mine)


def _only(step: Step, ends: Collection[str]) -> Step | None:
    """A lookup of some of its ids."""
    if not ends:
        return None
    inputs, outputs, options = (
        {end: value for end, value in named.items() if end in ends}
        for named in (step.inputs, step.outputs, step.options)
    )
    return replace(step, inputs=inputs, outputs=outputs, options=options)


def _made_of(spec: FeatureSpec, name: str) -> Iterator[str]:
    """The features and inputs that a feature is made of, all the way down."""
    feature = spec.features[name]
    for part in feature.of:
        yield part
        if part in spec.features and load(feature.kind).of_features:
            yield from _made_of(spec, part)


def _spec(spec: FeatureSpec, features: Collection[str], inputs: Mapping[str, Input]) -> FeatureSpec:
    chosen = {name: feature for name, feature in spec.features.items() if name in features}
    return FeatureSpec(dict(inputs), chosen, spec.tables)
