"""What NumPy engines check when they open: names of inputs and outputs, and options."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from ranklet_runtime.engines.arrays import read_npz
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

OUTPUTS = ("logit", "score")
"""Of every NumPy engine: before and after the link, float32 [rows]."""

PRECISIONS: Mapping[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}

T = TypeVar("T", bound="DataclassInstance")


class DataclassInstance(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


def weights(step: Step, folder: Path) -> dict[str, Array]:
    """The arrays of a step's artefact, none for a step without. Raises ManifestError."""
    return {} if step.artefact is None else read_npz(folder / step.artefact)


def check_names(step: Step, wants: Mapping[str, Want]) -> None:
    """Raises ManifestError unless the step feeds exactly what is wanted and asks only for outputs that exist."""
    if missing := set(wants) - set(step.inputs):
        raise ManifestError(f"{step.engine}: nothing feeds the inputs {sorted(missing)}; list them in steps.inputs")
    if surplus := set(step.inputs) - set(wants):
        raise ManifestError(
            f"{step.engine}: has no weights for the inputs {sorted(surplus)}; its inputs are {sorted(wants)}"
        )
    if not wants:
        raise ManifestError(f"{step.engine}: a step needs at least one input")
    if unknown := set(step.outputs) - set(OUTPUTS):
        raise ManifestError(f"{step.engine}: has no outputs {sorted(unknown)}; allowed: {list(OUTPUTS)}")


def value_wants(values: Mapping[str, str], wants: Mapping[str, Want]) -> dict[str, Want]:
    """The inputs that `options.values` adds. Raises ManifestError when it names the wrong ones."""
    if unknown := set(values) - set(wants):
        raise ManifestError(f"options.values names the inputs {sorted(unknown)}; there are weights for {sorted(wants)}")
    if doubled := set(values.values()) & set(wants):
        raise ManifestError(f"options.values reads {sorted(doubled)}, which have weights of their own; remove either")
    return {name: Want(values=0) for name in values.values()}


def parse(kind: type[T], step_options: Mapping[str, Any]) -> T:
    """The options as the engine's record.

    Raises ManifestError for an unknown option, and for one of another type than the record's default.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := set(step_options) - set(fields):
        raise ManifestError(f"unknown options {sorted(unknown)}; allowed: {sorted(fields)}")
    return kind(**{name: _typed(fields[name], value) for name, value in step_options.items()})


def precision(name: str) -> type[np.floating[Any]]:
    """The dtype of `options.precision`. Raises ManifestError."""
    if name not in PRECISIONS:
        raise ManifestError(f"options.precision is {name!r}; allowed: {sorted(PRECISIONS)}")
    return PRECISIONS[name]


def _typed(field: dataclasses.Field[Any], value: Any) -> Any:
    factory = field.default_factory
    default = field.default if factory is dataclasses.MISSING else factory()
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    if type(value) is not type(default):
        wanted = type(default).__name__
        raise ManifestError(f"options.{field.name} is {value!r}, a {type(value).__name__}; wanted a {wanted}")
    return value
