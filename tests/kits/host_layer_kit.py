"""What the layers hold, from where it is installed, as a folder: functions of a test's cloud see nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import ranklet_features
import ranklet_runtime

INSTALLED = (
    "numpy",
    "numpy.libs",
    "orjson",
    "msgpack",
    "aws_lambda_powertools",
    "jmespath",
    "typing_extensions.py",
    "pybase64",
    "csimdjson.abi3.so",
)
"""pybase64 is a layer's part from Python 3.12 on; what is not installed, the layers of this Python do not have."""


def host_layer(folder: Path) -> Path:
    """Fill a new folder as a layer without onnxruntime, and return it."""
    python = folder / "python"
    python.mkdir(parents=True)
    installed = Path(np.__file__).parents[1]
    for name in INSTALLED:
        if (installed / name).exists():
            (python / name).symlink_to(installed / name)
    for package in (ranklet_features, ranklet_runtime):
        (python / package.__name__).symlink_to(Path(package.__path__[0]))
    return folder
