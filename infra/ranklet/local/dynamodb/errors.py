"""DynamoDB's error answers."""

from __future__ import annotations

PREFIX = "com.amazonaws.dynamodb.v20120810#"
CORAL = "com.amazon.coral.service#"
COMMON = {
    "AccessDeniedException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SerializationException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}
"""Codes of AWS's service frame, which have another prefix than DynamoDB's own."""


class Refused(Exception):
    """An error answer: its code, message and HTTP status."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status

    def document(self) -> dict[str, str]:
        """The JSON body; DynamoDB spells `message` small, the service frame does for most codes."""
        return {"__type": (CORAL if self.code in COMMON else PREFIX) + self.code, "message": self.message}


def invalid(message: str) -> Refused:
    """A ValidationException."""
    return Refused("ValidationException", message)


def no_table(name: str | None = None) -> Refused:
    """The table is not there; only the actions on the table itself name it."""
    where = f": Table: {name} not found" if name else ""
    return Refused("ResourceNotFoundException", f"Requested resource not found{where}")
