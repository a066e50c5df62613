"""One call to AWS until it is answered: throttles and lost connections are waited out, refusals become TableError."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ranklet.errors import TableError

T = TypeVar("T")

THROTTLES = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
"""Codes that say: slower."""

LONGEST_PAUSE_S = 10.0
MAX_TRIES = 14
"""Under throttling: about a minute and a half of pauses in all."""


class Again(Exception):
    """No answer of use this time. throttled: because of our rate, not by accident."""

    def __init__(self, reason: str, *, throttled: bool) -> None:
        super().__init__(reason)
        self.throttled = throttled


def attempt(call: Callable[..., T], **parameters: Any) -> T:
    """One try. Raises Again where another may help, TableError where AWS is not reached or refuses for good.

    Refusals that callers decide by (`ResourceNotFoundException` and the like) pass through as boto3's ClientError.
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
    from botocore.parsers import ResponseParserError

    try:
        return call(**parameters)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in THROTTLES or status == 429:
            raise Again(code or "throttled", throttled=True) from error
        if status >= 500:
            raise Again(f"{code} (HTTP {status})", throttled=False) from error
        raise
    except NoCredentialsError as error:
        raise TableError("no AWS credentials are configured: `aws configure sso`, or set AWS_PROFILE") from error
    except HTTPClientError as error:
        raise Again(str(error), throttled=False) from error
    except BotoCoreError as error:
        raise TableError(f"AWS cannot be called: {error}") from error
    except ResponseParserError as error:
        raise Again(f"an answer that cannot be read: {error}", throttled=False) from error


def until_answered(what: str, call: Callable[..., T], **parameters: Any) -> T:
    """Try until it is answered. Raises TableError naming `what` when that does not happen, or as `attempt` does."""
    reason = ""
    for pause in pauses():
        try:
            return attempt(call, **parameters)
        except Again as failure:
            reason = str(failure)
        time.sleep(pause)
    raise TableError(f"{what}: no answer after {MAX_TRIES} tries, the last: {reason}; run the command again")


def check_sum(response_dict: Mapping[str, Any], **_: object) -> None:
    """A handler of botocore's `before-parse`: an answer must have the checksum that DynamoDB sends with it.

    boto3 looks at it only in its legacy retry mode; a lost `UnprocessedItems` would be lost rows.
    """
    announced = response_dict["headers"].get("x-amz-crc32")
    if announced is not None and announced != str(zlib.crc32(response_dict["body"])):
        raise Again("an answer that does not match its x-amz-crc32", throttled=False)


def refused(error: BaseException) -> str:
    """The code of boto3's ClientError, else an empty text."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def pauses() -> Iterator[float]:
    """Full-jitter exponential back-off, as the AWS Architecture Blog describes it."""
    for number in range(MAX_TRIES):
        yield random.uniform(0, min(LONGEST_PAUSE_S, 0.05 * 2**number))
