"""xLearn's text models (`setTXTModel`, `-t`): linear, FM and FFM over indices.

`bias: b`, `i_0: w` …, and `v_0: v1 … vk` of FM or `v_0_0: v1 … vk` (feature, field) of FFM, one line after the other
(src/data/model_parameters.cc: SerializeToTXT), with six digits. It does not say whether rows were normalised.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.lines import proposing, template
from ranklet.importers.lines.reading import Numbered, numbered, numbers
from ranklet.importers.lines.weights import Floats, Weights
from ranklet.importers.proposal import Proposal, Wishes

EXAMPLE = "0:{user_id+0} 1:{movie_id+943} 2:{genre_ids*+2625} 3:2644:{year}"
REMEDY = "give the text that xLearn wrote with setTXTModel() or -t"
NORMS = {"fm": "xlearn", "ffm": "unit"}
"""Engine → what xLearn's instance-wise normalisation divides by; its linear scores have none."""


def recognises(path: Path, head: bytes) -> bool:
    """As the protocol says."""
    return path.is_file() and head.startswith(b"bias: ")


def propose(path: Path, wishes: Wishes) -> Proposal:
    """As the protocol says. options: line, names; norm: on or off; link: sigmoid for setSigmoid()'s scores."""
    options = wishes.only(template.LINE, proposing.NAMES, "norm", "link")
    return proposing.propose(read(path, options), options, trainer="xLearn", example=EXAMPLE)


def read(path: Path, options: Mapping[str, str]) -> Weights:
    """Raises ImportRefused naming the line that is none of such a model, or the option that is missing."""
    lines = numbered(path, REMEDY)
    place, line = next(lines, ("line 1", ""))
    name, _, text = line.partition(": ")
    if name != "bias":
        raise ImportRefused(f"{place} is {line[:60]!r}, where `bias: b` stands; {REMEDY}")
    bias, w, first = numbers([text], place)[0], array("f"), ("", "")
    for place, line in lines:
        name, _, text = line.partition(": ")
        if name.startswith("v_"):
            first = (place, line)
            break
        if name != f"i_{len(w)}":
            raise ImportRefused(f"{place} is {line[:60]!r}, where `i_{len(w)}: w` stands; {REMEDY}")
        w.extend(numbers([text], place))
    if not w:
        raise ImportRefused(f"it has no weights; {REMEDY}")
    v, fields = (None, 0) if not first[0] else _factors(first, lines, len(w))
    engine = "linear" if v is None else "ffm" if fields else "fm"
    return Weights(
        bias,
        np.frombuffer(w, np.float32),
        v,
        fields=tuple(map(str, range(fields))),
        normalize=_norm(options, engine),
        more={"link": _link(options)},
    )


def _factors(first: tuple[str, str], lines: Numbered, count: int) -> tuple[Floats, int]:
    """[n, k] and 0, or [n, F, k] and F."""
    found, number, k, fields = array("f"), 0, 0, 0
    by_field = first[1].partition(":")[0].count("_") == 2
    place, line = first
    while line:
        name, _, text = line.partition(":")
        texts = text.split()
        k = k or len(texts)
        fields = fields or (number if by_field and name == "v_1_0" else 0)
        wanted = _wanted(number, fields, by_field=by_field)
        if name != wanted or len(texts) != k or not k:
            raise ImportRefused(f"{place} is {line[:60]!r}, where `{wanted}:` and {k} numbers stand; {REMEDY}")
        found.extend(numbers(texts, place))
        number += 1
        place, line = next(lines, ("", ""))
    fields = fields or (number if by_field else 0)
    if place or number != count * (fields or 1):
        raise ImportRefused(f"it has factors of {number} lines for {count} features; {REMEDY}")
    table = np.frombuffer(found, np.float32)
    return (table.reshape(count, fields, k) if by_field else table.reshape(count, k)), fields


def _wanted(number: int, fields: int, *, by_field: bool) -> str:
    if not by_field:
        return f"v_{number}"
    feature, field = divmod(number, fields) if fields else (0, number)
    return f"v_{feature}_{field}"


def _norm(options: Mapping[str, str], engine: str) -> str:
    norm = options.get("norm")
    if engine == "linear":
        if norm is not None:
            raise ImportRefused("-o norm is for FM and FFM: xLearn's linear scores are never normalised")
        return "none"
    if norm not in ("on", "off"):
        raise ImportRefused(
            "the file does not say whether rows were normalised: give -o norm=on, xLearn's default, or -o norm=off "
            "where it was trained with disableNorm() or --no-norm"
        )
    return NORMS[engine] if norm == "on" else "none"


def _link(options: Mapping[str, str]) -> str:
    link = options.get("link", "identity")
    if link not in ("identity", "sigmoid"):
        raise ImportRefused(
            f"-o link={link}: identity, xLearn's raw scores, or sigmoid, as setSigmoid() and --sigmoid give"
        )
    return link
