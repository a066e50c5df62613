"""Raw inputs: one for each feature, by its name, with values worth trying.

The file does not say whether a category is text or an integer, since both are hashed as text: the hashes that the model
knows tell, or the author. What the model does not look at may be left out of a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.catboost import drawing, known
from ranklet.importers.catboost.document import Document, FloatFeature
from ranklet.importers.catboost.features import Features
from ranklet.importers.proposal import ProposedInput

INTEGERS, STRINGS = "ints", "strings"


def inputs(found: Document, read: Features, options: Mapping[str, str]) -> dict[str, ProposedInput]:
    """Of all features, numbers first. Raises ImportRefused for an option that names no categorical feature."""
    numbers = len(read.numbers)
    made = {name: _number(one) for name, one in zip(read.names, read.numbers, strict=False)}
    asked, used = _asked(options, read), {part.of for table in read.tables for part in table.parts}
    for at, texts in enumerate(known.texts(found, read)):
        name = read.names[numbers + at]
        whole = asked.get(name, known.is_integer(read, at, texts))
        made[name] = _category(texts, whole=whole, used=numbers + at in used)
    return made


def _number(one: FloatFeature) -> ProposedInput:
    missing = one.has_nans or one.nan_value_treatment != "AsIs" or not one.borders
    fields = {"type": "float", "nan": "allow"} if missing else {"type": "float"}
    return ProposedInput(fields, partial(drawing.numbers, np.array(one.borders or [], np.float32), missing))


def _category(texts: tuple[str, ...], *, whole: bool, used: bool) -> ProposedInput:
    fields: dict[str, Any] = {"type": "int" if whole else "string"}
    if not used:
        fields["default"] = 0 if whole else ""
    if not whole:
        return ProposedInput(fields, partial(drawing.texts, texts))
    return ProposedInput(fields, partial(drawing.integers, [text for text in texts if known.whole(text)]))


def _asked(options: Mapping[str, str], read: Features) -> dict[str, bool]:
    """Category → whether it is an integer, as the author says."""
    categories = read.names[len(read.numbers) :]
    found: dict[str, bool] = {}
    for option, whole in ((INTEGERS, True), (STRINGS, False)):
        for name in filter(None, options.get(option, "").split(",")):
            if name not in categories:
                shown = ", ".join(categories) or "none"
                raise ImportRefused(f"-o {option}: no categorical feature is called {name!r}; there are: {shown}")
            found[name] = whole
    return found
