"""What can go wrong with a call.

ClientError
├── BadCall            what the caller gave cannot be sent; nothing was sent
├── Unsigned           there are no credentials, or no region, to sign a request with
├── Refused            the server's no: status, its own words, and where the fault stands in the request
├── Unavailable        no connection, or 429, 502, 503, 504 to the last attempt
├── DeadlineExceeded   the call's time ran out; says how far it came
└── BadAnswer          what answered does not speak ranklet's form
"""

from __future__ import annotations


class ClientError(Exception):
    """Base of every error of this package."""


class BadCall(ClientError):
    """What was given cannot be sent; the message says what, where, and what was allowed."""

    def __init__(self, message: str, path: str | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message, self.path = message, path


class Unsigned(ClientError):
    """There is nothing to sign with."""


class Refused(ClientError):
    """An answer that no repetition changes.

    status: of HTTP. message: the server's own words. path: where in the request (`$.items.price[3]`), None without
    a place. In a call that was split, the candidates of `path` are counted in the caller's columns.
    """

    def __init__(self, status: int, message: str, path: str | None = None) -> None:
        super().__init__(f"{status} {path}: {message}" if path else f"{status} {message}")
        self.status, self.message, self.path = status, message, path


class Unavailable(ClientError):
    """Nobody answered, or only that it cannot now. status: the last one, None without any. attempts: how many."""

    def __init__(self, message: str, *, status: int | None, attempts: int) -> None:
        super().__init__(message)
        self.message, self.status, self.attempts = message, status, attempts


class DeadlineExceeded(ClientError):
    """The call's time ran out. answered, of: its requests. attempts: what was sent, in all. last: what went wrong."""

    def __init__(self, deadline: float, *, answered: int, of: int, attempts: int, last: str = "") -> None:
        far = f"{answered} of {counted(of, 'request')} answered after {counted(attempts, 'attempt')}"
        message = f"the deadline of {deadline:g} s passed: {far}"
        super().__init__(f"{message}; the last one: {last}" if last else message)
        self.deadline, self.answered, self.of, self.attempts, self.last = deadline, answered, of, attempts, last


class BadAnswer(ClientError):
    """An answer that cannot be read as one of ranklet's; the message says what it was."""


def counted(number: int, what: str) -> str:
    """`1 attempt`, `2 attempts`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
