"""One reply of S3 to the GET of a range → its bytes, or what went wrong and whether trying again can help.

Error codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ranklet_features.errors import StoreError, StoreUnavailable, TableMismatch
from ranklet_features.stores.aws.connection import Reply
from ranklet_features.stores.snapshots.bucket import Span

TRANSIENT = {"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "OperationAborted"}
EXPIRED = {"ExpiredToken", "TokenRefreshRequired"}
SKEWED = "RequestTimeTooSkewed"
CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})")


class Failed(Exception):
    """This reply is no use; another may be better."""


class Skewed(Failed):
    """The signature's date was refused. server_time: AWS's clock, POSIX seconds."""

    def __init__(self, message: str, server_time: float) -> None:
        super().__init__(message)
        self.server_time = server_time


class CredentialsExpired(Failed):
    """The credentials are no longer valid."""


class Part(NamedTuple):
    """Bytes of an object, and how many it has in all."""

    body: bytes
    total: int


def read(reply: Reply, span: Span, url: str) -> Part:
    """The bytes of a span: all of it, or up to the object's end; none where it begins there or behind.

    Raises Failed (or a kind of it) where asking again can help, TableMismatch for an object that is not there, and
    StoreUnavailable for any other refusal.
    """
    if reply.status == 206:
        return _range(reply, span)
    if reply.status == 200 and span.start == 0:  # a server that knows no ranges sends everything
        return Part(reply.body, len(reply.body))
    if reply.status == 416:
        return _behind(reply, span)
    raise _fault(reply, url)


def _behind(reply: Reply, span: Span) -> Part:
    match = RANGE.fullmatch(reply.headers.get("content-range", ""))
    if match is None or span.start < int(match[3]):
        raise Failed("no range where there must be one")
    return Part(b"", int(match[3]))


def _range(reply: Reply, span: Span) -> Part:
    match = RANGE.fullmatch(reply.headers.get("content-range", ""))
    if match is None or match[1] is None:
        raise Failed("an answer with a part of the object that does not say which")
    start, stop, total = int(match[1]), int(match[2]) + 1, int(match[3])
    if (start, stop) != (span.start, min(span.stop, total)) or len(reply.body) != stop - start:
        raise Failed(f"{len(reply.body)} bytes of {match[0]!r} instead of {span.start}-{span.stop - 1}")
    return Part(reply.body, total)


def _fault(reply: Reply, url: str) -> Failed | StoreError:
    match = CODE.search(reply.body)
    code = match[1].decode() if match else ""
    said = f"{code or 'no error code'} (HTTP {reply.status})"
    if reply.status >= 500 or reply.status in (408, 429) or code in TRANSIENT:
        return Failed(said)
    if code in EXPIRED:
        return CredentialsExpired(said)
    if code == SKEWED and (server_time := _date(reply)) is not None:
        return Skewed(said, server_time)
    if reply.status == 404:
        return TableMismatch(f"{url} is not there: {said}; run `ranklet tables push`")
    if 300 <= reply.status < 400:
        where = reply.headers.get("x-amz-bucket-region", "another region")
        return StoreUnavailable(f"{url}: its bucket is in {where}, not in this function's region: {said}")
    # S3 tells a missing object from a forbidden one only to those who may list the bucket, which functions may not.
    hint = "; it was not pushed (`ranklet tables push`), or s3:GetObject is not granted" if reply.status == 403 else ""
    return StoreUnavailable(f"{url}: S3 refused to read it: {said}{hint}")


def _date(reply: Reply) -> float | None:
    # Imported here: it is asked for after a refusal only, and brings ten modules.
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(reply.headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
