"""The two forms of a bundle's files: JSON, and protobuf. bundle.json says which, and is JSON itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from ranklet.errors import ImportRefused
from ranklet.importers.mleap import protobuf
from ranklet.importers.mleap.bundle import MARK, Files, document

MAX_MESSAGES = 1 << 26
"""Of a file in protobuf, whose two bytes can become a message of sixty."""
AS_JSON = "write the bundle with SerializationFormat.Json"


class Form(Protocol):
    """Of all files below root/. A name is a file's path without its ending."""

    def file(self, name: str) -> str:
        """The whole path, for messages."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        ...

    def model(self, folder: str) -> Mapping[str, Any]:
        """{op, attributes} of a stage, or of a model within one. Raises ImportRefused."""
        ...

    def node(self, folder: str) -> Mapping[str, Any]:
        """{name, shape} of a stage. Raises ImportRefused."""
        ...

    def tree(self, name: str) -> Iterator[tuple[str, Any]]:
        """(place, node) of a tree, in pre-order. Raises ImportRefused."""
        ...


def of(files: Files) -> Form:
    """Raises ImportRefused for what is no bundle, or one in a format that is not read."""
    head = document(files.read(MARK), MARK)
    form = head.get("format")
    if form == "protobuf":
        return _Protobuf(files, _version(head))
    if form not in ("json", "mixed", None):
        raise ImportRefused(f"{MARK} has the format {str(form)[:40]!r}, which is not known")
    return _Json(files)


class _Json:
    def __init__(self, files: Files) -> None:
        self._files = files

    def file(self, name: str) -> str:
        return f"{name}.json"

    def has(self, name: str) -> bool:
        return self._files.has(self.file(name))

    def model(self, folder: str) -> Mapping[str, Any]:
        """Before 0.8, the format `mixed` had what is large beside it."""
        if self._files.has(f"{folder}model.pb"):
            raise ImportRefused(f"{folder}model.pb stands beside a bundle in JSON, and is not read: {AS_JSON}")
        return self._document(folder, "model")

    def node(self, folder: str) -> Mapping[str, Any]:
        return self._document(folder, "node")

    def tree(self, name: str) -> Iterator[tuple[str, Any]]:
        place = self.file(name)
        for number, line in enumerate(self._files.read(place).splitlines(), start=1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                message = f"{str(error)[:80]}; export the model again"
                raise ImportRefused(f"{place}, line {number} is no node of a tree: {message}") from error
            yield f"line {number}", found

    def _document(self, folder: str, name: str) -> Mapping[str, Any]:
        return document(self._files.read(self.file(folder + name)), folder + name)


class _Protobuf:
    """version: of MLeap, that wrote it."""

    def __init__(self, files: Files, version: tuple[int, int] | None) -> None:
        if version is not None and version < (0, 8):
            raise ImportRefused(f"a bundle in protobuf by MLeap {version[0]}.{version[1]} is not read: {AS_JSON}")
        self._files = files
        self._basics = protobuf.BASICS if version is not None and version > (0, 8) else {}

    def file(self, name: str) -> str:
        return f"{name}.pb"

    def has(self, name: str) -> bool:
        return self._files.has(self.file(name))

    def model(self, folder: str) -> Mapping[str, Any]:
        return protobuf.model(*self._read(f"{folder}model"), self._basics)

    def node(self, folder: str) -> Mapping[str, Any]:
        return protobuf.node(*self._read(f"{folder}node"))

    def tree(self, name: str) -> Iterator[tuple[str, Any]]:
        for number, one in enumerate(protobuf.tree(*self._read(name)), start=1):
            yield f"node {number}", one

    def _read(self, name: str) -> tuple[bytes, str]:
        place = self.file(name)
        return self._files.read(place, MAX_MESSAGES), place


def _version(head: Mapping[str, Any]) -> tuple[int, int] | None:
    """(0, 25) of 0.25.0-SNAPSHOT."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})\b", str(head.get("version")))
    return (int(found[1]), int(found[2])) if found else None
