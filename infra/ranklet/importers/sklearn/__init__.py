"""scikit-learn's fitted models, pipelines with string columns among them, as feature assembly and one graph of doubles.

1. **loading** opens the file: skops with known types only, pickles where the author trusts them. 2. **choice** says
which output ranks. 3. **walk** goes through the fitted estimators: text becomes ids by [features] (**sources**), all
the rest is written on a **tape** of ONNX nodes in doubles, as scikit-learn computes; a module for each family of
estimators, **converted** for what skl2onnx writes. 4. `proving` holds all of it to the library (**oracle**), on rows
with missing, unknown and extreme values. What is not served exactly is refused by its name.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Proposal, Wishes

OPTIONS = ("method", "column", "class")
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
LOOKED_AT = 1 << 14
RELATIVE, SMALLEST, ROWS = 1e-6, 1e-3, (1, 192, 192)
"""Of the trial: sums of doubles in another order."""


def recognises(path: Path, head: bytes) -> bool:
    """A skops archive, or a pickle that names scikit-learn early on."""
    if head[:2] in PICKLES:
        with path.open("rb") as file:
            begin = file.read(LOOKED_AT)
        return any(word in begin for word in (b"sklearn.", b"xgboost.sklearn", b"lightgbm.sklearn"))
    if head[:4] != b"PK\x03\x04":
        return False
    from ranklet.importers.sklearn.loading import is_skops

    return is_skops(path)


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options: method (predict_proba, decision_function, predict), column or class of several outputs.

    Raises ImportRefused naming the step and the estimator that would not be served exactly, and the remedy.
    """
    options = wishes.only(*OPTIONS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions and of what the library finds in odd rows
            return _propose(path, wishes, options)
    except ImportRefused as error:
        raise ImportRefused(f"{path.name}: {error}") from error
    except RecursionError as error:
        raise ImportRefused(f"{path.name}: it is nested too deep to be a model; export it again") from error


def _propose(path: Path, wishes: Wishes, options: Any) -> Proposal:
    from ranklet.importers.sklearn import loading  # the library takes its time

    model, notes = loading.load(path, trust_pickle=wishes.trust_pickle)
    try:
        proposal = _held(model, options)
    except loading.FAULTS as error:
        raise ImportRefused(f"is no model as scikit-learn writes it: {loading.said(error, path)}") from error
    return replace(proposal, notes=(*notes, *proposal.notes))


def _held(model: Any, options: Mapping[str, str]) -> Proposal:
    from ranklet.importers import proving
    from ranklet.importers.sklearn import choice
    from ranklet.importers.sklearn.drafting import draft

    chosen = choice.choose(model, options)
    proposal = draft(model, chosen)
    proving.hold(proposal, relative=RELATIVE, smallest=SMALLEST, rows=ROWS)
    return proposal
