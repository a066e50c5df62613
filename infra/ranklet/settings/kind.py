"""What goes with `kind = "rank"` and with `kind = "retrieve"`; everything else is refused, lest it mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ranklet.model import Model
    from ranklet.settings.retrieve import Retrieve
    from ranklet_features.spec import Input

Kind = Literal["rank", "retrieve"]

FORBIDDEN = ("split", "output", "after", "token")
"""Sections of models that score given items."""


def problem(model: Model) -> str:
    """What contradicts the model's kind; "" for nothing."""
    if model.kind == "rank":
        if model.retrieve is not None:
            return '[retrieve] goes with kind = "retrieve"; say so, or drop it'
        return "" if model.steps else "steps must have at least one"
    if model.retrieve is None:
        return 'kind = "retrieve" needs [retrieve], which says what the items\' vectors are'
    return _sections(model) or _table(model, model.retrieve) or _user(model, model.retrieve)


def _sections(model: Model) -> str:
    fields = type(model).__struct_fields__
    defaults = dict(zip(reversed(fields), reversed(type(model).__struct_defaults__), strict=False))
    for name in FORBIDDEN:
        if name in defaults and getattr(model, name) != defaults[name]:
            return f'[{name}] is for models that score given items; kind = "retrieve" has none'
    if model.api.dialects != type(model.api)().dialects:
        return '[api] dialects are for models that score given items; kind = "retrieve" answers :retrieve and :similar'
    if items := [name for name, one in model.inputs.items() if one.side == "item"]:
        return (
            f'inputs.{items[0]} is an item\'s; the items of kind = "retrieve" are those of its table. What a tower '
            "reads of them belongs into the table's own inputs"
        )
    if wrong := [at for at, step in enumerate(model.steps) if step.rows != "user"]:
        return f'steps[{wrong[0]}] is of items; of kind = "retrieve", steps make a user\'s vector: rows = "user"'
    return ""


def _table(model: Model, retrieve: Retrieve) -> str:
    table = model.tables.get(retrieve.table)
    if table is None:
        return f"retrieve.table is {retrieve.table!r}; [tables] has {sorted(model.tables) or 'none'}"
    if narrow := [name for name, one in model.tables.items() if one.dtype != "f32" and name != retrieve.table]:
        return f'tables.{narrow[0]}.dtype is not proven with kind = "retrieve"; leave it out'
    if table.dtype != "f32":
        return f"tables.{retrieve.table}.dtype says nothing here: the index packs as retrieve.dtype says"
    if any(feature.options.get("table") == retrieve.table for feature in model.features.values()):
        return ""  # it is a table like others as well, placed as it says
    if table.placement == "dynamodb" or table.built is not None:
        return f"tables.{retrieve.table} would be in DynamoDB, where nothing can be searched; leave placement out"
    return ""


def _user(model: Model, retrieve: Retrieve) -> str:
    if retrieve.query is None and (model.steps or model.features):
        return "steps and features make a user's vector; name it in retrieve.query, or drop them"
    if retrieve.history is None:
        return ""
    declared = model.inputs.get(retrieve.history)
    if declared is None:
        return f"retrieve.history is {retrieve.history!r}; [inputs] has {sorted(model.inputs) or 'none'}"
    key = model.tables[retrieve.table].key
    return (
        ""
        if _is_history(declared, key)
        else (f'inputs.{retrieve.history} is the history of item ids: {{ side = "user", type = "{key}", list = true }}')
    )


def _is_history(declared: Input, key: str) -> bool:
    return declared.side == "user" and declared.list and declared.type == key
