"""Runs a graph on onnxruntime: the one place of the compiler that opens sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx_ir as ir

from ranklet.graph.records import Array, Feeds

QUIET = 4
"""onnxruntime's log level "fatal": a failed trial is reported by its exception, not twice on stderr."""


class RunFailed(Exception):
    """onnxruntime refuses a graph, or the inputs given to it."""


class Runner:
    """A session with one thread; `plain` leaves the graph as it is written, so that every value can be watched."""

    def __init__(self, content: bytes, *, plain: bool = False, threads: int = 1) -> None:
        import onnxruntime as ort  # 100 ms and 40 MB: only commands that compile graphs pay for it

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        if plain:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self.session: Any = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _refusals() as error:
            raise RunFailed(str(error)) from error
        self.inputs = tuple(end.name for end in self.session.get_inputs())
        self.outputs = tuple(end.name for end in self.session.get_outputs())

    def run(self, feeds: Feeds, names: Sequence[str] | None = None) -> dict[str, Array]:
        """All outputs by name. Feeds that the graph has no input for are left out.

        Raises RunFailed for feeds that the graph cannot take.
        """
        wanted = list(self.outputs if names is None else names)
        try:
            values = self.session.run(wanted, {name: feeds[name] for name in self.inputs})
        except _refusals() as error:
            raise RunFailed(str(error)) from error
        return dict(zip(wanted, values, strict=True))


def _refusals() -> tuple[type[Exception], ...]:
    """onnxruntime's errors have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # as above

    names = ("InvalidArgument", "RuntimeException", "Fail", "InvalidGraph", "NotImplemented")
    return (ValueError, *(getattr(state, name) for name in names))


def serialise(model: ir.Model) -> bytes:
    """The model with all weights inside. Raises RunFailed above protobuf's 2 GiB."""
    ir.external_data.load_to_model(model)
    try:
        content: bytes = ir.to_proto(model).SerializeToString(deterministic=True)
    except _too_large() as error:
        raise RunFailed(f"the graph is above the 2 GiB that a file of it may have: {error}") from error
    return content


def _too_large() -> tuple[type[Exception], ...]:
    from google.protobuf.message import EncodeError  # comes with onnx, and as slowly

    return (ValueError, EncodeError)
