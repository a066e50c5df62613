"""Features in the order in which they can run: a cross after its parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ranklet_features.errors import SpecError
from ranklet_features.kinds import KINDS, load
from ranklet_features.kinds.base import Compiled, Scope
from ranklet_features.kinds.options import read
from ranklet_features.spec import FeatureSpec


def compile_features(spec: FeatureSpec, folder: Path) -> list[Compiled]:
    """Every feature of the spec, compiled. Raises SpecError naming the feature and the remedy."""
    done: dict[str, Compiled] = {}
    for name in spec.features:
        _visit(name, spec, folder, done, ())
    _refuse_double_tensors(done)
    return list(done.values())


def _visit(name: str, spec: FeatureSpec, folder: Path, done: dict[str, Compiled], path: tuple[str, ...]) -> None:
    if name in done:
        return
    if name in path:
        cycle = " → ".join((*path[path.index(name) :], name))
        raise SpecError(f"feature {name!r}: a cross cannot be part of itself: {cycle}")
    feature = spec.features[name]
    if isinstance(feature.of, str):
        raise SpecError(f"feature {name!r}: of is the text {feature.of!r}; write it as a tuple, ({feature.of!r},)")
    if feature.kind not in KINDS:
        raise SpecError(f"feature {name!r}: no kind {feature.kind!r}; kinds: {', '.join(KINDS)}")
    kind = load(feature.kind)
    for part in feature.of if kind.of_features else ():
        if part in spec.features:
            _visit(part, spec, folder, done, (*path, name))
    scope = Scope(name, feature.kind, tuple(feature.of), spec.inputs, done, spec.tables, folder)
    if not scope.of:
        raise scope.error("of is empty; name the input (or inputs) it is made of")
    done[name] = kind.compile(read(kind.schema, feature.options, scope), scope)


def _refuse_double_tensors(compiled: Mapping[str, Compiled]) -> None:
    owner: dict[str, str] = {}
    for name, feature in compiled.items():
        for tensor in feature.signature:
            if tensor in owner:
                raise SpecError(
                    f"feature {name!r}: its tensor {tensor!r} is also made by {owner[tensor]!r}; rename one"
                )
            owner[tensor] = name
