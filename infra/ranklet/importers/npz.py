"""Arrays as an .npz file whose bytes depend on nothing else.

An .npz of NumPy's own carries the time: here names are sorted, there is no date, and nothing is compressed (it is read
at every cold start and the deployment package is compressed anyhow).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from ranklet_runtime.engines.base import Array

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip can hold."""


def npz(arrays: Mapping[str, Array]) -> bytes:
    """The file's bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, arrays[name], version=(1, 0), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), member.getvalue())
    return stream.getvalue()
