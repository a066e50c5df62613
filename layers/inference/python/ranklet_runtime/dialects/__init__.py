"""Wire dialects: how clients speak.

A further dialect is one module with a class that satisfies `dialects.base.Dialect`, and one line in DIALECTS; it
is imported when a path asks for it. How its requests look to a build and to OpenAPI is one module and one line in
`ranklet.dialects`.
"""

from __future__ import annotations

from importlib import import_module

from ranklet_runtime.dialects.base import Dialect
from ranklet_runtime.errors import ManifestError

DIALECTS = {
    "native": "ranklet_runtime.dialects.native:Native",
    "tfserving": "ranklet_runtime.dialects.tfserving:TfServing",
    "v2": "ranklet_runtime.dialects.v2:V2",
    "openscoring": "ranklet_runtime.dialects.openscoring:Openscoring",
    "sagemaker": "ranklet_runtime.dialects.sagemaker:SageMaker",
    "mlflow": "ranklet_runtime.dialects.mlflow:MlFlow",
}
"""Name in model.toml → module and class."""

OWN = {
    "prepare": "ranklet_runtime.dialects.prepare:Prepare",
    "retrieval": "ranklet_runtime.dialects.retrieval:Retrieval",
}
"""Dialects that no author names, as a build knows who has them: models that retrieve, those that give tokens."""


def open_dialect(name: str) -> Dialect:
    """The dialect of that name. Raises ManifestError for an unknown one."""
    dotted = find(name)
    module, _, attribute = dotted.partition(":")
    dialect: Dialect = getattr(import_module(module), attribute)()
    return dialect


def find(name: str) -> str:
    """Module and class of a dialect. Raises ManifestError for an unknown one."""
    dotted = DIALECTS.get(name) or OWN.get(name)
    if dotted is None:
        raise ManifestError(f"manifest.json names the dialect {name!r}; allowed: {sorted(DIALECTS)}")
    return dotted
