"""What a request may say beside user, context, items and top_k, where the model has it: a token, and wishes.

`token` stands in the place of user and context (`ranklet_runtime.tokens`). `explore: false` and `seed` are for steps
after the scores, and only where model.toml lists them in `[after] requests`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet_runtime.errors import BadRequest
from ranklet_runtime.messages import More
from ranklet_runtime.served import Served

SEEDS = 1 << 53
"""Seeds lie below: so large a whole number is exact in every JSON reader."""


def allowed(served: Served) -> frozenset[str]:
    """The names that a request to this model may have besides."""
    manifest = served.manifest
    token = {"token"} if manifest.token is not None else set()
    return frozenset({*token, *manifest.after.get("requests", ())})


def read(document: Mapping[Any, Any], common: frozenset[str], served: Served) -> More | None:
    """The rest of a request's fields. common: those that are read elsewhere. None where nothing of it counts.

    Raises BadRequest for a name that the model does not have, unless it ignores such, and for a wrong value.
    """
    known = allowed(served)
    strangers = document.keys() - common - known
    # A token that is ignored would be a user who is ranked as nobody, so it is refused whatever else may be ignored.
    if strangers and (served.manifest.surplus == "refuse" or "token" in strangers):
        name = "token" if "token" in strangers else min(map(str, strangers))
        raise BadRequest(f"no such field; allowed: {', '.join(sorted(common | known))}", path=f"$.{name}")
    token, explore, seed = (document.get(name) if name in known else None for name in ("token", "explore", "seed"))
    if token is not None and not isinstance(token, str):
        raise BadRequest("must be the text that `:prepare` answered", path="$.token")
    if token is not None and (twice := [name for name in ("user", "context") if document.get(name)]):
        raise BadRequest("is in the token already; send one of both", path=f"$.{twice[0]}")
    if explore is not None and type(explore) is not bool:
        raise BadRequest("must be true or false", path="$.explore")
    if seed is not None and (type(seed) is not int or not 0 <= seed < SEEDS):
        raise BadRequest("must be a whole number from 0 to 2^53 - 1", path="$.seed")
    more = More(token=token, explore=explore is not False, seed=seed)
    return None if more == More() else more
