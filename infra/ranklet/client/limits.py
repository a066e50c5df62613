"""What a model takes in one request and how it names candidates: from its OpenAPI document, or from a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DOCUMENT = "openapi.json"
ITEM_KEY = "x-item-key"
"""Of the answer's `items`: the column whose values they are, empty where they are positions."""
SURE = 1000
"""Up to so many candidates nobody asks for the limit before sending: the default one is 2000, and a 413 tells more."""
IN_WORDS = re.compile(r"takes (\d{1,9}) in one request")


@dataclass(slots=True)
class Known:
    """What is known of a model; grows while it is called. item_key: "" for none, None while unknown."""

    limit: int | None = None
    item_key: str | None = None
    asked: bool = False

    def learn(self, document: Mapping[str, Any]) -> None:
        """Take what the document tells and the caller did not say."""
        self.limit = self.limit or limit_of(document)
        self.item_key = item_key_of(document) if self.item_key is None else self.item_key


def limit_of(document: Mapping[str, Any]) -> int | None:
    """The most candidates of one request: the smallest `maxItems` of an item column."""
    request = _under(_rank(document), "requestBody", "content", "application/json", "schema", "properties")
    columns = _under(request, "items", "properties")
    sizes = [_under(column).get("maxItems") for column in columns.values()]
    return min((size for size in sizes if type(size) is int and size > 0), default=None)


def item_key_of(document: Mapping[str, Any]) -> str | None:
    """The column that names candidates in the answer to `top_k`."""
    answer = _under(_rank(document), "responses", "200", "content", "application/json", "schema", "properties")
    key = _under(answer, "items").get(ITEM_KEY)
    return key if isinstance(key, str) else None


def limit_in(message: str) -> int | None:
    """The limit that a 413 names."""
    found = IN_WORDS.search(message)
    return int(found[1]) or None if found else None


def _rank(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((one for one in _operations(document) if one.get("operationId") == "rank"), {})


def _operations(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for path in _under(document, "paths").values():
        yield from map(_under, _under(path).values())


def _under(value: Any, *names: str) -> Mapping[str, Any]:
    """The object below these names; an empty one where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
