"""Train models with libFFM (pylibffm holds a build of it) on MovieLens-100K, stored with its predictions: libffm.zip.

python tests/oracles.py libffm --make
"""

from __future__ import annotations

import struct
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
import indices_kit  # noqa: E402
import libffm_kit  # noqa: E402
import lines_kit  # noqa: E402

TRAIN, ROWS = 2000, 60
MODELS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "raw": {"normalization": False, "eta": 0.02},
    "three-factors": {"k": 3, "nr_iters": 5},
    "eight-factors": {"k": 8, "nr_iters": 5},
}
TEXTS = {"text": "default", "text-raw": "raw"}
"""Models stored once more as the text that libFFM wrote before 1.2: the same weights and scores."""

BUILDS = {"without-sse": "three-factors"}
"""Stored once more as a build without SSE writes them: a weight, then its sum."""


def main() -> None:
    """Write the archive beside this file."""
    train, rows = indices_kit.training(TRAIN), indices_kit.strangers(ROWS)
    found = {name: trained(name, train, rows) for name in MODELS}
    for name, of in TEXTS.items():
        found[name] = {**found[of], "model.txt": text(found[of]["model.txt"])}
    for name, of in BUILDS.items():
        found[name] = {**found[of], "model.txt": without_sse(found[of]["model.txt"])}
    lines_kit.store(HERE / "libffm.zip", found)


def trained(name: str, train: list[tuple[lines_kit.Row, int]], rows: list[lines_kit.Row]) -> dict[str, bytes]:
    """The files of one model; one goes by names."""
    labels = [int(rating >= lines_kit.LIKED) for _, rating in train]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        libffm_kit.train([row for row, _ in train], labels, path, MODELS[name])
        content, scores = path.read_bytes(), libffm_kit.predict(path, rows)
    names = {"line": indices_kit.FIELD_NAME_LINE, "names": "names.txt"}
    options = names if name == "raw" else {"line": indices_kit.FIELD_LINE}
    return {
        "model.txt": content,
        "case.json": lines_kit.case(rows, scores, options=options),
        "names.txt": indices_kit.dictionary(),
    }


def text(content: bytes) -> bytes:
    """As ffm_save_model wrote a model before 1.2, with digits enough for each number."""
    n, m, k, normalization = struct.unpack_from("<iii?", content)
    blocks = np.frombuffer(content, "<f4", offset=13).reshape(n, m, -1, 2, 4)[:, :, :, 0].reshape(n, m, -1)[:, :, :k]
    lines = [f"n {n}", f"m {m}", f"k {k}", f"normalization {int(normalization)}"]
    for feature in range(n):
        for field in range(m):
            numbers = " ".join(f"{number:.9g}" for number in blocks[feature, field])
            lines.append(f"w{feature},{field} {numbers} ")
    return ("\n".join(lines) + "\n").encode()


def without_sse(content: bytes) -> bytes:
    """The same model in the other build's order."""
    n, m, k, _ = struct.unpack_from("<iii?", content)
    blocks = np.frombuffer(content, "<f4", offset=13).reshape(n, m, -1, 2, 4)
    plain = blocks.transpose(0, 1, 2, 4, 3).reshape(n, m, -1, 2)[:, :, :k]
    return content[:13] + np.ascontiguousarray(plain).tobytes()


if __name__ == "__main__":
    main()
