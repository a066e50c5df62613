"""A program as an ONNX graph whose inputs and outputs have the names that callers know."""

# mypy: disallow-untyped-calls=False
# (where torch is installed, it has types in part)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.torch.program import FAULTS, Program, quiet, short


def convert(program: Program) -> bytes:
    """Raises ImportRefused where onnxscript is absent, and, in its words, where PyTorch has no ONNX for an operator."""
    import torch

    try:
        import onnxscript  # noqa: F401 (torch.onnx imports it late and says less)
    except ImportError as error:
        raise ImportRefused("PyTorch converts with onnxscript: pip install 'ranklet[torch]'") from error
    try:
        with quiet():
            made: Any = torch.onnx.export(
                program.exported, dynamo=True, external_data=False, verbose=False, optimize=False
            )
            _tidy(made.model)
    except FAULTS as error:
        raise ImportRefused(f"PyTorch does not convert it to ONNX: {_reason(error)}") from error
    given = {one.node: one.name for one in program.graph.inputs}
    _rename(made.model, {value: given[value.name] for value in made.model.graph.inputs})
    tensors = list(made.model.graph.outputs)
    if len(tensors) != len(program.graph.outputs):
        raise ImportRefused(
            f"it returns {len(program.graph.outputs)} tensors, the graph {len(tensors)}; export it again"
        )
    _rename(made.model, dict(zip(tensors, program.graph.outputs, strict=True)))
    content: bytes = made.model_proto.SerializeToString()
    return content


def _tidy(model: Any) -> None:
    """Without what is computed twice or for nothing.

    Not PyTorch's own `optimize=True`: its rules take a constant below 1e-8 for zero, so that `x / (mask.sum() + 1e-12)`
    of an empty list becomes a division by zero.
    """
    from onnx_ir.passes import common
    from onnxscript import optimizer

    optimizer.inline(model)
    for _ in range(2):
        optimizer.fold_constants(model)
        common.IdentityEliminationPass()(model)
        optimizer.remove_unused_nodes(model)
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    common.DeduplicateInitializersPass()(model)
    common.CommonSubexpressionEliminationPass()(model)
    common.RemoveUnusedFunctionsPass()(model)
    common.RemoveUnusedOpsetsPass()(model)


def _rename(model: Any, names: Mapping[Any, str]) -> None:
    """Call values otherwise, and out of the way whatever else is called so."""
    wanted = set(names.values())
    for node in model.graph.all_nodes():
        for value in node.outputs:
            if value.name in wanted and value not in names:
                value.name = f"{value.name}_inside"
    for value in list(model.graph.initializers.values()):
        if value.name in wanted:
            value.name = f"{value.name}_weight"
    for i, value in enumerate(names):
        value.name = f"renamed_{i}_"
    for value, name in names.items():
        value.name = name


def _reason(error: BaseException) -> str:
    """Of a chain of errors, the innermost that names an operator."""
    while error.__cause__ is not None:
        error = error.__cause__
    return short(error)
