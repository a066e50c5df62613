"""What a model's tokens hold, written into its manifest: the build knows their shapes, the function would not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ranklet.compose import MANIFEST, document
from ranklet.errors import ModelError
from ranklet.fit import compiled
from ranklet.importers.base import Exported
from ranklet_features.plan import FeaturePlan
from ranklet_runtime.lookup import ENGINE as LOOKUP
from ranklet_runtime.manifest import Held, Manifest
from ranklet_runtime.tokens.division import Division
from ranklet_runtime.tokens.parts import division


def settled(manifest: Manifest, exported: Sequence[Exported], bundle: Path) -> Manifest:
    """The manifest with what its tokens hold, in the bundle as well. Raises ModelError where that is nothing."""
    if manifest.token is None:
        return manifest
    if manifest.retrieve is not None:
        raise ModelError(f"{manifest.model}: [token] is for models that rank; one that retrieves is asked once")
    if "native" not in manifest.dialects:
        raise ModelError(f"{manifest.model}: [token] is for ranklet's own form, and [api] dialects has no native")
    plan = compiled(manifest, bundle)
    found = division(manifest, plan)
    if not found.held and not found.inputs:
        raise ModelError(
            f"{manifest.model}: [token] has nothing to hold: no step reads anything of the user or context"
        )
    known = dict(_known(found, plan, manifest, exported))
    held = {name: known.get(name, Held("float32", None)) for name in found.held}
    manifest = replace(manifest, token=replace(manifest.token, held=held, inputs=found.inputs))
    (bundle / MANIFEST).write_bytes(document(manifest))
    return manifest


def notes(manifest: Manifest, bundle: Path) -> Iterator[str]:
    """What an author may not expect of a token."""
    if manifest.token is None:
        return
    found = division(manifest, compiled(manifest, bundle))
    if not any(step.engine != LOOKUP for _, step in found.before):
        yield (
            "[token]: no step computes the user alone, so a token saves sending the user's features, and no computing; "
            'rows = "user" for such a step, or [split] variant = "A" or "B" of a graph'
        )
    if found.inputs:
        names = ", ".join(found.inputs)
        yield f"[token]: {names} are crossed with the candidates, and travel in the token as they were sent"


def _known(
    found: Division, plan: FeaturePlan, manifest: Manifest, exported: Sequence[Exported]
) -> Iterator[tuple[str, Held]]:
    """Each tensor that is there once."""
    for name, tensor in plan.signature.items():
        if tensor.side != "item":
            yield name, Held(tensor.dtype, (1, *tensor.shape))
    for place, step in found.before:
        for spec in exported[place].outputs:
            if spec.name in step.outputs:
                shape = None if spec.shape is None or step.engine == LOOKUP else tuple(spec.shape)
                yield step.outputs[spec.name], Held(spec.dtype or "float32", shape)
