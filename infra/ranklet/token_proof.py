"""The proof of tokens: every golden request ranked with a token, and its answer byte for byte the one without."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence

import msgpack
import orjson

from ranklet.dialects import FORMS
from ranklet.dialects.base import Message
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet.replay import difference
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.tokens.keys import TEXT

NATIVE = ("native-json", "native-msgpack")


def signing(manifest: Manifest) -> dict[str, str]:
    """By what a function signs while it is proven: a key that nobody keeps."""
    return {} if manifest.token is None else {TEXT: os.urandom(32).hex()}


def worst(
    function: Function, manifest: Manifest, rows: Sequence[Golden], bound: float, before: str = ""
) -> dict[str, float]:
    """Form → the largest difference from the trainer's scores, with tokens; empty for a model without.

    before: what stands before the names of forms.

    Raises ParityError for a golden request that is answered otherwise than without a token, naming it.
    """
    if manifest.token is None:
        return {}
    return {
        f"{before}{name.replace('native', 'token')}": max(
            _gap(name, function, manifest, golden, number, bound) for number, golden in enumerate(rows, start=1)
        )
        for name in NATIVE
    }


def _gap(name: str, function: Function, manifest: Manifest, golden: Golden, number: int, bound: float) -> float:
    form = FORMS[name]
    packed = name == "native-msgpack"
    write, read = (msgpack.packb, msgpack.unpackb) if packed else (orjson.dumps, orjson.loads)
    sent = form.request(golden, manifest)
    document = read(sent.body)
    once = {side: document.pop(side) for side in ("user", "context")}
    prepared = _asked(function, form.url(manifest).replace(":rank", ":prepare"), sent.headers, write(once), number)
    token = read(prepared)["token"]
    plain = _asked(function, form.url(manifest), sent.headers, sent.body, number)
    answer = _asked(function, form.url(manifest), sent.headers, write({**document, "token": token}), number)
    if answer != plain:
        raise ParityError(f"golden row {number} as {name}: ranked with a token it is answered otherwise than without")
    gap = difference(form.decode(Message(answer, sent.headers)), golden)
    if not gap <= bound:
        raise ParityError(f"golden row {number} as {name}, with a token: {gap:.2e} from the trainer, above {bound:.0e}")
    return gap


def _asked(function: Function, url: str, headers: Mapping[str, str], body: bytes, number: int) -> bytes:
    answer = function(event_v2("POST", url, headers=headers, body=body), None)
    raw = answer["body"]
    found: bytes = base64.b64decode(raw) if answer["isBase64Encoded"] else raw.encode()
    if answer["statusCode"] != 200:
        raise ParityError(f"golden row {number}: {url} was answered {answer['statusCode']}: {found[:500].decode()}")
    return found
