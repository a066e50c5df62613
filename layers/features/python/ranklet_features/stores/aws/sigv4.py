"""AWS Signature Version 4, with all headers signed.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
The derived key changes only with the day and the secret, so it is kept: four of a signature's five HMACs.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """expires: POSIX seconds after which they are refused; None where that is not known."""

    access_key: str
    secret_key: str
    token: str | None = None
    expires: float | None = None


def timestamp(now: float) -> str:
    """POSIX seconds as `X-Amz-Date` wants them: 20260131T235959Z."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))


def canonical_request(method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes, query: str = "") -> str:
    """The text whose digest is signed.

    headers: lower-case names in ascending order. path: already encoded. query: encoded, its names in ascending order.
    """
    lines = [f"{name}:{' '.join(value.split())}" for name, value in headers]
    names = ";".join(name for name, _ in headers)
    return "\n".join([method, path, query, *lines, "", names, hashlib.sha256(body).hexdigest()])


def signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """The key that signs one day's requests to one service of one region."""
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(key: bytes, date: str, scope: str, canonical: str) -> str:
    """The signature (hexadecimal) of a canonical request. date: as `timestamp` writes it."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.digest(key, f"{ALGORITHM}\n{date}\n{scope}\n{digest}".encode(), "sha256").hex()


class Signer:
    """Signs requests to one service of one region."""

    def __init__(self, region: str, service: str = "dynamodb") -> None:
        self._region = region
        self._service = service
        self._key = b""
        self._key_of: tuple[str, str] | None = None

    def sign(
        self,
        headers: Mapping[str, str],
        body: bytes,
        credentials: Credentials,
        *,
        now: float,
        method: str = "POST",
        path: str = "/",
        query: str = "",
    ) -> dict[str, str]:
        """All headers to send with `body`.

        headers: lower-case names, with `host`. path and query: as they are sent, encoded already, the
        names of the query in ascending order. Added are `x-amz-date` (of `now`,
        POSIX seconds), `x-amz-security-token` where the credentials are temporary, and `authorization`.
        """
        date = timestamp(now)
        signed = {**headers, "x-amz-date": date}
        if credentials.token is not None:
            signed["x-amz-security-token"] = credentials.token
        ordered = sorted(signed.items())
        scope = f"{date[:8]}/{self._region}/{self._service}/aws4_request"
        canonical = canonical_request(method, path, ordered, body, query)
        proof = signature(self._signing_key(credentials.secret_key, date[:8]), date, scope, canonical)
        signed["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={';'.join(name for name, _ in ordered)}, Signature={proof}"
        )
        return signed

    def _signing_key(self, secret_key: str, day: str) -> bytes:
        if self._key_of != (secret_key, day):
            self._key = signing_key(secret_key, day, self._region, self._service)
            self._key_of = (secret_key, day)
        return self._key
