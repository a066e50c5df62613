"""Which of a model's outputs ranks: the probability of the positive class, or what the author asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused

METHODS = ("predict_proba", "decision_function", "predict")


@dataclass(frozen=True)
class Choice:
    """method: the model's own. column: of what it returns, None where that is one number a row anyway."""

    method: str
    column: int | None
    told: bool = False


def choose(model: Any, options: Mapping[str, str]) -> Choice:
    """Raises ImportRefused for a model without predictions, and for several outputs without a choice among them."""
    classes = getattr(model, "classes_", None)
    if isinstance(classes, list):
        raise ImportRefused("predicts several targets of classes at once, which is not served; save a model of one")
    method = _method(model, options.get("method"), classes)
    if {"column", "class"} <= set(options):
        raise ImportRefused("-o column and -o class are one choice; give one of them")
    names = [] if classes is None else [str(name) for name in np.asarray(classes).tolist()]
    asked = _asked(options, names)
    if method == "predict" or classes is None:
        if method == "predict" and classes is not None:
            _check_labels(classes)
        return Choice(method, asked, told=asked is not None)
    if len(names) == 2:
        positive = 1 if asked is None else asked
        if positive not in (0, 1):
            raise ImportRefused(f"-o column={positive} is not there; it has columns 0 and 1, of the classes {names}")
        if method == "decision_function" and positive == 0:
            raise ImportRefused(
                "decision_function is one number, for the second class; -o method=predict_proba has both"
            )
        return Choice(method, positive if method == "predict_proba" else None, told=asked is not None)
    if asked is None and len(names) > 2:
        raise ImportRefused(f"has the classes {', '.join(names)[:200]}; say which one ranks: -o class={names[-1]}")
    if asked is not None and not 0 <= asked < len(names):
        raise ImportRefused(f"-o column={asked} is not there; it has columns 0 to {len(names) - 1}")
    return Choice(method, asked or 0, told=True)


def _method(model: Any, wanted: str | None, classes: Any) -> str:
    if wanted is not None and wanted not in METHODS:
        raise ImportRefused(f"-o method={wanted} is not known: {', '.join(METHODS)}")
    has = [name for name in METHODS if hasattr(model, name)]
    if hasattr(model, "fit_predict") and not hasattr(model, "decision_function"):
        raise ImportRefused(f"{type(model).__name__} predicts the number of a cluster, which does not rank")
    if not has:
        raise ImportRefused(f"{type(model).__name__} predicts nothing: end the pipeline with a fitted predictor")
    if wanted is not None:
        if wanted not in has:
            raise ImportRefused(f"{type(model).__name__} has no {wanted}; it has {', '.join(has)}")
        return wanted
    if classes is None and "predict" in has and "decision_function" not in has:
        return "predict"
    return has[0]


def _asked(options: Mapping[str, str], names: list[str]) -> int | None:
    if "class" in options:
        if options["class"] not in names:
            raise ImportRefused(
                f"-o class={options['class']} is none of its classes: {', '.join(names)[:200] or 'none'}"
            )
        return names.index(options["class"])
    if "column" not in options:
        return None
    if not options["column"].isdecimal() or len(options["column"]) > 6:
        raise ImportRefused(f"-o column={options['column'][:20]} is no whole number")
    return int(options["column"])


def _check_labels(classes: Any) -> None:
    if np.asarray(classes).dtype.kind not in "biuf":
        raise ImportRefused("predict gives names of classes, which do not rank; -o method=predict_proba gives numbers")
