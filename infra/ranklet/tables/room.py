"""How much room a function has for resident tables: in its package and in its memory.

Sizes of layers were measured as they are built for Lambda, bytecode included; the synthesis checks the real ones again.
Memory was measured on this project's runtime with one engine open: 28 MB, with onnxruntime 57 MB. Lambda's own runtime
and the arrays of a large request come on top.
"""

from __future__ import annotations

from dataclasses import dataclass

from ranklet import prices
from ranklet.model import Model
from ranklet.packaging.sizes import LIMIT
from ranklet.tables import placement
from ranklet.tables.placement import MB, Site

LAYERS = 52 * MB
"""ranklet's features and inference layers, unpacked: 50 MB, and a little to grow."""

ONNX_LAYER = 38 * MB
"""onnxruntime's layer: 36 MB."""

RESERVE = 10 * MB
"""Of the package, kept for a next version's layers."""

PROCESS = 96 * MB
"""Of the function's memory: Python, NumPy, the runtime client, a request."""

ONNX_PROCESS = 64 * MB
"""onnxruntime with a small graph, on top of that."""

OPENED = 2
"""Times an artefact's size: a graph is parsed and packed, weights are copied once while they are opened. Measured:
267 MB of weights took 550 MB of a function's memory."""


SNAPSTART_TMP = 512 * MB
"""Of /tmp, which a snapshot holds."""


@dataclass(frozen=True)
class Room:
    """Bytes that are free for resident tables, before the first or after some."""

    package: int
    memory: int

    @staticmethod
    def of(model: Model, *, artefacts: int, onnx: bool) -> Room:
        """The room that a model's function has. artefacts: bytes of its graphs and weights.

        Artefacts that no package holds are fetched from S3, and leave it to the tables.
        """
        package = LIMIT - layers(onnx=onnx)
        memory = model.function.memory * MB - needed(artefacts, onnx=onnx)
        return Room(max(0, package - artefacts if artefacts <= package else package), max(0, memory))

    def after(self, size: int, memory: int, *, fetched: bool) -> Room:
        """What is left when a table of that size, which takes so much memory, is resident."""
        package = self.package if fetched else self.package - size
        return Room(max(0, package), max(0, self.memory - memory))

    def site(self, model: Model, table: str) -> Site:
        """The site of the next table."""
        known = prices.load().lambda_
        arm = model.function.architecture == "arm64"
        return Site(
            traffic=model.traffic,
            keys=placement.keys_read(model, table),
            package=self.package,
            memory=self.memory,
            memory_gb=model.function.memory / 1024,
            gb_second=known.arm64_gb_second if arm else known.x86_64_gb_second,
            patient=model.warmth.patient,
            tmp=SNAPSTART_TMP if model.warmth.kind == "snapstart" else placement.TMP_BYTES,
        )


def layers(*, onnx: bool) -> int:
    """What a bundle finds taken of its package."""
    return LAYERS + RESERVE + (ONNX_LAYER if onnx else 0)


def needed(artefacts: int, *, onnx: bool) -> int:
    """Bytes of a function's memory without resident tables."""
    return PROCESS + OPENED * artefacts + (ONNX_PROCESS if onnx else 0)
