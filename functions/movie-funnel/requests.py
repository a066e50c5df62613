"""Write golden.jsonl: requests of invented people, which a build sends to the funnel and to its stages one by one.

No answer stands in it: what the stages must give was learned from their trainers, each in its own golden.jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ranklet import model
from ranklet.demo import invented, movielens, regulars
from ranklet.demo.movielens import MovieLens
from ranklet.funnels import settings

HERE = Path(__file__).resolve().parent
SEED = 20_190_623
SIDES = ("user", "context")


def declared(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a stage reads."""
    stages = [model.load(HERE.parent / stage.model).inputs for stage in settings.load(HERE).stages]
    names = {name for inputs in stages for name, one in inputs.items() if one.side in SIDES}
    return {side: {name: value for name, value in request[side].items() if name in names} for side in SIDES}


def requests(data: MovieLens) -> Iterator[dict[str, Any]]:
    """Invented people, regulars whose vectors are stored, and what callers may ask for beside them."""
    known = regulars.regulars(data)
    people = [declared(one) for one in invented.requests(data, seed=SEED)]
    for at, person in enumerate(people):
        yield {
            **person,
            "k": (1, 10, 20, 60)[at % 4],
            **({"seen": person["user"].get("history", [])} if at % 3 else {}),
        }
    for regular in known[:6]:
        yield {"user": {"user_id": regular["user_id"], "history": regular["history"]}, **_context(people[0])}
    person = people[3]
    yield {**person, "filter": {"where": {"genre": ["Western"]}}}
    yield {**person, "filter": {"where": {"genre": ["Drama", "War"], "year": [1996, 1997]}}, "k": 10}
    yield {**person, "filter": {"allow": [1, 50, 64, 127, 999_999]}}
    yield {**person, "filter": {"allow": [1, 50], "deny": [1, 50]}}
    yield {**person, "filter": {"deny": sorted(data.items)[:800]}, "seen": sorted(data.items)[800:1600]}
    yield {**person, "k": len(data.items)}
    yield {"user": {}, **_context(person)}


def _context(person: Mapping[str, Any]) -> dict[str, Any]:
    return {"context": person["context"]}


def main() -> None:
    """Write golden.jsonl."""
    with (HERE / "golden.jsonl").open("w", encoding="utf-8") as file:
        for request in requests(movielens.load()):
            file.write(json.dumps({"request": request}, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
