"""The header: hash bits, the clipping of predictions, and the options that a model keeps, of which most mean that it is
not linear, or reads its lines in another way."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ranklet.errors import ImportRefused

LINKS: Mapping[str, str] = {"identity": "identity", "logistic": "sigmoid", "poisson": "exp"}
"""`--link` → the engines'."""

LINEAR = ("ftrl", "coin", "pistol", "bfgs", "sgd", "adaptive", "normalized", "invariant", "quiet", "no_stdin")
"""Flags that say how it was trained, and nothing of how it predicts."""

INTERACTIONS = ("quadratic", "cubic", "interactions")
TAKES_VALUE = ("link", "ignore", "keep", "ignore_linear", "hash", "hash_seed", *INTERACTIONS)
FLAGS = ("noconstant", "leave_duplicate_interactions", "permutations", *LINEAR)
BARRED: Mapping[str, str] = {
    "permutations": "train without it: combinations are served",
}
WILDCARD = ":"


@dataclass(frozen=True)
class Header:
    """low, high: what the logit is clipped to. link: the engines'. all: `--hash all`. seed: `--hash_seed`.

    ignored, unweighed: namespaces that are not read, and that count in interactions alone. kept: None for all.
    interactions: as written, each namespaces' first letters, `:` for any.
    """

    bits: int
    low: float
    high: float
    link: str = "identity"
    hash_all: bool = False
    seed: int = 0
    noconstant: bool = False
    ignored: frozenset[str] = frozenset()
    unweighed: frozenset[str] = frozenset()
    kept: frozenset[str] | None = None
    interactions: tuple[str, ...] = ()
    duplicates: bool = False
    remedy: str = "save it anew with --readable_model"

    @classmethod
    def read(cls, lines: Iterator[tuple[str, str]]) -> Header:
        """Up to the checksum, which is the last. Raises ImportRefused naming the option that is not served."""
        fields: dict[str, str] = {}
        for place, line in lines:
            name, colon, value = line.partition(":")
            if line.startswith("Version "):
                name, value = "version", line.removeprefix("Version ")
            elif line.startswith("Id"):
                continue
            elif not colon:
                raise ImportRefused(f"{place} is {line[:60]!r}, no line of a header; save it with --readable_model")
            if name[-6:] in (" ngram", " skip") and (name.split(" ")[0] != "0" or value):
                raise ImportRefused(f"{place}: --{name[2:]} makes features of neighbours and is not served")
            fields[name] = value
            if name == "Checksum":
                break
        options = _options(fields.get("options", ""))
        return cls(**_numbers(fields), **options)  # type: ignore[arg-type]


def _numbers(fields: Mapping[str, str]) -> dict[str, object]:
    try:
        bits, lda = int(fields["bits"]), int(fields["lda"])
        low, high = float(fields["Min label"]), float(fields["Max label"])
    except (KeyError, ValueError) as error:
        raise ImportRefused(f"the header has no readable {error}; save it with --readable_model") from error
    if not 1 <= bits <= 32:
        raise ImportRefused(f"the header has bits:{bits}; served are 1 to 32")
    if lda:
        raise ImportRefused(f"lda:{lda}: topics are not served; allowed are linear models")
    if math.isnan(low) or math.isnan(high) or low > high:
        raise ImportRefused(f"the header clips predictions to {low} … {high}; train again")
    return {"bits": bits, "low": low, "high": high}


def _options(text: str) -> dict[str, object]:
    found: dict[str, list[str]] = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ImportRefused(f"the header's options {text[:80]!r} cannot be read: {error}") from error
    while words:
        word = words.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or (name not in FLAGS and name not in TAKES_VALUE) or name in BARRED:
            remedy = BARRED.get(name, "served are linear models: see functions/README.md for the options")
            raise ImportRefused(f"the header's option {word[:40]} is not served; {remedy}")
        if name in TAKES_VALUE and not equals:
            value = words.pop(0) if words else ""
        found.setdefault(name, []).append(value)
    return _meaning(found)


def _meaning(found: Mapping[str, list[str]]) -> dict[str, object]:
    link = found.get("link", ["identity"])[-1]
    if link not in LINKS:
        raise ImportRefused(f"the header's option --link {link} is not served; served are {', '.join(LINKS)}")
    hashes = found.get("hash", ["strings"])[-1]
    if hashes not in ("strings", "all"):
        raise ImportRefused(f"the header's option --hash {hashes[:20]} is not served; served are strings and all")
    seed = found.get("hash_seed", ["0"])[-1]
    if not seed.isdigit() or int(seed) >= 1 << 32:
        raise ImportRefused(f"the header's option --hash_seed {seed[:20]} is no number of 32 bits")
    interactions = tuple(one for name in INTERACTIONS for one in found.get(name, ()))
    return {
        "link": LINKS[link],
        "hash_all": hashes == "all",
        "seed": int(seed),
        "noconstant": "noconstant" in found,
        "ignored": frozenset("".join(found.get("ignore", ()))),
        "unweighed": frozenset("".join(found.get("ignore_linear", ()))),
        "kept": frozenset("".join(found["keep"])) if "keep" in found else None,
        "interactions": interactions,
        "duplicates": "leave_duplicate_interactions" in found,
    }
