"""What the importers of SavedModels and of Keras share: TensorFlow's silence, and graphs as tf2onnx gives them."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers import onnx
from ranklet.importers.base import Exported
from ranklet.model import StepSource
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import FeatureError
from ranklet_features.spec import Feature, Input

COLUMN = "column"
OPSET = 18
BATCH = "batch"
LOGGERS = ("tensorflow", "absl", "tf2onnx")


def prepare() -> None:
    """Before TensorFlow is imported: no greetings on stderr, sums in one order, a relu that keeps NaN."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def silence() -> Iterator[None]:
    """TensorFlow greets and reports on the process's stderr, and warns of its own old functions."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def settled(graph: Any, names: Mapping[str, str]) -> None:
    """Mend what tf2onnx writes. names: of the ends as they are → as they shall be. Raises ImportRefused for others."""
    strays = [value.name for value in (*graph.input, *graph.output) if value.name not in names]
    if strays:
        raise ImportRefused(f"tf2onnx gives the ends {strays}, which were not asked for")
    _without_erfc(graph)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].Clear()
            value.type.tensor_type.shape.dim[0].dim_param = BATCH


def _without_erfc(graph: Any) -> None:
    """tf2onnx writes Erfc (of gelu), which ONNX does not have: 1 - Erf."""
    from onnx import helper, numpy_helper

    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        one, erf = f"{node.output[0]}/one", f"{node.output[0]}/erf"
        graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), one))
        nodes.append(helper.make_node("Erf", node.input, [erf]))
        nodes.append(helper.make_node("Sub", [one, erf], node.output))
    del graph.node[:]
    graph.node.extend(nodes)


def checked(content: bytes, stem: str = "model") -> Exported:
    """The graph as the importer of ONNX takes it, which tries it. Raises ImportRefused where onnxruntime does not."""
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / f"{stem}.onnx").write_bytes(content)
        return onnx.load(StepSource(format="onnx", source=f"{stem}.onnx"), Path(scratch))


def column_of(options: Mapping[str, str], output: str, shape: Sequence[int | None]) -> int | None:
    """Which column of an output [n, k] ranks, by `-o column=`; None where that is not given.

    Raises ImportRefused for what is no column of it.
    """
    text = options.get(COLUMN)
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1
    if len(shape) != 2 or not 0 <= number < (shape[1] or 0):
        raise ImportRefused(f"-o {COLUMN}={text[:40]} is asked of {output!r}, whose shape is {list(shape)}")
    return number


def next_below(edge: float) -> float:
    """The float32 before an edge; denormal ones are left out, which TensorFlow takes for 0."""
    return float(np.nextafter(np.float32(edge), np.float32(-np.inf))) if edge else -1e-30


def next_above(edge: float) -> float:
    """The float32 behind it."""
    return -next_below(-edge)


def id_of(line: Mapping[str, Any], name: str, value: Any) -> int:
    """The id that a feature's line gives to the value which fills up short lists of the input `name`.

    Raises ImportRefused where it gives none.
    """
    options = {key: one for key, one in line.items() if key not in ("kind", "length", "pad")}
    raw = Input("item", "string" if isinstance(value, str) else "int")
    try:
        plan = FeaturePlan.compile(FeatureSpec({"x": raw}, {"x": Feature("category", ("x",), options)}), Path(), {})
        return int(plan.assemble_columns({"x": [value]}).tensors["x"][0])
    except FeatureError as error:
        raise ImportRefused(
            f"{name!r} is a list of a fixed length, and {value!r}, which fills up shorter ones, has no id: give the "
            "layer a mask_token, or num_oov_indices = 1"
        ) from error
