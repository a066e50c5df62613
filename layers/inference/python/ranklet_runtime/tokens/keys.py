"""The keys that sign tokens: the first one signs, all are taken, so that a key can be changed while tokens live.

    RANKLET_SIGNING_KEYS  the keys themselves, for a machine of one's own
    RANKLET_SIGNING       the ARN of a secret of Secrets Manager, or of a parameter of SSM

A key is 32 characters or more without a blank; several stand with blanks between them. Of a secret the version before
(AWSPREVIOUS) is taken as well. They are fetched when the first token is made or shown, looked at again after some
minutes, and when a token names a key that is not known: another environment may have seen the new one first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from ranklet_features.errors import StoreUnavailable
from ranklet_runtime.errors import InternalFault, Unavailable

if TYPE_CHECKING:
    from ranklet_runtime.service import Service

TEXT, SECRET = "RANKLET_SIGNING_KEYS", "RANKLET_SIGNING"
SHORTEST, MOST = 32, 8
KEPT_S = 300.0
"""After so long keys are fetched again."""
AGAIN_S = 5.0
"""No sooner than that, whatever tokens name: nobody shall make us ask for each request."""
PATIENCE_S = 2.0
STAGES = ("AWSCURRENT", "AWSPREVIOUS")
ENDPOINT = "AWS_ENDPOINT_URL_SECRETS_MANAGER"
"""As AWS's SDKs call it; ours asks by the service's host name."""


class Keys:
    """clock: seconds that never go back."""

    def __init__(self, environ: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._environ, self._clock = environ, clock
        self._service: Service | None = None
        self._keys: tuple[bytes, ...] = ()
        self._read = -KEPT_S

    def all(self, deadline: float | None = None, *, unknown: bool = False) -> tuple[bytes, ...]:
        """The keys, the one that signs first. unknown: a token names none of those that were known.

        Raises Unavailable where they cannot be fetched, InternalFault where they are none.
        """
        age = self._clock() - self._read
        if age >= KEPT_S or (unknown and age >= AGAIN_S) or not self._keys:
            self._renewed(deadline)
        return self._keys

    def ready(self) -> None:
        """Fetch them now. What fails here is said to the first request that needs them."""
        try:
            self.all(time.monotonic() + PATIENCE_S)
        except (Unavailable, InternalFault):
            self.renew()

    def renew(self) -> None:
        """Forget keys, connection and credentials."""
        if self._service is not None:
            self._service.renew()
        self._keys, self._read = (), -KEPT_S

    def _renewed(self, deadline: float | None) -> None:
        """Keys that cannot be fetched again stay as they were for another while."""
        self._read = self._clock()
        try:
            self._keys = self._fetched(deadline or time.monotonic() + PATIENCE_S)
        except (Unavailable, InternalFault) as error:
            if not self._keys:
                raise
            print(f"keys of tokens stay as they were: {error}", file=sys.stderr, flush=True)

    def _fetched(self, deadline: float) -> tuple[bytes, ...]:
        if text := self._environ.get(TEXT):
            return parsed(text)
        arn = self._environ.get(SECRET, "")
        if arn.startswith("arn:") and arn.split(":")[2] == "ssm":
            found = self._ask("ssm", "AmazonSSM.GetParameter", {"Name": arn, "WithDecryption": True}, deadline)
            return parsed(_text(found, "Parameter", "Value"))
        if not arn:
            raise InternalFault(f"this model gives tokens, and neither {SECRET} nor {TEXT} says what signs them")
        texts = [self._version(arn, stage, deadline) for stage in STAGES]
        return parsed(" ".join(text for text in texts if text))

    def _version(self, arn: str, stage: str, deadline: float) -> str:
        """The text of one version of the secret; "" for a stage that it does not have."""
        asked = {"SecretId": arn, "VersionStage": stage}
        found = self._ask("secretsmanager", "secretsmanager.GetSecretValue", asked, deadline)
        return "" if found is None and stage != STAGES[0] else _text(found, "SecretString")

    def _ask(self, service: str, target: str, asked: Mapping[str, Any], deadline: float) -> Any:
        """What AWS answers; None for what is not there."""
        # Imported here: sockets and TLS, which a function may need for nothing else.
        from ranklet_features.stores.aws.connection import Broken
        from ranklet_runtime.service import Service

        try:
            if self._service is None:
                named = (
                    {"AWS_ENDPOINT_URL_SECRETSMANAGER": self._environ[ENDPOINT]} if ENDPOINT in self._environ else {}
                )
                self._service = Service({**self._environ, **named}, service)
            headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
            reply = self._service.call("POST", "/", body=orjson.dumps(asked), headers=headers, deadline=deadline)
        except (Broken, StoreUnavailable) as error:
            raise _unavailable() from error
        if reply.status == 200:
            return orjson.loads(reply.body)
        if reply.status in (400, 404) and b"NotFound" in reply.body:
            return None
        if reply.status == 429 or reply.status >= 500 or b"Throttling" in reply.body:
            raise _unavailable()
        raise InternalFault(f"{target} was answered {reply.status}: {reply.body[:200].decode('utf-8', 'replace')}")


def parsed(text: str) -> tuple[bytes, ...]:
    """The keys of a text, each once. Raises InternalFault, which never repeats one."""
    keys = tuple(dict.fromkeys(text.encode().split()))[:MOST]
    if not keys or min(map(len, keys)) < SHORTEST:
        raise InternalFault(f"what signs tokens must be one key or several of {SHORTEST} characters or more")
    return keys


def _text(found: Any, *names: str) -> str:
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str):
        raise InternalFault("the secret that signs tokens is not there, or holds no text")
    return found


def _unavailable() -> Unavailable:
    return Unavailable(
        "the keys of tokens do not answer; try again", headers={"retry-after": str(Unavailable.retry_after_s)}
    )
