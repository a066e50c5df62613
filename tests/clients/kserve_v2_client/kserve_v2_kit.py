"""Golden requests as KServe's InferRequest, and its InferResponse held to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import v2_wire
from clients_kit import Row

DATATYPES = {float: ("FP64", np.float64), int: ("INT64", np.int64), str: ("BYTES", np.object_)}


def request(row: Row, *, binary: bool) -> Any:
    """An InferRequest that wants every output, as bytes or not."""
    from kserve import InferInput, InferRequest

    inputs = []
    for name, values in row.columns.items():
        first = values[0][0] if isinstance(values[0], list) else values[0]
        datatype, dtype = DATATYPES[type(first)]
        array = np.array(values, dtype)
        inputs.append(InferInput(name, list(array.shape), datatype))
        inputs[-1].set_data_from_numpy(array, binary_data=binary)
    parameters = {"binary_data_output": True} if binary else None
    return InferRequest(model_name=row.model, infer_inputs=inputs, request_id="golden", parameters=parameters)


def check(response: Any, row: Row) -> None:
    """The golden scores and outputs."""
    assert (response.id, response.model_name) == ("golden", row.model)
    told = {one.name: one.as_numpy().tolist() for one in response.outputs}
    v2_wire.check(told, row)
    assert told.keys() == {"score", *row.outputs}
