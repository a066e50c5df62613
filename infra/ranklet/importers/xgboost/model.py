"""From a document to records: XGBoost compares and sums float32."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.trees.records import Ensemble, Link
from ranklet.importers.trees.text import writable
from ranklet.importers.xgboost import categories, linear, trees, ubj
from ranklet.importers.xgboost.fields import Fields

MAX_OUTPUTS = 1 << 14


Floats = NDArray[np.float32]

_NEAR = np.float32(1e-6)
"""kRtEps."""


def _logit(base: Floats) -> Floats:
    """Of a probability kept off 0 and 1, as LogisticProbToMargin does."""
    if not ((base >= 0) & (base <= 1)).all():
        raise _wrong(base, "0 to 1")
    kept = np.minimum(np.maximum(base, _NEAR), np.float32(1) - _NEAR)
    found: Floats = -np.log(np.float32(1) / kept - np.float32(1))
    return found


def _log(base: Floats) -> Floats:
    if not (base > 0).all():
        raise _wrong(base, "above 0")
    return np.log(base)


def _steps(base: Floats) -> Floats:
    """Expectiles rise: each but the first is the softplus of a number above the one before it (expectile_obj.cc)."""
    rise = np.maximum(np.diff(base) - _NEAR, _NEAR)
    return np.concatenate([base[:1], rise + np.log(-np.expm1(-rise))])


def _same(base: Floats) -> Floats:
    return base


def _wrong(base: Floats, wanted: str) -> ImportRefused:
    return ImportRefused(f"learner.learner_model_param.base_score is {base.tolist()}; this objective needs {wanted}")


class _Objective(NamedTuple):
    """base: from the base score [outputs] as the file has it to what the trees add to."""

    link: Link
    base: Callable[[Floats], Floats] = _same


OBJECTIVES: Mapping[str, _Objective] = {
    **dict.fromkeys(("binary:logistic", "reg:logistic"), _Objective("sigmoid", _logit)),
    "binary:hinge": _Objective("hinge"),
    "reg:expectileerror": _Objective("steps", _steps),
    "multi:softprob": _Objective("softmax"),
    "multi:softmax": _Objective("argmax"),
    **dict.fromkeys(
        ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"), _Objective("exp", _log)
    ),
    **dict.fromkeys(
        (
            "binary:logitraw",
            "reg:squarederror",
            "reg:linear",
            "reg:squaredlogerror",
            "reg:pseudohubererror",
            "reg:absoluteerror",
            "reg:quantileerror",
            "rank:pairwise",
            "rank:ndcg",
            "rank:map",
        ),
        _Objective("identity"),
    ),
}
"""Objective → its link, as `ObjFunction::PredTransform` and `ProbToMargin` have them (src/objective)."""


def read(content: bytes, options: Mapping[str, Any]) -> Ensemble:
    """Raises ImportRefused naming the field that is not served, or not as XGBoost writes it."""
    learner = Fields(document(content), "").at("learner")
    booster, params = learner.at("gradient_booster"), learner.at("learner_model_param")
    name = learner.at("objective").text("name")
    if name not in OBJECTIVES:
        raise ImportRefused(f"learner.objective.name is {name!r}; served are {sorted(OBJECTIVES)}")
    base, width = _base(params, OBJECTIVES[name]), params.whole("num_feature")
    empty = Ensemble((), "float32", True, width, base, OBJECTIVES[name].link, names=_names(learner, width))
    if booster.text("name") == "gblinear":
        return _weighted(booster, empty, options)
    gbtree, weights = _gbtree(booster)
    number, notes = _trees_to_use(learner, gbtree, len(base), options.get("iterations"))
    return replace(
        empty,
        trees=trees.read(gbtree, number, weights, outputs=len(base)),
        categories=categories.read(gbtree, width) if empty.names else {},
        notes=notes,
    )


def _weighted(booster: Fields, empty: Ensemble, options: Mapping[str, Any]) -> Ensemble:
    """gblinear: the bias adds to the base score, of several the first, as XGBoost has it for every output."""
    if "iterations" in options:
        raise ImportRefused("options.iterations is for trees; gblinear predicts by all rounds")
    weights, bias = linear.read(booster, empty.width, empty.targets)
    base = bias + np.float32(empty.base[0])
    return replace(empty, base=tuple(base.tolist()), weights=weights)


def document(content: bytes) -> Mapping[str, Any]:
    """What the file holds. Raises ImportRefused for one that is neither JSON nor UBJ."""
    if not content.lstrip()[:1] == b"{":
        raise ImportRefused("it does not begin with {, as JSON and UBJ do; save it as .json or .ubj")
    if ubj.is_ubj(content):
        return ubj.decode(content)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"no JSON: {str(error)[:200]}; save the model again") from error
    return found if isinstance(found, dict) else {}


def _gbtree(booster: Fields) -> tuple[Fields, tuple[float, ...] | None]:
    """The trees, and of dart the weight of each: until 3.2 a booster of its own, in 3.3 a list beside the trees, since
    3.4 one among them."""
    name = booster.text("name")
    if name not in ("gbtree", "dart"):
        raise ImportRefused(f"learner.gradient_booster.name is {name!r}; served are gbtree, dart and gblinear")
    booster.only({"name", "model", "gbtree", "weight_drop"})
    model = booster.at("gbtree").at("model") if name == "dart" else booster.at("model")
    model.only({"cats", "gbtree_model_param", "iteration_indptr", "tree_info", "trees", "weight_drop"})
    holders = [one for one in (booster, model) if one.has("weight_drop")]
    if len(holders) > 1:
        raise ImportRefused(f"{booster.place} and {model.place} both have weight_drop; save the model again")
    return model, tuple(holders[0].floats("weight_drop").tolist()) if holders else None


def _base(params: Fields, objective: _Objective) -> tuple[float, ...]:
    """One number an output: the file has one for all (until 3.0), or a list."""
    outputs = max(params.whole("num_class", 0), params.whole("num_target", 1), 1)
    text = params.text("base_score")
    try:
        found = [float(np.float32(part)) for part in text.strip("[]").split(",")]
    except ValueError as error:
        raise params.fault("base_score", text, "a number, or a list of them") from error
    if len(found) not in (1, outputs) or outputs > MAX_OUTPUTS:
        raise params.fault("base_score", text, f"one number, or one for each of {outputs} outputs")
    given = np.array(found * outputs if len(found) == 1 else found, np.float32)
    return tuple(objective.base(given).astype(np.float32).tolist())


def _names(learner: Fields, width: int) -> tuple[str, ...]:
    names = learner.items("feature_names") if learner.has("feature_names") else []
    if not all(isinstance(name, str) for name in names) or len(names) not in (0, width):
        raise learner.fault("feature_names", names, f"{width} names")
    if len(set(names)) != len(names) or not all(map(writable, names)):
        raise learner.fault("feature_names", names, "names that differ, all of them text")
    return () if all(name == f"f{at}" for at, name in enumerate(names)) else tuple(names)


def _trees_to_use(learner: Fields, model: Fields, outputs: int, asked: Any) -> tuple[int, tuple[str, ...]]:
    """How many trees, from the first, predict; and what to say of it."""
    trees = len(model.items("trees"))
    starts = _iterations(model, outputs, trees)
    attributes = learner.at("attributes") if learner.has("attributes") else Fields({}, "learner.attributes")
    best = attributes.whole("best_iteration") + 1 if attributes.has("best_iteration") else None
    how = asked if asked is not None else "best" if best and attributes.has("scikit_learn") else "all"
    if how == "best" and best is None:
        raise ImportRefused('options.iterations is "best"; the file has no best_iteration, nothing stopped early')
    rounds = {"all": len(starts) - 1, "best": best}.get(how, how) if isinstance(how, str) else how
    if type(rounds) is not int or not min(1, len(starts) - 1) <= rounds < len(starts):
        raise ImportRefused(f'options.iterations is {how!r}; give 1 to {len(starts) - 1}, "all" or "best"')
    if best is None:
        return starts[rounds], ()
    told = f"{rounds} of {len(starts) - 1} rounds predict; early stopping found {best} best: see options.iterations"
    return starts[rounds], (told,)


def _iterations(model: Fields, outputs: int, trees: int) -> list[int]:
    """The first tree of each round, and the end. Of trees whose leaves are vectors a round has one."""
    if model.has("iteration_indptr"):
        found = model.ints("iteration_indptr")
        if not len(found) or found[0] != 0 or found[-1] != trees or (np.diff(found) < 0).any():
            raise model.fault("iteration_indptr", found.tolist(), f"a rising list from 0 to {trees}")
        return [int(start) for start in found]
    parallel = model.at("gbtree_model_param").whole("num_parallel_tree", 1)
    step = max(1, parallel) * (1 if _has_vectors(model) else outputs)
    if trees % step:
        raise ImportRefused(f"{model.place} has {trees} trees, which are no rounds of {step}; save the model again")
    return list(range(0, trees + 1, step))


def _has_vectors(model: Fields) -> bool:
    first = model.items("trees")[:1]
    return bool(first) and model.of(first[0], "trees[0]").at("tree_param").whole("size_leaf_vector", 1) > 1
