"""Tokens whose names the model knows → inputs, features, and the arrays of the engine."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.lines.inputs import Raw, kinds_of, raws
from ranklet.importers.lines.known import Known
from ranklet.importers.lines.template import LINE, Kind, Token
from ranklet.importers.lines.weights import Floats, Weights

FEW = 20
"""Values of a vocabulary that stand in model.toml; more get a file."""

MOST_BYTES = 1 << 30


@dataclass
class Drafted:
    """raws, features: of model.toml. carriers: engine input → tensor, where they differ. options: of the engine."""

    raws: dict[str, Raw]
    features: dict[str, dict[str, Any]] = field(default_factory=dict)
    carriers: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def draft(weights: Weights, found: Sequence[Known]) -> Drafted:
    """Raises ImportRefused naming the token that is not served."""
    _refuse_size(weights, found)
    made = Drafted(_raws(found), options=dict(weights.more), arrays={"bias": np.array([weights.bias], np.float32)})
    fields = _fields(weights, found)
    if weights.measures:
        made.options["normalize"] = weights.normalize
    if fields:
        made.options |= {"fields": [f"f{name}" for name in fields], "field_of": {}}
    blocks = [_block(one) for one in found]
    for one, block in zip(found, blocks, strict=True):
        name = table = _add(made, weights, one)
        if block is not None and blocks.count(block) > 1:
            table = f"indices_{block}"
            made.options.setdefault("tables", {})[name] = table
        if not {f"w.{table}", f"v.{table}"} & made.arrays.keys():
            _take(made.arrays, weights, one, table, [weights.fields.index(field) for field in fields])
        if fields:
            made.options["field_of"][name] = f"f{one.token.field}"
    return made


def _raws(found: Sequence[Known]) -> dict[str, Raw]:
    tokens = [one.token for one in found]
    kinds: dict[str, Kind] = {name: kind or "string" for name, kind in kinds_of(tokens).items()}
    values: dict[str, Sequence[Any]] = {}
    for one in found:
        if (place := one.token.place) is not None and len(one.values) > len(values.get(place.name, ())):
            values[place.name] = one.values
    return raws(tokens, kinds, values)


def _refuse_size(weights: Weights, found: Sequence[Known]) -> None:
    each = 4 if weights.v is None else 4 * (1 + weights.v[0].size)
    once = {_block(one) or str(at): one for at, one in enumerate(found)}.values()
    if (size := each * sum(len(one.rows) for one in once)) > MOST_BYTES:
        largest = max(once, key=lambda one: len(one.rows))
        raise ImportRefused(
            f"-o {LINE}: the weights that its features can have take {size} bytes, at most {MOST_BYTES} are packaged; "
            f"{largest.token.text!r} has {len(largest.rows)} names: train with a stronger L1, or give ids as {{name+9}}"
        )


def _block(one: Known) -> str | None:
    """A name for the rows of indices, so that inputs with the same ones share a table; None for rows of names."""
    if not isinstance(one.values, range):
        return None
    first = int(one.rows[0])
    return f"{first}_to_{first + len(one.rows) - 1}_times_{one.token.constant:g}"


def _fields(weights: Weights, found: Sequence[Known]) -> list[str]:
    """Those that the line has, in the model's order: no other is ever met."""
    if weights.engine != "ffm":
        return []
    for one in found:
        if one.token.field not in weights.fields:
            raise ImportRefused(
                f"-o {LINE}: {one.token.text!r}: the model has no field {one.token.field!r}; it has 0 … "
                f"{len(weights.fields) - 1}"
            )
    used = {one.token.field for one in found}
    return [name for name in weights.fields if name in used]


def _add(made: Drafted, weights: Weights, one: Known) -> str:
    """One feature, or a tensor that is there already; returns the engine's name of it."""
    token = one.token
    if token.place is None:
        if not isinstance(token.value, str):
            raise ImportRefused(
                f"-o {LINE}: {token.text!r} is the same in every line; write {token.before}:{{name}} and give that "
                f"input default = {token.constant:g} in model.toml"
            )
        name = _free(made, token.value)
        if (tensor := _number(made, token.value)) != name:
            made.carriers[name] = tensor
        return name
    if weights.measures and token.constant != 1:
        raise ImportRefused(
            f"-o {LINE}: {token.text!r}: give its value as an input, {token.text.rsplit(':', 1)[0]}:{{x}}"
        )
    name = _free(made, token.place.name)
    made.features[name] = _feature(made, weights, one, name)
    if isinstance(token.value, str):
        _weigh(made, name, token)
    return name


def _feature(made: Drafted, weights: Weights, one: Known, name: str) -> dict[str, Any]:
    """Unknown names read nothing; where the length of x counts, a row of zeros, which missing values do not have."""
    place = one.token.place
    assert place is not None
    feature: dict[str, Any] = {"kind": "bag" if place.many else "category", "of": place.name}
    feature |= {"size": len(one.values)} if isinstance(one.values, range) else {"vocabulary": _words(made, one, name)}
    if not weights.measures:
        return feature | {"oov_index": -1}
    raw = made.raws[place.name]
    if not place.many:
        return feature | {"absent": raw.absent}
    return feature | ({"absent": ""} if raw.kind == "string" else {})


def _words(made: Drafted, one: Known, name: str) -> Any:
    values = list(one.values)
    if len(values) <= FEW:
        return values
    if isinstance(values[0], str):
        file, content = f"vocabularies/{name}.json", orjson.dumps(values)
    else:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, np.array(values, np.int64), version=(1, 0), allow_pickle=False)
        file, content = f"vocabularies/{name}.npy", stream.getvalue()
    made.files[file] = content
    return file


def _weigh(made: Drafted, name: str, token: Token) -> None:
    """x of names: of a list a tensor beside it, of a single name a feature of its own."""
    assert token.place is not None and isinstance(token.value, str)
    carrier = f"{name}_weights"
    made.options.setdefault("values", {})[name] = carrier
    if token.place.many:
        made.features[name]["weights"] = token.value
    else:
        made.carriers[carrier] = _number(made, token.value)


def _number(made: Drafted, raw: str) -> str:
    """The tensor of a raw number."""
    for name, feature in made.features.items():
        if feature["kind"] == "dense" and feature["of"] == raw:
            return name
    name = raw if raw not in made.features else f"{raw}_number"
    made.features[name] = {"kind": "dense", "of": raw}
    return name


def _free(made: Drafted, wanted: str) -> str:
    name, number = wanted, 2
    while f"w.{name}" in made.arrays or f"v.{name}" in made.arrays or name in made.features:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _take(arrays: dict[str, Any], weights: Weights, one: Known, table: str, fields: list[int]) -> None:
    """The rows of its names, and one of zeros for the unknown where the length of x counts."""
    scale = one.token.constant
    extra = weights.measures and one.token.place is not None
    if weights.w is not None:
        arrays[f"w.{table}"] = _rows(weights.w[one.rows], scale, extra)
    if weights.v is not None:
        taken = weights.v[one.rows]
        arrays[f"v.{table}"] = _rows(taken[:, fields] if fields else taken, scale, extra)


def _rows(taken: Floats, scale: float, extra: bool) -> Floats:
    found = taken if scale == 1 else (taken * np.float64(scale)).astype(np.float32)
    return np.concatenate([found, np.zeros((1, *found.shape[1:]), np.float32)]) if extra else found
