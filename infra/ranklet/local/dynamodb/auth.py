"""Checks Signature Version 4 as AWS does: who, for where, when, and whether the signature is right."""

from __future__ import annotations

import calendar
import hmac
import re
import time
from collections.abc import Callable, Sequence

from ranklet.local.dynamodb.errors import Refused
from ranklet_features.stores.aws.sigv4 import ALGORITHM, Credentials, canonical_request, signature, signing_key
from ranklet_features.stores.aws.sigv4 import timestamp as stamp

WINDOW_S = 300
"""A signature's date may be this far from our clock."""

FORM = re.compile(rf"{ALGORITHM} Credential=([^/,]+)/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{{64}})")


class Verifier:
    """Accepts requests signed with `credentials` for one service of one region."""

    def __init__(
        self,
        credentials: Credentials,
        region: str,
        *,
        service: str = "dynamodb",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._credentials, self._region, self._service, self._now = credentials, region, service, now

    def check(self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Raise Refused with AWS's own code and words unless the request is rightly signed."""
        given = {name.lower(): value for name, value in headers}
        if "authorization" not in given:
            raise Refused("MissingAuthenticationTokenException", "Request is missing Authentication Token")
        match = FORM.fullmatch(given["authorization"])
        date = given.get("x-amz-date", "")
        if match is None or not re.fullmatch(r"\d{8}T\d{6}Z", date):
            raise Refused("IncompleteSignatureException", "Authorization header requires its four parts and a date")
        access_key, scope, names, proof = match.groups()
        if access_key != self._credentials.access_key or given.get("x-amz-security-token") != self._credentials.token:
            raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
        self._check_scope(scope, date)
        self._check_date(date)
        if missing := {"host", "x-amz-date"} - set(names.split(";")):
            raise _invalid(f"{', '.join(sorted(missing))} must be signed")
        signed = [(name, given.get(name, "")) for name in names.split(";")]
        key = signing_key(self._credentials.secret_key, date[:8], self._region, self._service)
        right = signature(key, date, scope, canonical_request(method, path, signed, body))
        if not hmac.compare_digest(right, proof):
            raise _invalid(
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
            )

    def _check_scope(self, scope: str, date: str) -> None:
        day, region, service, end = (scope.split("/") + [""] * 4)[:4]
        if region != self._region:
            raise _invalid("Credential should be scoped to a valid region.")
        if service != self._service or end != "aws4_request":
            raise _invalid(f"Credential should be scoped to correct service: '{self._service}'.")
        if day != date[:8]:
            raise _invalid(f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {date}")

    def _check_date(self, date: str) -> None:
        now, given = self._now(), calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
        if given < now - WINDOW_S:
            earliest = stamp(now - WINDOW_S)
            raise _invalid(f"Signature expired: {date} is now earlier than {earliest} ({stamp(now)} - 5 min.)")
        if given > now + WINDOW_S:
            latest = stamp(now + WINDOW_S)
            raise _invalid(f"Signature not yet current: {date} is still later than {latest} ({stamp(now)} + 5 min.)")


def _invalid(message: str) -> Refused:
    return Refused("InvalidSignatureException", message)
