"""PMML files to score, and records for them: small enough to be written here, of the size that trainers export.

`gbdt` is what JPMML's converters make of a booster: a sum of regression trees under a logistic link. `regression` is a
logistic regression over numbers and one-hot texts. Weights are random with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

NUMBERS = tuple(f"x{at}" for at in range(12))
WORDS: Mapping[str, tuple[str, ...]] = {
    name: tuple(f"{name}-{at}" for at in range(count))
    for name, count in {"brand": 30, "colour": 4, "genre": 18, "shop": 21}.items()
}
TARGET, CLASSES = "liked", ("no", "yes")
TREES, DEPTH = 100, 5


def columns(n: int, seed: int = 5) -> dict[str, list[Any]]:
    """Records: field → values."""
    random = np.random.default_rng(seed)
    found: dict[str, list[Any]] = {name: random.standard_normal(n).round(4).tolist() for name in NUMBERS}
    return found | {name: random.choice(words, n).tolist() for name, words in WORDS.items()}


def gbdt() -> str:
    """TREES trees of DEPTH levels: three splits of four by a number, the others by a set of words."""
    random = np.random.default_rng(6)
    segments = "".join(f'<Segment id="{at}"><True/>{_tree(random)}</Segment>' for at in range(TREES))
    total = (
        '<OutputField name="total" optype="continuous" dataType="double" feature="predictedValue" '
        'isFinalResult="false"/>'
    )
    summed = (
        f'<MiningModel functionName="regression">{_schema()}<Output>{total}</Output>'
        f'<Segmentation multipleModelMethod="sum">{segments}</Segmentation></MiningModel>'
    )
    link = (
        '<RegressionModel functionName="classification" normalizationMethod="logit">'
        f'<MiningSchema><MiningField name="{TARGET}" usageType="target"/><MiningField name="total"/></MiningSchema>'
        f"{_told()}"
        '<RegressionTable intercept="0" targetCategory="yes"><NumericPredictor name="total" coefficient="1"/>'
        '</RegressionTable><RegressionTable intercept="0" targetCategory="no"/></RegressionModel>'
    )
    return _file(
        f'<MiningModel functionName="classification">{_schema(target=True)}'
        '<Segmentation multipleModelMethod="modelChain">'
        f'<Segment id="1"><True/>{summed}</Segment><Segment id="2"><True/>{link}</Segment></Segmentation></MiningModel>'
    )


def regression() -> str:
    """A weight for each number and for each word."""
    random = np.random.default_rng(7)
    numeric = "".join(f'<NumericPredictor name="{name}" coefficient="{_weight(random)}"/>' for name in NUMBERS)
    words = "".join(
        f'<CategoricalPredictor name="{name}" value="{word}" coefficient="{_weight(random)}"/>'
        for name, known in WORDS.items()
        for word in known
    )
    return _file(
        f'<RegressionModel functionName="classification" normalizationMethod="logit">{_schema(target=True)}{_told()}'
        f'<RegressionTable intercept="-0.5" targetCategory="yes">{numeric}{words}</RegressionTable>'
        '<RegressionTable intercept="0" targetCategory="no"/></RegressionModel>'
    )


FILES = {"gbdt": gbdt, "regression": regression}


def _tree(random: np.random.Generator) -> str:
    return (
        '<TreeModel functionName="regression" missingValueStrategy="none" noTrueChildStrategy="returnNullPrediction" '
        f'splitCharacteristic="binarySplit">{_schema()}{_node(random, DEPTH, "<True/>")}</TreeModel>'
    )


def _node(random: np.random.Generator, depth: int, predicate: str) -> str:
    if not depth:
        return f'<Node score="{_weight(random)}">{predicate}</Node>'
    left, right = _split(random)
    # JPMML's transpiler asks a score of every node.
    inside = _node(random, depth - 1, left) + _node(random, depth - 1, right)
    return f'<Node score="0">{predicate}{inside}</Node>'


def _split(random: np.random.Generator) -> tuple[str, str]:
    """Two predicates of which one holds."""
    if random.random() < 0.75:
        test = f'<SimplePredicate field="{random.choice(NUMBERS)}" operator="%s" value="{random.normal():.4f}"/>'
        return test % "lessOrEqual", test % "greaterThan"
    name = str(random.choice(list(WORDS)))
    chosen = [word for word in WORDS[name] if random.random() < 0.5] or [WORDS[name][0]]
    array = f'<Array type="string" n="{len(chosen)}">{" ".join(chosen)}</Array>'
    test = f'<SimpleSetPredicate field="{name}" booleanOperator="%s">{array}</SimpleSetPredicate>'
    return test % "isIn", test % "isNotIn"


def _weight(random: np.random.Generator) -> str:
    return f"{random.normal() / 4:.6f}"


def _schema(*, target: bool = False) -> str:
    fields = "".join(f'<MiningField name="{name}"/>' for name in (*NUMBERS, *WORDS))
    aimed = f'<MiningField name="{TARGET}" usageType="target"/>' if target else ""
    return f"<MiningSchema>{aimed}{fields}</MiningSchema>"


def _told() -> str:
    return f"<Output>{''.join(map(_probability, CLASSES))}</Output>"


def _probability(name: str) -> str:
    return (
        f'<OutputField name="probability({name})" optype="continuous" dataType="double" feature="probability" '
        f'value="{name}"/>'
    )


def _file(model: str) -> str:
    fields = "".join(f'<DataField name="{name}" optype="continuous" dataType="double"/>' for name in NUMBERS)
    for name, words in {**WORDS, TARGET: CLASSES}.items():
        values = "".join(f'<Value value="{word}"/>' for word in words)
        fields += f'<DataField name="{name}" optype="categorical" dataType="string">{values}</DataField>'
    return (
        '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
        f"<DataDictionary>{fields}</DataDictionary>{model}</PMML>"
    )
