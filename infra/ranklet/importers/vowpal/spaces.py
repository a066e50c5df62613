"""The author's line for the engine `hashed`: each token a feature of the kind `vw`, in its namespace."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.lines.inputs import Raw, kinds_of, raws
from ranklet.importers.lines.template import LINE, Token
from ranklet.importers.vowpal.header import WILDCARD, Header
from ranklet.importers.vowpal.reading import Vowpal
from ranklet_features.murmur3 import one as murmur3

UNNAMED = " "
"""The namespace of `|` without a name."""

WORTH_TRYING: Mapping[Any, Sequence[Any]] = {
    "int": (0, 1, 7, 25, 300, 1682, 40_000_000_000, -5),
    "string": ("a", "12", "007", "Drama", "Żółw", "a-rather-long-value-of-many-letters", "x=y"),
}


@dataclass
class Drafted:
    """raws, features: of model.toml. carriers: engine input → tensor, where they differ. options: of the engine."""

    raws: dict[str, Raw]
    features: dict[str, dict[str, Any]] = field(default_factory=dict)
    carriers: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def space_of(token: Token) -> str:
    """Its namespace, as interactions name it: the first letter."""
    return token.space[:1] or UNNAMED


def read_tokens(header: Header, tokens: Sequence[Token]) -> tuple[Token, ...]:
    """Those that count: of namespaces that the model reads, and that stand alone or in an interaction.

    Raises ImportRefused for a namespace that does not begin with a letter of ASCII: Vowpal Wabbit takes it by its byte.
    """
    if strange := [token.space for token in tokens if not space_of(token).isascii()]:
        raise ImportRefused(
            f"-o {LINE}: the namespace {strange[0]!r} is told by its first byte; train with one of ASCII"
        )
    kept = header.kept
    read = [
        token for token in tokens if space_of(token) not in header.ignored and (kept is None or space_of(token) in kept)
    ]
    spaces = list(dict.fromkeys(map(space_of, read)))
    met = {name for names in interactions(header, spaces) for name in names}
    return tuple(token for token in read if space_of(token) in met or space_of(token) not in header.unweighed)


def index(header: Header, name: str, seed: int) -> int:
    """Where a name's weight lies (vw/common/hash.h: hashstring, hashall)."""
    if not header.hash_all and name.isdigit() and name.isascii():
        return (int(name) + seed) & ((1 << header.bits) - 1)
    return murmur3(name.encode(), seed) & ((1 << header.bits) - 1)


def seed_of(header: Header, space: str) -> int:
    """What the names of a namespace are hashed with."""
    if not space:
        return murmur3(b"", header.seed) if header.seed else 0
    if not header.hash_all and space.isdigit() and space.isascii():
        return (int(space) + header.seed) & 0xFFFFFFFF
    return murmur3(space.encode(), header.seed)


def interactions(header: Header, spaces: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Those of namespaces that the line has, `::` written out; of those that differ in their order, the first in the
    alphabet alone (vw/core/interactions.cc: sort_and_filter_duplicate_interactions). Raises ImportRefused."""
    every = [one for written in header.interactions for one in _written_out(written, spaces, both=header.duplicates)]
    seen: set[tuple[str, ...]] = set()
    for one in sorted(every):
        key = tuple(sorted(one))
        if set(one) <= set(spaces) and (key not in seen or header.duplicates):
            seen.add(key)
            yield one


def _written_out(written: str, spaces: Sequence[str], *, both: bool) -> list[tuple[str, ...]]:
    """both: pairs of `::` in either order."""
    if WILDCARD not in written:
        if len(written) < 2:
            raise ImportRefused(f"the interaction {written!r} is none; train again")
        # One that names a namespace twice is sorted, others stay as they are.
        return [tuple(written) if len(set(written)) == len(written) else tuple(sorted(written))]
    if written not in ("::", ":::"):
        raise ImportRefused(f"the interaction {written} is not served: write out what : stands for, or train with ::")
    every = list(combinations_with_replacement(sorted(spaces), len(written)))
    if written == "::":
        return every + [one[::-1] for one in every if both and one[0] != one[1]]
    # Triples of different namespaces come from the last to the first; what 9.11 does, seen in its --invert_hash.
    return [one[::-1] if len(set(one)) == 3 else one for one in every]


def draft(model: Vowpal, tokens: Sequence[Token]) -> Drafted:
    """Raises ImportRefused naming the token, or the interaction, that is not served."""
    header = model.header
    read = read_tokens(header, tokens)
    if not read:
        raise ImportRefused(
            f"-o {LINE} has no feature of a namespace that the model reads; see its --ignore and --keep"
        )
    kinds = {name: kind or "string" for name, kind in kinds_of(read).items()}
    made = Drafted(raws(read, kinds, {}, WORTH_TRYING))
    spaces = list(dict.fromkeys(space_of(token) for token in read))
    met = list(interactions(header, spaces))
    made.options = {
        "bits": header.bits,
        "namespaces": {},
        "at": {},
        "scales": {},
        "values": {},
        "linear": [name for name in spaces if name not in header.unweighed],
        "interactions": [list(one) for one in met],
        "link": header.link,
        **{name: bound for name, bound in (("low", header.low), ("high", header.high)) if math.isfinite(bound)},
    }
    for token in read:
        _add(made, header, token)
    made.options = {name: value for name, value in made.options.items() if value not in ({}, [])}
    made.notes = tuple(_notes(model, tokens, read, spaces))
    return made


def _add(made: Drafted, header: Header, token: Token) -> None:
    seed = seed_of(header, token.space)
    wanted = token.place.name if token.place else token.value
    if not isinstance(wanted, str):
        raise ImportRefused(
            f"-o {LINE}: {token.text!r} is the same in every line; write {token.before}:{{name}} and give that input "
            f"default = {token.constant:g} in model.toml"
        )
    name = _free(made, wanted)
    made.options["namespaces"][name] = space_of(token)
    if token.constant != 1:
        made.options["scales"][name] = token.constant
    if token.place is None:
        made.options["at"][name] = index(header, token.before, seed)
        tensor = _number(made, wanted)
        if tensor != name:
            made.carriers[name] = tensor
        return
    if token.after:
        raise ImportRefused(f"-o {LINE}: {token.text!r}: a name ends with its raw input; write it in front, or send it")
    feature: dict[str, Any] = {"kind": "vw", "of": token.place.name, "bits": header.bits}
    feature |= {"seed": seed} if seed else {}
    feature |= {"before": token.before} if token.before else {}
    feature |= {"plain": True} if header.hash_all else {}
    raw = made.raws[token.place.name]
    feature |= {"absent": raw.absent} if raw.kind == "int" and not raw.many else {}
    if isinstance(token.value, str):
        _weigh(made, feature, name, token)
    made.features[name] = feature


def _weigh(made: Drafted, feature: dict[str, Any], name: str, token: Token) -> None:
    """x of names: of a list a tensor beside it, of a single name a feature of its own."""
    assert token.place is not None and isinstance(token.value, str)
    carrier = f"{name}_weights"
    made.options["values"][name] = carrier
    if token.place.many:
        feature["weights"] = token.value
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
    while name in made.options["namespaces"] or name in made.features:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _notes(model: Vowpal, tokens: Sequence[Token], read: Sequence[Token], spaces: Sequence[str]) -> Iterator[str]:
    header = model.header
    full = len(model.index) / (1 << header.bits)
    yield (
        f"{len(model.index)} of 2^{header.bits} weights are not 0 ({full:.1%}): features that share one score as they "
        "did in training"
    )
    yield (
        "names are hashed: a wrong name in the line, or another case, reads another weight, which no check sees but "
        "golden rows with the trainer's own scores (--rows with -o binary=model.vw)"
    )
    if len(read) < len(tokens):
        yield f"of {len(tokens)} features of the line {len(read)} are read: see --ignore and --keep"
    absent = sorted({name for one in header.interactions for name in one if name not in (*spaces, WILDCARD)})
    if absent:
        yield f"interactions with the namespaces {', '.join(absent)} count nothing: the line does not have them"
