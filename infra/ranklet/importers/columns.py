"""One column of an output of several: of a model for several tasks or classes, the one that ranks."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ranklet.errors import ImportRefused


def index(text: str) -> int:
    """Of `-o column=`. Raises ImportRefused for what is no number."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ImportRefused(f"-o column={text[:40]} is no number of a column, counted from 0")
    return int(text)


def pick(content: bytes, output: str, column: int) -> bytes:
    """The graph whose `output` [n, k] is its one column, [n, 1]. Raises ImportRefused where there is no such column."""
    model = onnx.load_model_from_string(content)
    found = next((value for value in model.graph.output if value.name == output), None)
    dims = [] if found is None else found.type.tensor_type.shape.dim
    if found is None or len(dims) != 2 or column >= dims[1].dim_value:
        names = {value.name: _shape(value) for value in model.graph.output}
        raise ImportRefused(f"-o column={column} is asked of {output!r}, and there is none; the outputs are {names}")
    whole = f"{output}_of_all"
    for node in model.graph.node:
        node.output[:] = [whole if name == output else name for name in node.output]
        node.input[:] = [whole if name == output else name for name in node.input]
    model.graph.initializer.append(numpy_helper.from_array(np.array([column]), f"{output}_column"))
    model.graph.node.append(helper.make_node("Gather", [whole, f"{output}_column"], [output], axis=1))
    dims[1].dim_value = 1
    made: bytes = model.SerializeToString()
    return made


def _shape(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim]
