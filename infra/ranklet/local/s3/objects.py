"""S3's answers to GET and HEAD of an object, path style: /<bucket>/<key>.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html; errors are XML documents with a Code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote
from xml.sax.saxutils import escape

import orjson

from ranklet.local.http1.message import Headers, Request, Response
from ranklet.snapshots import ARTEFACTS, KEYS, VECTORS, artefact_key, key

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
XML: Headers = (("Content-Type", "application/xml"),)


@dataclass(frozen=True)
class Object:
    """A file that is served as an object."""

    path: Path

    @cached_property
    def digest(self) -> str:
        """Its SHA-256, which an upload leaves as metadata; here its ETag too."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop)."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


def staged(folder: Path) -> dict[str, Object]:
    """The objects of a staged table, or of staged artefacts, as a push would name them."""
    if (folder / ARTEFACTS).exists():
        names = orjson.loads((folder / ARTEFACTS).read_bytes())
        return {artefact_key(folder.name, name): Object(folder / name) for name in names}
    paths = [folder / name for name in (VECTORS, *KEYS)]
    return {key(folder.name, path.name): Object(path) for path in paths if path.exists()}


def answer(request: Request, bucket: str, objects: Mapping[str, Object]) -> Response:
    """The answer to one request."""
    if request.method not in ("GET", "HEAD"):
        return refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    asked, _, name = unquote(request.target.partition("?")[0]).removeprefix("/").partition("/")
    if asked != bucket:
        return refusal(404, "NoSuchBucket", f"The specified bucket does not exist: {asked}")
    found = objects.get(name)
    if found is None:
        return refusal(404, "NoSuchKey", f"The specified key does not exist: {name}")
    return _content(found, request.header("range"))


def refusal(status: int, code: str, message: str, headers: Headers = ()) -> Response:
    """An error as S3 writes it."""
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Response(status, (*XML, *headers), f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())


def _content(found: Object, asked: str | None) -> Response:
    size = found.path.stat().st_size
    headers: Headers = (
        ("Accept-Ranges", "bytes"),
        ("Content-Type", "binary/octet-stream"),
        ("ETag", f'"{found.digest[:32]}"'),
        ("x-amz-meta-ranklet-sha256", found.digest),
    )
    bounds = _bounds(asked or "", size)
    if bounds is None:
        return Response(200, headers, found.read(0, size))
    start, stop = bounds
    if start >= stop:
        unsatisfied: Headers = (("Content-Range", f"bytes */{size}"),)
        return refusal(416, "InvalidRange", "The requested range is not satisfiable", unsatisfied)
    spans: Headers = (("Content-Range", f"bytes {start}-{stop - 1}/{size}"),)
    return Response(206, (*headers, *spans), found.read(start, stop))


def _bounds(asked: str, size: int) -> tuple[int, int] | None:
    """Start and stop of `first-last`, `first-` or `-length` (RFC 9110, section 14.1.2); None for what is no range."""
    match = RANGE.fullmatch(asked)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size
