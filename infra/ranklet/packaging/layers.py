"""Building a layer: `<out>/<layer>-<target>/python/…`, the folder that Lambda mounts at /opt.

Two stages with two lifetimes. The third-party part depends on pins, target and pruning alone; it is fetched once and
kept below `<out>/.third-party/` under the hash of those, so that a change of our own code needs no network. The layer
links that part's files and takes our own sources as they are now, always.

Both are made in a folder aside and renamed when they are whole: what a name shows is never half a layer. The same
inputs give the same bytes: times, modes and bytecode are set, and nothing is kept that tells when or where it was made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from ranklet import tree
from ranklet.errors import PackagingError
from ranklet.packaging import bytecode, elf, fetch, pins, prune, trim
from ranklet.packaging.publish import aside, publish
from ranklet.packaging.targets import Target

SOURCES = Path(__file__).resolve().parents[3] / "layers"
NAMES = ("features", "inference", "onnx")
THIRD_PARTY = ".third-party"
STAMP = "layer.json"
"""Lies in a built layer's folder and says of what it was made."""

FORMAT = 3
"""Raised when the steps below change, so that layers which were built before are built again."""

Progress = Callable[[str], None]
"""Called with one line for each thing that takes long or is left out."""


@dataclass(frozen=True)
class Recipe:
    """All that a layer's bytes depend on. own: hash of our own sources; the other fields make the third-party part."""

    pins: tuple[str, ...]
    target: str
    platforms: tuple[str, ...]
    bytecode: bool
    own: str
    rules: tuple[tuple[str, str], ...] = prune.RULES
    trimmed: str = trim.VERSION
    format: int = FORMAT

    def third_party(self) -> str:
        """The hash of everything but our own sources."""
        fields = asdict(self)
        del fields["own"]
        return hashlib.sha256(orjson.dumps(fields)).hexdigest()


def build(
    layer: str, target: Target, out: Path, *, sources: Path = SOURCES, progress: Progress = lambda what: None
) -> Path:
    """The folder of a layer for a target, built below `out` unless it is there already.

    sources: holds `<layer>/requirements.txt` and, for a layer with code of ours, `<layer>/python/`.
    Raises PackagingError when the layer is unknown, or a pin is not exact or has no wheel for the target.
    """
    recipe, own, compiler = _recipe(layer, target, sources)
    place = out / f"{layer}-{target.name}"
    if not _is_made_of(place, recipe):
        if compiler is None:
            version = f"python{target.python[0]}.{target.python[1]}"
            progress(
                f"layer {layer}: no {version} on this machine, so no bytecode: slower cold starts; install {version}"
            )
        third_party = _third_party(out / THIRD_PARTY, layer, target, recipe, compiler, progress)
        _compose(place, third_party, own, recipe, compiler)
        progress(f"layer {layer}: built for {target.name}")
    return place


def offline(layer: str, target: Target, out: Path, *, sources: Path = SOURCES) -> bool:
    """Whether a layer can be built without fetching anything."""
    recipe, _, _ = _recipe(layer, target, sources)
    return _kept(out / THIRD_PARTY, layer, target, recipe).is_dir() or _is_made_of(
        out / f"{layer}-{target.name}", recipe
    )


def digest(place: Path) -> str:
    """SHA-256, in hex, of a built layer's content, however it came about."""
    return tree.digest(place, skip=frozenset({STAMP}))


def _recipe(layer: str, target: Target, sources: Path) -> tuple[Recipe, Sequence[tuple[str, Path]], str | None]:
    """What a layer is made of, our own files for it, and the interpreter that compiles it."""
    requirements = sources / layer / "requirements.txt"
    if not requirements.is_file():
        raise PackagingError(f"no {requirements}: a layer is a folder with pins; there are {', '.join(NAMES)}")
    own = tuple(_own(sources / layer / "python"))
    compiler = bytecode.compiler(target.python)
    recipe = Recipe(
        pins=pins.read(requirements, target),
        target=target.name,
        platforms=target.platforms,
        bytecode=compiler is not None,
        own=_digest(own),
    )
    return recipe, own, compiler


def _kept(folder: Path, layer: str, target: Target, recipe: Recipe) -> Path:
    return folder / f"{layer}-{target.name}-{recipe.third_party()[:16]}"


def _third_party(
    kept: Path, layer: str, target: Target, recipe: Recipe, compiler: str | None, progress: Progress
) -> Path:
    place = _kept(kept, layer, target, recipe)
    if place.is_dir():
        return place
    progress(f"layer {layer}: fetching {', '.join(recipe.pins)} for {target.name}")
    with aside(place) as scratch:
        fetch.install(recipe.pins, target, scratch)
        prune.prune(scratch)
        for path in scratch.rglob("*.so*"):
            elf.lighten(path)
        for left in trim.trim(scratch):
            progress(f"layer {layer}: not trimmed, as another version looks different: {left}")
        if compiler is not None:
            bytecode.compile_packages(scratch, [scratch], compiler)
        publish(scratch, place)
    return place


def _compose(
    place: Path, third_party: Path, own: Sequence[tuple[str, Path]], recipe: Recipe, compiler: str | None
) -> None:
    """Third-party files by link, ours as they are now, compiled; then in its place in one move."""
    with aside(place) as scratch:
        python = scratch / "python"
        shutil.copytree(third_party, python, copy_function=_link)
        for name, source in own:
            (python / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, python / name)
        packages = sorted({python / name.split("/")[0] for name, _ in own})
        if compiler is not None and packages:
            bytecode.compile_packages(python, packages, compiler)
        (scratch / STAMP).write_bytes(_stamp(recipe))
        publish(scratch, place)


def _own(folder: Path) -> Iterator[tuple[str, Path]]:
    """Our own sources: no bytecode, no editor's leavings."""
    return ((name, path) for name, path in tree.files(folder) if path.suffix == ".py" or path.name == "py.typed")


def _digest(own: Sequence[tuple[str, Path]]) -> str:
    total = hashlib.sha256()
    for name, path in own:
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _stamp(recipe: Recipe) -> bytes:
    return orjson.dumps(asdict(recipe), option=orjson.OPT_INDENT_2)


def _is_made_of(place: Path, recipe: Recipe) -> bool:
    try:
        return (place / STAMP).read_bytes() == _stamp(recipe)
    except OSError:
        return False


def _link(source: str, copy: str) -> None:
    """A second name for the same file, or a copy where the file system knows no links."""
    try:
        os.link(source, copy)
    except OSError:
        shutil.copyfile(source, copy)
