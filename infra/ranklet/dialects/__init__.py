"""The build's side of the wire dialects: golden requests in every form that clients send.

A further dialect is one module here, beside the one in `ranklet_runtime.dialects`, and one line in DIALECTS.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ranklet.dialects import mlflow, more, native, openscoring, retrieval, sagemaker, tfserving, v2
from ranklet.dialects.base import Form
from ranklet.openapi.base import Operation
from ranklet_runtime.manifest import Manifest

DIALECTS: Mapping[str, Mapping[str, Form]] = {
    "native": native.FORMS,
    "tfserving": tfserving.FORMS,
    "v2": v2.FORMS,
    "openscoring": openscoring.FORMS,
    "sagemaker": sagemaker.FORMS,
    "mlflow": mlflow.FORMS,
}
"""Dialect → its forms by name."""

OWN: Mapping[str, Mapping[str, Form]] = {"retrieval": retrieval.FORMS}
"""As DIALECTS, of models that rank nothing."""

FORMS: Mapping[str, Form] = {name: form for forms in DIALECTS.values() for name, form in forms.items()}
"""Every form by name."""


OPERATIONS: Mapping[str, Callable[[Manifest], tuple[Operation, ...]]] = {
    "native": native.operations,
    "tfserving": tfserving.operations,
    "v2": v2.operations,
    "openscoring": openscoring.operations,
    "sagemaker": sagemaker.operations,
    "mlflow": mlflow.operations,
    "retrieval": retrieval.operations,
    "prepare": more.operations,
}
"""Dialect → its paths for OpenAPI."""


def operations(manifest: Manifest) -> list[Operation]:
    """The paths of a model's dialects, in the manifest's order, which decides where two share one."""
    return [one for dialect in manifest.dialects if dialect in OPERATIONS for one in OPERATIONS[dialect](manifest)]


def forms(dialects: Collection[str]) -> dict[str, Form]:
    """The forms of some dialects by name, in the order of DIALECTS."""
    known = {**DIALECTS, **OWN}
    return {name: form for dialect in known if dialect in dialects for name, form in known[dialect].items()}
