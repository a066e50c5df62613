"""The proof of lists: golden requests for the best through the real handler, each list looked at by `audit`.

Without exploration nobody else may be worth more in any place, and where a golden row has the trainer's own `order`,
the list is that one. With it, the same seed must give the same list, and every propensity must be the formula's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from ranklet.after.audit import Found, Subject, audit
from ranklet.certificate import Lists
from ranklet.dialects import FORMS
from ranklet.dialects.base import Message
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.after.attributes import FILE
from ranklet_runtime.after.steps import After
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import More, Ordered, RankRequest

FORM = "native-json"
MOST, LONGEST = 20, 10
"""Golden rows and places that are looked at, as determinants take their time."""
REGRET, GAP = 1e-6, 1e-6


class Noted:
    """The steps of a function, which keep what they made the last list of."""

    def __init__(self, after: After) -> None:
        self.after = after
        self.last: tuple[Any, Mapping[str, Any], RankRequest] | None = None
        self.score = after.score

    def ordered(self, scores: Any, tensors: Mapping[str, Any], asked: RankRequest) -> Ordered | None:
        """As the steps' own."""
        self.last = (scores.copy(), dict(tensors), asked)
        return self.after.ordered(scores, tensors, asked)


def prove(function: Function, manifest: Manifest, rows: Sequence[Golden]) -> Lists | None:
    """None for a model whose lists scores alone decide. Raises ParityError naming row and place."""
    steps = [name for name in ("cap", "diversify", "explore") if name in manifest.after]
    after = function.scorer.after
    if not steps or after is None:
        return None
    noted = Noted(after)
    function.scorer.after = noted  # type: ignore[assignment]
    try:
        chosen = [(at, row) for at, row in enumerate(rows, start=1) if row.scores][:MOST]
        chosen += [(at, row) for at, row in enumerate(rows, start=1) if row.order and (at, row) not in chosen]
        known = _attribute(function)
        found = [_row(function, manifest, noted, row, at, known) for at, row in chosen]
    finally:
        function.scorer.after = after
    return Lists(
        tuple(steps),
        len(found),
        sum(1 for _, row in chosen if row.order),
        max((one.regret for one in found), default=0.0),
        max((one.gap for one in found), default=0.0),
    )


def account(lists: Lists) -> str:
    """What was proven, for whoever builds."""
    trained = f", {lists.trained} of them as the trainer has them" if lists.trained else ""
    propensities = f", propensities within {lists.gap:.0e}" if "explore" in lists.steps else ""
    return f"[after]: lists by {', '.join(lists.steps)} proven for {lists.rows} golden requests{trained}{propensities}"


def _row(
    function: Function, manifest: Manifest, noted: Noted, golden: Golden, number: int, known: Mapping[Any, list[str]]
) -> Found:
    top = len(golden.order) or min(LONGEST, len(golden.scores))
    answer = _asked(function, manifest, golden, top, number)
    if noted.last is None:
        raise ParityError(f"golden row {number}: a request for the best made no list")
    scores, tensors, asked = noted.last
    plain = noted.after.ordered(scores, tensors, replace(asked, more=More(explore=False)))
    subject = _subject(manifest, scores, tensors, asked, known)
    places = np.argsort(-scores, kind="stable")[:top] if plain is None else plain.places
    if golden.order and tuple(places.tolist()) != golden.order:
        raise ParityError(
            f"golden row {number}: the list by position is {places.tolist()}, the trainer's {list(golden.order)}"
        )
    found = _audited(subject, places.tolist(), None, number)
    explored = answer.get("explored")
    if explored is None:
        return found
    again = noted.after.ordered(scores, tensors, replace(asked, more=More(seed=explored["seed"])))
    if again is None or again.explored is None or again.explored.propensities.tolist() != explored["propensities"]:
        raise ParityError(f"golden row {number}: the seed {explored['seed']} does not give the same list again")
    # With a seed of its own, so that the certificate has the same bytes each time.
    drawn = noted.after.ordered(scores, tensors, replace(asked, more=More(seed=number)))
    assert drawn is not None and drawn.explored is not None, "as before"
    gap = _audited(subject, drawn.places.tolist(), drawn.explored.propensities.tolist(), number).gap
    return Found(found.regret, gap)


def _audited(subject: Subject, places: list[int], propensities: list[float] | None, number: int) -> Found:
    finite = [at for at, score in enumerate(subject.scores) if not np.isnan(score)]
    mine = [at for at in places if at in set(finite)]
    known = None if propensities is None else propensities[: len(mine)]
    try:
        found = audit(_only(subject, finite), [finite.index(at) for at in mine], known)
    except ValueError as error:
        raise ParityError(f"golden row {number}: the list breaks its rules: {error}") from error
    if not (found.regret <= REGRET and found.gap <= GAP):
        raise ParityError(
            f"golden row {number}: a place of the list is worth {found.regret:.1e} less than another candidate, or its "
            f"propensity {found.gap:.1e} away from the formula's"
        )
    return found


def _only(subject: Subject, rows: list[int]) -> Subject:
    return Subject(
        [float(subject.scores[at]) for at in rows],
        subject.options,
        None if subject.vectors is None else subject.vectors[rows],
        [subject.categories[at] for at in rows] if subject.categories else (),
    )


def _subject(
    manifest: Manifest, scores: Any, tensors: Mapping[str, Any], asked: RankRequest, known: Mapping[Any, list[str]]
) -> Subject:
    vectors, options = None, manifest.after.get("diversify")
    if options is not None:
        rows = tensors[options["vectors"]]
        vectors = rows.reshape(len(rows), -1)[:, : options["size"]].astype(np.float64)
    categories: list[list[Any]] = []
    if (cap := manifest.after.get("cap")) is not None:
        column = asked.items.get(str(manifest.item_key if cap.get("attribute") else cap["input"]))
        values = [None] * len(scores) if column is None else list(column)
        categories = [known.get(one, []) if cap.get("attribute") else _several(one) for one in values]
    return Subject([float(one) for one in scores], manifest.after, vectors, categories)


def _several(value: Any) -> list[Any]:
    several = value if isinstance(value, list | tuple) else [value]
    return list(dict.fromkeys(one for one in several if one is not None and one != ""))


def _attribute(function: Function) -> dict[Any, list[str]]:
    """Item → its categories, of the bundle's file."""
    folder = function.served.folder
    if folder is None or not (folder / FILE).is_file():
        return {}
    with np.load(folder / FILE, allow_pickle=False) as arrays:
        keys, rows, names = (arrays[name].tolist() for name in ("keys", "rows", "names"))
    return {key: [names[code] for code in row if code >= 0] for key, row in zip(keys, rows, strict=True)}


def _asked(function: Function, manifest: Manifest, golden: Golden, top: int, number: int) -> dict[str, Any]:
    """The answer of the handler; its items and scores are those of its list."""
    form = FORMS[FORM]
    sent = form.request(golden, manifest)
    body = orjson.dumps({**orjson.loads(sent.body), "top_k": top})
    answer = function(event_v2("POST", form.url(manifest), headers=sent.headers, body=body), None)
    if answer["statusCode"] != 200:
        raise ParityError(f"golden row {number} with top_k was answered {answer['statusCode']}: {answer['body'][:500]}")
    found: dict[str, Any] = orjson.loads(Message(answer["body"].encode(), answer["headers"]).body)
    return found
