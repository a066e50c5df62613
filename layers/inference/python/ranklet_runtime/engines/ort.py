"""Opening an onnxruntime session for one small request at a time.

Threads as the caller says; no spinning, as a waiting thread would burn the vCPU that is paid for; no
telemetry; errors only. onnxruntime is imported here and nowhere else: a function of NumPy engines has no such layer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ranklet_runtime.errors import ManifestError


def open_session(model: Path | bytes, *, threads: int) -> Any:
    """An InferenceSession on the CPU. Raises ManifestError when onnxruntime is absent or cannot load the model."""
    try:
        import onnxruntime  # heavy, and only in functions that have the onnx layer
    except ImportError as error:
        raise ManifestError("onnxruntime is not installed: attach the onnx layer to this function") from error
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except faults() as error:
        raise ManifestError(f"onnxruntime {onnxruntime.__version__} cannot load the graph: {error}") from error


def direct(session: Any) -> Any:
    """`session.run` without onnxruntime's own checks in Python, which an engine has made when it opened.

    They look at names, at values of devices, at what a fallback to another provider would do: 2 to 5 µs of each call.
    The session below is a private attribute; one that does not have it is called as it is.
    """
    inner = vars(session).get("_sess")
    return session.run if inner is None else inner.run


def faults() -> tuple[type[Exception], ...]:
    """What onnxruntime raises when it cannot load or run a graph; they share no base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # heavy, see above

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoSuchFile,
        state.NotImplemented,
        state.RuntimeException,
    )
