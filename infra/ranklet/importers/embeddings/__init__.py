"""Embeddings alone (item2vec, DeepWalk, node2vec, matrix factorisation): a table, and a model that is drafted on it.

The items' vectors are a table; the user's come from a second file, `-o users=users.vec`, or are the mean of the items
in their history; the score is the product of both, or their cosine. 1. `forms` tells which form a file has and goes
through its rows; 2. `reading` sees that they fit, and keeps some; 3. `oracle` scores those by the formula. The build
reads the files themselves, whole, as `[tables]` say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.embeddings import forms, oracle
from ranklet.importers.embeddings.reading import Vectors, read
from ranklet.importers.proposal import Proposal, ProposedInput, Wishes
from ranklet.model import StepSource

OPTIONS = ("users", "metric", "pool", "key", "vector", "keys", "user_keys")
METRICS, POOLS = ("dot", "cosine"), ("mean", "sum")


def recognises(path: Path, head: bytes) -> bool:
    """As the protocol says."""
    return path.is_file() and forms.form_of(path, head) is not None


def propose(path: Path, wishes: Wishes) -> Proposal:
    """As the protocol says. options.users: the users' file; metric, pool; key, vector: columns; keys: of .npy."""
    options = wishes.only(*OPTIONS)
    metric, pool = _one(options, "metric", METRICS), _one(options, "pool", POOLS)
    items = read(path, options, keys=options.get("keys"))
    users = None
    if "users" in options:
        if "pool" in options:
            raise ImportRefused("-o pool is of a history; with -o users each user has a vector, drop one of them")
        users = read(Path(options["users"]), options, keys=options.get("user_keys"), called="users-{}")
        if users.dim != items.dim:
            raise ImportRefused(
                f"{users.name} has {users.dim} numbers a row, {items.name} {items.dim}; give one training run's"
            )
    inputs, features = _sides(items, users, pool)
    tables = {"items": items.table} if users is None else {"items": items.table, "users": users.table}
    return Proposal(
        inputs=inputs,
        features=features,
        steps=(StepSource(format="numpy", engine="dot", options={"metric": metric}),),
        score="score",
        files={**items.files, **({} if users is None else users.files)},
        kept=True,
        tables=tables,
        oracle=oracle.Formula(items, users, metric, pool),
        notes=tuple(_notes(items, users, metric, pool)),
    )


def _sides(
    items: Vectors, users: Vectors | None, pool: str
) -> tuple[dict[str, ProposedInput], dict[str, dict[str, Any]]]:
    item = ProposedInput({"type": items.kind}, items.one, side="item")
    feature = {"kind": "embedding", "of": "item_id", "table": "items"}
    if users is None:
        fields = {"type": items.kind, "list": True, "default": []}
        return (
            {"history": ProposedInput(fields, items.many, side="user"), "item_id": item},
            {"user": {**feature, "of": "history", "pool": pool}, "item": feature},
        )
    return (
        {"user_id": ProposedInput({"type": users.kind}, users.one, side="user"), "item_id": item},
        {"user": {**feature, "of": "user_id", "table": "users"}, "item": feature},
    )


def _one(options: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    found = options.get(name, allowed[0])
    if found not in allowed:
        raise ImportRefused(f"-o {name}={found}: allowed are {', '.join(allowed)}")
    return found


def _notes(items: Vectors, users: Vectors | None, metric: str, pool: str) -> list[str]:
    told = [
        f"{items.name} has {items.rows} vectors of {items.dim} numbers; an item that it does not have scores 0: see "
        "`missing` of its table",
        f"scores are the {'product' if metric == 'dot' else 'cosine'} of the user's and the item's vector: -o metric=… "
        "for the other",
    ]
    if users is None:
        told.append(
            f"no file has the users' vectors: theirs is the {pool} of the items in their history; -o users=FILE names "
            "one"
        )
    return told
