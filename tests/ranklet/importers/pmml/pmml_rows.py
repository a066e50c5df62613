"""Raw rows to ask a PMML file: at and around all that it compares with; missing, unknown and invalid values too."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

COUNT = 200
NUMBERS = ("double", "float", "integer")
OFFSETS = (0.0, 0.0, 0.0, 0.001, -0.001, 0.5, -0.5, 1.0, -1.0)
STRANGER = "zzz"


def drawn(
    text: str, seed: str, *, like: Mapping[str, Sequence[Any]] | None = None, missing: float = 0.08, count: int = COUNT
) -> dict[str, list[Any]]:
    """like: values that a field has in its training data. Of the rest, what the file itself names."""
    root, chance = ET.fromstring(text), random.Random(seed)
    known = _known(root)
    targets = _targets(root)
    fields = [one for one in root.iter() if _tag(one) == "DataField" and one.get("name") not in targets]
    rows = {}
    for field in fields:
        name, kind = field.get("name", ""), field.get("dataType", "string")
        given = list((like or {}).get(name, ()))
        rows[name] = [
            None if chance.random() < missing else _value(kind, known.get(name, []), given, chance)
            for _ in range(count)
        ]
    return rows


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _targets(root: ET.Element) -> set[str]:
    """Of the outermost model."""
    model = next(one for one in root if any(_tag(child) == "MiningSchema" for child in one))
    schema = next(child for child in model if _tag(child) == "MiningSchema")
    usages = {one.get("name", ""): one.get("usageType", "active") for one in schema}
    active = {name for name, usage in usages.items() if usage in ("active", "supplementary", "group", "order")}
    named = {one.get("name", "") for one in root.iter() if _tag(one) == "DataField"}
    return named - active


def _known(root: ET.Element) -> dict[str, list[str]]:
    """What the file compares each field with."""
    found: dict[str, list[str]] = {}
    for element in root.iter():
        name = element.get("field") or element.get("predictorName") or element.get("fieldName") or element.get("name")
        if name is None:
            continue
        words = found.setdefault(name, [])
        words += [value for value in (element.get("value"), *_below(element)) if value is not None]
    return found


def _below(element: ET.Element) -> list[str | None]:
    found: list[str | None] = []
    for child in element.iter():
        if _tag(child) == "Array" and _tag(element) == "SimpleSetPredicate":
            found += [one or two for one, two in re.findall(r'"([^"]*)"|(\S+)', child.text or "")]
        if _tag(element) in ("DataField", "NormContinuous", "Discretize", "BayesInput"):
            found += [
                child.get(name) for name in ("value", "leftMargin", "rightMargin", "orig", "lowValue", "highValue")
            ]
        if _tag(element) == "MiningField":
            found += [element.get(name) for name in ("lowValue", "highValue", "missingValueReplacement")]
    return found


def _value(kind: str, known: list[str], given: Sequence[Any], chance: random.Random) -> Any:
    if kind == "boolean":
        return chance.choice(("true", "false"))
    if kind not in NUMBERS:
        if chance.random() < 0.05:
            return STRANGER
        return str(chance.choice(list(given) or list(dict.fromkeys(known)) or ["a", "b", STRANGER]))
    found = _number(known, given, chance)
    if kind == "integer":
        return round(found)
    return float(f"{found:.6g}")


def _number(known: list[str], given: Sequence[Any], chance: random.Random) -> float:
    numbers = [float(one) for one in dict.fromkeys(known) if _is_number(one) and abs(float(one)) < 1e30]
    how = chance.random()
    if given and how < 0.6:
        return float(chance.choice(given)) + chance.choice((0.0, 0.1, -0.1))
    if numbers and how < 0.9:
        return chance.choice(numbers) + chance.choice(OFFSETS)
    return round(chance.gauss(0, 2), 2)


def _is_number(word: str) -> bool:
    try:
        return float(word) == float(word)
    except ValueError:
        return False
