"""What the tests of steps after the scores share: scopes, pools, and the function of the small model with `[after]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from runtime_kit import document, write_bundle

from ranklet_runtime.after.base import Pool, Scope
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest, from_document
from ranklet_runtime.messages import RankRequest


def manifest(after: dict[str, Any] | None = None) -> Manifest:
    return from_document(document(after=after or {}))


def scope(options: Any, folder: Path | None = None) -> Scope:
    return Scope(options, manifest(), folder or Path())


def pool(scores: Any, *, items: dict[str, Any] | None = None, tensors: dict[str, Any] | None = None) -> Pool:
    """All candidates, best first, equal ones in their order."""
    numbers = np.asarray(scores, np.float64)
    places = np.argsort(-numbers, kind="stable")
    return Pool(places, numbers[places], tensors or {}, RankRequest({}, {}, items or {}, top_k=1), len(numbers))


def function(folder: Path, after: dict[str, Any], **changes: Any) -> Function:
    """The small model of the runtime's tests with these steps."""
    return Function.open(write_bundle(folder / "bundle", document(after=after, **changes)), {})
