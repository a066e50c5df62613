"""One reply of DynamoDB → its rows, or what went wrong and whether trying again can help.

Error codes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from ranklet_features.errors import StoreError, StoreUnavailable, TableMismatch
from ranklet_features.packing import row_dtype
from ranklet_features.spec import Table
from ranklet_features.stores.aws.connection import Reply
from ranklet_features.stores.keys import RESERVED

if sys.version_info >= (3, 12):
    from pybase64 import b64decode
else:  # there it would bring typing_extensions along
    from binascii import a2b_base64 as b64decode

THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
}
TRANSIENT = {"InternalServerError", "InternalFailure", "ServiceUnavailable"}
SKEWED = {"InvalidSignatureException", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException"}

CLOCK_WORDS = ("expired", "not yet current")
"""A signature is refused for its date in these words; for a wrong secret in others."""


class Failed(Exception):
    """This reply is no use; another may be better."""


class Throttled(Failed):
    """The table's throughput does not suffice for now."""


class Skewed(Failed):
    """The signature's date was refused. server_time: AWS's clock, POSIX seconds."""

    def __init__(self, message: str, server_time: float) -> None:
        super().__init__(message)
        self.server_time = server_time


class CredentialsExpired(Failed):
    """The credentials are no longer valid."""


class Answer(NamedTuple):
    """values: key → packed bytes, for the asked keys that are there. unprocessed: keys to ask for again."""

    values: dict[str, bytes]
    unprocessed: set[str]


def read(reply: Reply, table: Table, asked: set[str]) -> Answer:
    """Read a reply to BatchGetItem; rows that were not asked for are left aside.

    Raises Failed (or a kind of it) where asking again can help, TableMismatch for a table that is not there or
    not ours, StoreUnavailable for any other refusal.
    """
    if reply.status != 200:
        raise _fault(reply, table)
    document = _intact(reply)
    try:
        items = document["Responses"].get(table.physical, ())
        keys = [item["k"]["S"] for item in items]
        if not asked.issuperset(keys):
            items = [item for key, item in zip(keys, items, strict=True) if key in asked]
            keys = [key for key in keys if key in asked]
        left = document.get("UnprocessedKeys", {}).get(table.physical, {"Keys": ()})
        unprocessed = {key["k"]["S"] for key in left["Keys"]}
        return Answer(dict(zip(keys, _packed(keys, items, table), strict=True)), unprocessed)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Failed(f"an answer that is not one to BatchGetItem: {error!r}") from error


def _packed(keys: list[str], items: Sequence[Any], table: Table) -> list[bytes]:
    """The bytes of rows, as many as the table's rows have, or of pages; or of the row that describes the table."""
    try:
        packed = [b64decode(item["v"]["B"]) for item in items]
    except (KeyError, TypeError) as error:
        raise TableMismatch(f"table {table.name}: {table.physical} has a row without a binary `v`") from error
    if table.page > 1:  # of any size
        return packed
    size = row_dtype(table.dtype, table.dim).itemsize
    if set(map(len, packed)) - {size}:
        sizes = {key: len(value) for key, value in zip(keys, packed, strict=True)}
        if wrong := {found for key, found in sizes.items() if found != size and key != RESERVED}:
            raise TableMismatch(
                f"table {table.name}: {table.physical} has a row of {wrong.pop()} bytes, "
                f"pinned are {table.dim} numbers of {table.dtype}"
            )
    return packed


def _intact(reply: Reply) -> Any:
    """The document, when the body is what DynamoDB sent."""
    announced = reply.headers.get("x-amz-crc32")
    if announced is not None and announced != str(zlib.crc32(reply.body)):
        raise Failed("the body does not match its x-amz-crc32")
    try:
        return orjson.loads(reply.body)
    except orjson.JSONDecodeError as error:
        raise Failed(f"the body is not JSON: {error}") from error


def _fault(reply: Reply, table: Table) -> Failed | StoreError:
    code, message = _error(reply)
    said = f"{code or 'no error code'} (HTTP {reply.status})"
    if code in THROTTLED or reply.status == 429:
        return Throttled(said)
    if reply.status >= 500 or reply.status == 408 or code in TRANSIENT or not code:
        return Failed(said)
    if code in SKEWED and any(word in message.lower() for word in CLOCK_WORDS):
        server_time = _date(reply)
        if server_time is not None:
            return Skewed(said, server_time)
    if code in EXPIRED:
        return CredentialsExpired(said)
    if code == "ResourceNotFoundException":
        return TableMismatch(f"table {table.name}: DynamoDB has no table {table.physical}; run `ranklet tables push`")
    return StoreUnavailable(f"table {table.name}: DynamoDB refused to read {table.physical}: {said}")


def _error(reply: Reply) -> tuple[str, str]:
    """Code and message: `com.amazonaws.dynamodb.v20120810#Code` in the body, or `Code:uri` in a header."""
    try:
        document = _intact(reply)
        code, message = document.get("__type", ""), document.get("message", document.get("Message", ""))
    except (Failed, AttributeError):
        code, message = "", ""
    code = code or reply.headers.get("x-amzn-errortype", "").partition(":")[0]
    return str(code).rpartition("#")[2], str(message)


def _date(reply: Reply) -> float | None:
    # Imported here: it is asked for after a refusal only, and brings ten modules.
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(reply.headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
