"""The page that the front shows at `/`, which is no function's: what is served here, and a funnel to try out.

It is one page of this folder's three files, without any resource of another host; it calls functions as every client
does. No deployment has it: in AWS the API's root answers nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ranklet.local.http1.message import Request, Response

FOLDER = Path(__file__).parent / "page"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
DATA = "/page.json"
HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
)


class Page:
    """The page's files, and what it shows. told: `page.json`."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._documents = {path: (FOLDER.joinpath(name).read_bytes(), kind) for path, (name, kind) in FILES.items()}
        self._documents[DATA] = (orjson.dumps(told), "application/json")

    def answer(self, request: Request) -> Response | None:
        """The file of a request's path; None for a path, or a method, that is not the page's."""
        found = self._documents.get(request.target.partition("?")[0])
        if found is None or request.method not in ("GET", "HEAD"):
            return None
        body, kind = found
        return Response(200, (("Content-Type", kind), *HEADERS), body)
