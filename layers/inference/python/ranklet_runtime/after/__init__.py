"""Steps after the scores: what a model's numbers become before anybody reads them, and which list is made of them.

    calibrate → blend                          the score: of each head its calibrated value, of all heads one formula
    → cap, diversify, explore → top_k          the list, place by place, of a request that asks for the best

In this order, for these reasons. Heads are calibrated before they are blended, as a formula such as `ctr * cvr` means
probabilities. Everything that orders works on the blended score, as an order has no number that could be calibrated.
The list is made place by place, and all three have a part in each place: the cap says who may stand there, diversity
what each would be worth beside those already chosen, exploration draws among them. So no cap is broken by a draw, and a
propensity is exact, as it knows who could have been drawn. `top_k` comes last: it says where the list ends.

A request without `top_k` asks for scores, which stand in the order of its candidates: there is no list. A further step
is one module, and one line in STEPS; it is imported by models that have it. Without any of them nothing here is.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ranklet_runtime.after.base import Scope
from ranklet_runtime.after.steps import After
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Manifest

STEPS = {
    "calibrate": "ranklet_runtime.after.calibrate:Calibrate",
    "blend": "ranklet_runtime.after.blend:Blend",
    "cap": "ranklet_runtime.after.cap:Cap",
    "diversify": "ranklet_runtime.after.diversify:Diversify",
    "explore": "ranklet_runtime.after.explore:Explore",
}
"""Name in model.toml → module and class, in the order in which they work."""

SETTINGS = frozenset({"heads", "pool", "short", "requests", "tensors"})
"""What else a manifest says, of no step alone; `tensors` are all that they read."""


def open_after(manifest: Manifest, folder: Path) -> After:
    """The steps of a manifest. folder: the bundle. Raises ManifestError for a step or an option that is not there."""
    options = manifest.after
    if unknown := sorted(options.keys() - STEPS.keys() - SETTINGS):
        raise ManifestError(f"manifest.json: after names {unknown[0]!r}; steps: {', '.join(STEPS)}")
    steps = {name: open_step(name, Scope(options[name], manifest, folder)) for name in STEPS if options.get(name)}
    return After(steps, options, manifest)


def open_step(name: str, scope: Scope) -> Any:
    """One step by its name. Raises ManifestError for options that it does not take."""
    module, _, attribute = STEPS[name].partition(":")
    try:
        return getattr(import_module(module), attribute).open(scope)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ManifestError(f"manifest.json: after.{name}: {error}; run `ranklet build` again") from error
