"""Bytes: our own code in the layers, each layer as Lambda unpacks it, each bundle.

A layer is built for Lambda where it is not there yet, which fetches wheels; without a network its rows say `absent`.
The culprit of a size is the largest files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ranklet import tree
from ranklet.bench.base import Progress
from ranklet.errors import PackagingError
from ranklet.packaging import layers, targets

LARGEST = 3


@dataclass(frozen=True)
class Size:
    """Of a folder; None where it could not be made. largest: the files that take most."""

    bytes: int | None
    largest: str


def size(folder: Path, *, suffix: str = "") -> Size:
    """Of all files below a folder, or of those that end so."""
    found = {name: path.stat().st_size for name, path in tree.files(folder) if name.endswith(suffix)}
    first = sorted(found, key=lambda name: -found[name])[:LARGEST]
    return Size(sum(found.values()), ", ".join(f"{name} ({found[name]} bytes)" for name in first))


def measure(bundles: Mapping[str, Path], out: Path, progress: Progress) -> Iterator[tuple[str, Size]]:
    """Figure and size. bundles: by the name of their model; out: where layers are built."""
    for name, bundle in bundles.items():
        yield f"bundle-{name}-bytes", size(bundle)
    for name in layers.NAMES:
        own = layers.SOURCES / name / "python"
        if own.is_dir():
            yield f"own-{name}-bytes", size(own, suffix=".py")
        try:
            yield (
                f"layer-{name}-bytes",
                size(layers.build(name, targets.lambda_target("x86_64"), out, progress=progress)),
            )
        except PackagingError as error:
            progress(f"layer {name} is absent: {error}")
            yield f"layer-{name}-bytes", Size(None, "")
