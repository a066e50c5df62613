"""Walking a model: nodes and tensors stand in graphs, in attributes, in functions, in sparse tensors, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.message import Message

T = TypeVar("T", bound=Message)


def messages(message: Message) -> Iterator[Message]:
    """A message and all messages within it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in [value] if isinstance(value, Message) else value:
                yield from messages(inner)


def every(kind: type[T], message: Message) -> Iterator[T]:
    """The messages of one kind within `message`."""
    return (found for found in messages(message) if isinstance(found, kind))
