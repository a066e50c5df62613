"""What the layers weigh: unpacked with bytecode, as Lambda counts them, and zipped, as they travel. 1 MB is 10⁶ bytes.

    layers-onnx-unzipped-mb, layers-onnx-zip-mb     all three layers: of a function with onnxruntime
    layers-numpy-unzipped-mb, layers-numpy-zip-mb   without the onnx layer
    …-arm64                                         of the other architecture, or -x86_64 where this machine is that

Zipped is by zlib at level 9, what the CDK's own archiver does.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ranklet import tree
from ranklet.bench import base
from ranklet.bench.base import Progress, Row, Setting
from ranklet.bench.cold.places import Home, architecture
from ranklet.packaging import layers
from ranklet.packaging.targets import MACHINES, lambda_target

MB = 1_000_000
LEVEL = 9


def rows(setting: Setting, home: Home, progress: Progress) -> list[Row]:
    """The sizes for this machine's architecture; in a whole run also for Lambda's other one."""
    own = architecture() or "x86_64"
    found = _rows(own, "", home.out, progress)
    for other in sorted(set(MACHINES) - {own}):
        found += _rows(other, f"-{other}", home.out, progress, only_known=setting.quick)
    return found


def _rows(name: str, ending: str, out: Path, progress: Progress, *, only_known: bool = False) -> list[Row]:
    target = lambda_target(name)
    figures = ("layers-onnx-unzipped-mb", "layers-onnx-zip-mb", "layers-numpy-unzipped-mb", "layers-numpy-zip-mb")
    if only_known:
        return [base.absent(f"{figure}{ending}", n=None, unit="MB") for figure in figures]
    progress(f"weigh the layers for {name}")
    built = [layers.build(layer, target, out, progress=progress) for layer in layers.NAMES]
    ours = [folder for layer, folder in zip(layers.NAMES, built, strict=True) if layer != "onnx"]
    sizes = (_unzipped(built), zipped(built), _unzipped(ours), zipped(ours))
    return [Row(f"{figure}{ending}", None, size / MB, "MB", None) for figure, size in zip(figures, sizes, strict=True)]


def _unzipped(folders: Sequence[Path]) -> int:
    return sum(map(tree.size, folders))


def zipped(folders: Iterable[Path]) -> int:
    """Bytes of archives of the folders, one each."""
    total = 0
    with TemporaryDirectory(prefix="ranklet-weigh-") as scratch:
        for number, folder in enumerate(folders):
            path = Path(scratch) / f"{number}.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
                for name, file in tree.files(folder):
                    archive.write(file, name)
            total += path.stat().st_size
    return total
