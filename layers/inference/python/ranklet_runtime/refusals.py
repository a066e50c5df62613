"""Lines of the log for refused requests: where in the request the fault stands, never what stood there.

A message may quote the caller's value, and a field that the model does not know may be named after a secret. So a line
has the fault's kind, its status and its place; in the place only names of the model and of the protocols, and no
positions: refusals are counted by it.
"""

from __future__ import annotations

from ranklet_runtime.errors import RequestFault
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.taken import Lines

WORDS = {
    "$", "arguments", "batch", "body", "class", "columns", "context", "data", "dataframe_records",
    "dataframe_split", "datatype", "dtype", "examples", "features", "id", "index", "inputs", "instances",
    "items", "lines", "name", "outputs", "parameters", "params", "requests", "rows", "scores", "shape",
    "signature_name", "top_k", "user", "values",
}  # fmt: skip
"""Parts of places that are the protocols' own."""

UNKNOWN = "?"


class Refusals:
    """Of one function."""

    def __init__(self, manifest: Manifest, lines: Lines) -> None:
        self._known = WORDS | set(manifest.spec.inputs) | set(manifest.spec.features)
        self._lines = lines

    def add(self, fault: RequestFault, route: str, request_id: str) -> None:
        """Hold a line for a request."""
        fields = {
            "request_id": request_id,
            "route": route,
            "status": fault.status,
            "kind": type(fault).__name__,
            "place": self.place(fault.path),
        }
        self._lines.add("refused", "WARNING" if fault.status < 500 else "ERROR", fields)

    def place(self, path: str | None) -> str:
        """`$.items.price[3]` → `$.items.price[]`; what is no name of ours becomes a question mark."""
        return ".".join(self._part(part) for part in (path or "$").split(".")[:8])

    def _part(self, part: str) -> str:
        name, bracket, _ = part.partition("[")
        return (name if name in self._known else UNKNOWN) + ("[]" if bracket else "")
