"""GBM, DRF and isolation forests: sums of trees in one node of the graph, and what follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.h2o import trees
from ranklet.importers.h2o.columns import Cell, Columns, Level
from ranklet.importers.h2o.mojo import Mojo, refuse_unknown
from ranklet.importers.h2o.results import Scored, balanced, classified, shares
from ranklet.importers.tape import Tape
from ranklet.importers.trees import checks, lowering
from ranklet.importers.trees.records import Ensemble, Tree

CEILING = 1e19
"""Exponentials end there."""
MAX_TREES = 100_000
TWO = ("bernoulli", "quasibinomial", "modified_huber")
"""Distributions of two classes."""


def score(mojo: Mojo, cells: Sequence[Cell], columns: Columns, offset: str | None) -> Scored:
    """Raises ImportRefused for a distribution or link that is not known, and for trees that are none."""
    sums = total(mojo, cells, columns)
    if mojo.algorithm == "gbm":
        return _boosted(mojo, sums, columns.tape, offset)
    if mojo.algorithm == "drf":
        return _forest(mojo, sums, columns.tape)
    return _isolation(mojo, sums, columns.tape)


def total(mojo: Mojo, cells: Sequence[Cell], columns: Columns) -> str:
    """Σ of the trees' leaves, double [n, trees of a group]."""
    groups, each = mojo.whole("n_trees"), _each(mojo)
    if not 1 <= groups * each <= MAX_TREES:
        raise ImportRefused(f"it has {groups} · {each} trees; served are 1 to {MAX_TREES}")
    if each != (needed := _needed(mojo)):
        raise ImportRefused(f"it has {each} trees of a group, and {needed} for {mojo.classes} classes are needed")
    if mojo.number("mojo_version") < 1.2:
        raise ImportRefused(
            f"mojo_version {mojo.text('mojo_version')} has trees of another form; served are 1.2 and later"
        )
    levels = [len(cell.domain) if isinstance(cell, Level) else None for cell in cells]
    grown = list[tuple[trees.Grown, int]]()
    for target in range(each):
        for group in range(groups):
            name = f"trees/t{target:02d}_{group:03d}.bin"
            if mojo.has(name):
                grown.append((_read(mojo, name, levels), target))
    if not grown:
        raise ImportRefused("it holds none of its trees; export the MOJO again")
    return _run(grown, cells, columns, each)


def _each(mojo: Mojo) -> int:
    """Trees of a group: one a class, but one for two classes unless both have their own."""
    if "n_trees_per_class" in mojo.info:
        return mojo.whole("n_trees_per_class")
    return 1 if mojo.classes == 2 and not mojo.flag("binomial_double_trees", False) else mojo.classes


def _needed(mojo: Mojo) -> int:
    """Trees of a group that what follows them reads."""
    if mojo.algorithm == "gbm":
        family = mojo.text("distribution")
        if mojo.classes == 2 and family == "multinomial":
            raise ImportRefused("distribution = multinomial of two classes is not served; train it as bernoulli")
        if (mojo.classes > 1) != (family in (*TWO, "multinomial")) or (mojo.classes > 2 and family in TWO):
            raise ImportRefused(f"distribution = {family} is none of {mojo.classes} classes")
        return mojo.classes if family == "multinomial" else 1
    double = mojo.algorithm == "drf" and mojo.flag("binomial_double_trees", False)
    return 1 if mojo.algorithm == "isolationforest" or (mojo.classes == 2 and not double) else mojo.classes


def _read(mojo: Mojo, name: str, levels: Sequence[int | None]) -> trees.Grown:
    try:
        return trees.Reader(mojo.blob(name), levels).read()
    except ImportRefused as error:
        raise ImportRefused(f"{mojo.prefix}{name}: {error}") from error


def _run(grown: Sequence[tuple[trees.Grown, int]], cells: Sequence[Cell], columns: Columns, targets: int) -> str:
    """All trees as one node; columns are those that some tree reads, those that are asked for NaN come twice."""
    tape = columns.tape
    read = sorted({feature for one, _ in grown for at, feature in enumerate(one.feature) if one.left[at] != -1})
    gone = sorted({one.feature[at] for one, _ in grown for at in one.gone})
    places = {feature: at for at, feature in enumerate(read)}
    asked = {feature: len(read) + at for at, feature in enumerate(gone)}
    _hint(grown, cells, columns)
    parts = [columns.matrix([cells[at] for at in read])] if read else [columns.rows()]
    parts += [tape.doubles(tape.op("IsNaN", columns.matrix([cells[at] for at in gone])))] if gone else []
    ensemble = Ensemble(
        trees=tuple(_placed(one, target, places, asked) for one, target in grown),
        dtype="float64",
        strict=True,
        width=max(1, len(read)) + len(gone),
        base=(0.0,) * targets,
        link="identity",
    )
    checks.check(ensemble)
    made = tape.name()
    node = lowering._trees(ensemble, made)
    node.input[0] = tape.joined(parts)
    tape.nodes.append(node)
    return made


def _placed(one: trees.Grown, target: int, places: Mapping[int, int], asked: Mapping[int, int]) -> Tree:
    """The tree on the columns that are given. What asks for NaN compares the other column, 1 where it is, with 0.5:
    those that are not missing go left; and missing ones too, where they go there."""
    tree = trees.tree(one, target)
    feature = np.array([places.get(column, 0) for column in one.feature])
    threshold = tree.threshold.copy()
    for node in one.gone:
        feature[node] = asked[one.feature[node]]
        threshold[node] = 1.5 if one.missing_left[node] else 0.5
    return replace(tree, feature=feature, threshold=threshold)


def _hint(grown: Sequence[tuple[trees.Grown, int]], cells: Sequence[Cell], columns: Columns) -> None:
    """Thresholds, for rows worth trying."""
    for one, _ in grown:
        for at, feature in enumerate(one.feature):
            if one.left[at] != -1 and not isinstance(cells[feature], Level) and at not in one.gone:
                columns.hint(cells[feature], one.threshold[at])


def _boosted(mojo: Mojo, sums: str, tape: Tape, offset: str | None) -> Scored:
    family = mojo.text("distribution")
    start = mojo.number("init_f")
    if family == "multinomial":
        most = tape.op("ReduceMax", sums, [1], keepdims=1)
        odds = tape.op("Exp", tape.op("Sub", sums, most))
        classes = tape.op("Div", odds, tape.total(odds))
        return classified(tape, balanced(tape, classes, mojo), mojo)
    raw = tape.op("Add", sums, start)
    raw = raw if offset is None else tape.op("Add", raw, offset)
    mean = linked(mojo, tape, raw)
    if family in TWO:
        classes = tape.joined([tape.op("Sub", 1.0, mean), mean])
        return classified(tape, balanced(tape, classes, mojo), mojo)
    return Scored((mean,))


def linked(mojo: Mojo, tape: Tape, raw: str) -> str:
    """From the sum to the mean."""
    link = mojo.text("link_function", DEFAULTS.get(mojo.text("distribution"), "identity"))
    if link not in LINKS:
        raise refuse_unknown("link_function", link, list(LINKS))
    return LINKS[link](tape, raw)


def bounded_exp(tape: Tape, raw: str) -> str:
    """exp, at most 1e19. Math.min keeps NaN, and so does ONNX's Min."""
    return tape.op("Min", tape.op("Exp", raw), CEILING)


def bounded_logistic(tape: Tape, raw: str) -> str:
    """1 / (1 + exp(-x)) with such an exponential."""
    return tape.op("Div", 1.0, tape.op("Add", 1.0, bounded_exp(tape, tape.op("Neg", raw))))


def _identity(tape: Tape, raw: str) -> str:
    return raw


LINKS: Mapping[str, Callable[[Tape, str], str]] = {
    "identity": _identity, "log": bounded_exp, "logit": bounded_logistic, "ologit": bounded_logistic,
}  # fmt: skip
DEFAULTS = {
    **dict.fromkeys(TWO, "logit"),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), "log"),
}
"""Distribution → link, where an old file names none."""


def _forest(mojo: Mojo, sums: str, tape: Tape) -> Scored:
    groups = float(mojo.whole("n_trees"))
    if mojo.classes == 1:
        return Scored((tape.op("Div", sums, groups),))
    if mojo.classes == 2 and not mojo.flag("binomial_double_trees"):
        no = tape.op("Div", sums, groups)
        classes = tape.joined([no, tape.op("Sub", 1.0, no)])
    else:
        classes = shares(tape, sums)
    return classified(tape, balanced(tape, classes, mojo), mojo)


def _isolation(mojo: Mojo, sums: str, tape: Tape) -> Scored:
    """How short the paths are, from 0 to 1, and their mean length."""
    shortest, longest = mojo.whole("min_path_length", 0), mojo.whole("max_path_length", 0)
    mean = tape.op("Div", sums, float(mojo.whole("n_trees")))
    if longest > shortest:
        anomaly = tape.op("Div", tape.op("Sub", float(longest), sums), float(longest - shortest))
    else:
        anomaly = tape.op("Add", tape.op("Mul", sums, 0.0), 1.0)
    if not mojo.flag("output_anomaly_flag", False):
        return Scored((), named={"predict": anomaly, "mean_length": mean})
    flag = tape.doubles(tape.op("Greater", anomaly, mojo.number("default_threshold")))
    return Scored((), named={"predict": flag, "score": anomaly, "mean_length": mean})
