"""From a file to records: LightGBM compares and sums doubles, and x ≤ threshold goes left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.lightgbm import categories, text, trees
from ranklet.importers.lightgbm.text import Block
from ranklet.importers.trees.records import Ensemble, Link

FIELDS = """
    version num_class num_tree_per_iteration label_index max_feature_idx objective average_output feature_names
    monotone_constraints feature_infos tree_sizes
"""
KNOWN = frozenset(FIELDS.split())
VERSIONS = ("v3", "v4")

OBJECTIVES: Mapping[str, Link] = {
    **dict.fromkeys(
        ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg"), "identity"
    ),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), "exp"),
    **dict.fromkeys(("mean_absolute_percentage_error", "custom", "none", "null", "na"), "identity"),
    **dict.fromkeys(("binary", "multiclassova", "cross_entropy", "xentropy"), "sigmoid"),
    **dict.fromkeys(("cross_entropy_lambda", "xentlambda"), "softplus"),
    "multiclass": "softmax",
}
"""Objective, in all spellings that a file may have → its link, as `ObjectiveFunction::ConvertOutput` has them
(src/objective)."""

SCALED = {"binary", "multiclassova"}
"""Objectives whose parameter `sigmoid` multiplies the sum."""


def read(content: bytes, options: Mapping[str, Any]) -> Ensemble:
    """Raises ImportRefused naming the tree and the field that is not served, or not as LightGBM writes it."""
    head, blocks, rest = text.cut(content)
    head.only(KNOWN)
    if (version := head.text("version")) not in VERSIONS:
        raise ImportRefused(f"its version is {version!r}; read are {list(VERSIONS)}: save it with LightGBM 3 or 4")
    width = head.whole("max_feature_idx") + 1
    targets = head.whole("num_tree_per_iteration")
    if not 1 <= targets <= 1 << 14 or len(blocks) % targets:
        raise ImportRefused(f"it has {len(blocks)} trees, which are no rounds of {targets}; save the model again")
    link, scale = _link(head)
    asked = options.get("categories")
    rounds = _rounds(options.get("iterations"), len(blocks) // targets)
    if "average_output" in head.fields and blocks:
        scale /= rounds
    names, plain = _names(head, width), tuple(f"Column_{at}" for at in range(width))
    return Ensemble(
        trees=tuple(trees.read(block, number % targets) for number, block in enumerate(blocks[: rounds * targets])),
        dtype="float64",
        strict=False,
        width=width,
        base=(0.0,) * targets,
        link=link,
        scale=scale,
        names=() if names == plain else names,
        notes=_notes(rest, options),
        categories={} if names == plain else categories.read(rest, names, _infos(head, width), asked),
    )


def _rounds(asked: Any, rounds: int) -> int:
    if asked is None:
        return rounds
    if type(asked) is not int or not 1 <= asked <= rounds:
        raise ImportRefused(f"options.iterations is {asked!r}; give 1 to {rounds}")
    return asked


def _link(head: Block) -> tuple[Link, float]:
    """Of the objective, such as `binary sigmoid:1`; a model that has none, as of a custom one, gives raw sums."""
    if not head.fields.get("objective", "").strip():
        return "identity", 1.0
    name, *words = head.text("objective").split()
    if name not in OBJECTIVES:
        raise ImportRefused(f"its objective is {name!r}; served are {sorted(OBJECTIVES)}")
    link = OBJECTIVES[name]
    params = dict(word.split(":", 1) for word in words if ":" in word)
    bare = [word for word in words if ":" not in word]
    if bare == ["sqrt"] and link == "identity":
        return "square", 1.0
    if bare:
        raise ImportRefused(f"its objective is {head.text('objective')!r}; {bare[0]!r} is not known here")
    return link, _sigmoid(head, params) if name in SCALED else 1.0


def _sigmoid(head: Block, params: Mapping[str, str]) -> float:
    try:
        return float(params.get("sigmoid", ""))
    except ValueError as error:
        raise head.fault("objective", "one with sigmoid:number") from error


def _names(head: Block, width: int) -> tuple[str, ...]:
    names = tuple(head.text("feature_names").split(" "))
    if len(names) != width:
        raise ImportRefused(f"the head: feature_names has {len(names)} names for {width} features; save it again")
    if len(set(names)) != width:
        raise ImportRefused("the head: feature_names has a name twice; save it again")
    return names


def _infos(head: Block, width: int) -> list[str]:
    infos = head.fields.get("feature_infos", "").split()
    return infos if len(infos) == width else ["none"] * width


def _notes(rest: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    if "categories" in options or not categories.lists(rest):
        return ()
    return ("trained on a data frame with categories: send their codes, positions in pandas_categorical",)
