"""Keras 3 models in the `.keras` format: preprocessing layers become features, the rest a graph.

1. **archive** looks into the zip and refuses what could run code, before Keras is asked; **weights** what points out
   of the file or is larger than what it holds.
2. **walk** goes through the layers: lookups, hashes, crosses and buckets end at a feature, the rest is called again.
3. **layers** knows what feature each preprocessing layer is.
4. **conversion** exports the rest by tf2onnx, with the ends named.
5. **proposing** puts both together and holds them to Keras's own answers; `additive` makes NumPy weights of a sum.

Keras is asked once, by `ranklet import`: builds and functions never see it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from ranklet.importers.keras.archive import HDF5
from ranklet.importers.proposal import Proposal, Wishes

MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}


def recognises(path: Path, head: bytes) -> bool:
    """A zip with the three files that Keras writes; HDF5, which is refused with what to do."""
    if head.startswith(HDF5):
        return True
    if not path.is_file() or head[:4] != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) >= MEMBERS
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def propose(path: Path, wishes: Wishes) -> Proposal:
    """See `proposing`."""
    from ranklet.importers.keras import proposing

    return proposing.propose(path, wishes)
