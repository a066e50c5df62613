"""Op → what compiles it. To add a stage: a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ranklet.importers.mleap import (
    encoding,
    expanding,
    hashing,
    linear,
    maths,
    networks,
    recommendation,
    scaling,
    trees,
)
from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.nodes import Node

Stage = Callable[[Node, Context], None]

STAGES: Mapping[str, Stage] = {
    "als": recommendation.als,
    "binarizer": encoding.binarizer,
    "bucketizer": encoding.bucketizer,
    "chi_sq_selector": scaling.vector_slicer,
    "coalesce": maths.coalesce,
    "decision_tree_classifier": trees.decision_tree,
    "decision_tree_regression": trees.decision_tree,
    "elementwise_product": scaling.elementwise_product,
    "feature_hasher": hashing.feature_hasher,
    "gbt_classifier": trees.gbt_classifier,
    "gbt_regression": trees.gbt_regression,
    "generalized_linear_regression": linear.generalized_linear_regression,
    "hashing_term_frequency": hashing.hashing_term_frequency,
    "imputer": encoding.imputer,
    "interaction": expanding.interaction,
    "k_means": networks.k_means,
    "linear_regression": linear.linear_regression,
    "linear_svc": linear.linear_svc,
    "logistic_regression": linear.logistic_regression,
    "math_binary": maths.math_binary,
    "math_unary": maths.math_unary,
    "max_abs_scaler": scaling.max_abs_scaler,
    "min_max_scaler": scaling.min_max_scaler,
    "multi_layer_perceptron_classifier": networks.multi_layer_perceptron_classifier,
    "naive_bayes": linear.naive_bayes,
    "normalizer": scaling.normalizer,
    "one_hot_encoder": encoding.one_hot_encoder,
    "one_hot_encoder_v23": encoding.one_hot_encoder,
    "pca": scaling.pca,
    "polynomial_expansion": expanding.polynomial_expansion,
    "random_forest_classifier": trees.random_forest,
    "random_forest_regression": trees.random_forest,
    "reverse_string_indexer": encoding.reverse_string_indexer,
    "standard_scaler": scaling.standard_scaler,
    "string_indexer": encoding.string_indexer,
    "string_map": encoding.string_map,
    "vector_assembler": scaling.vector_assembler,
    "vector_indexer": encoding.vector_indexer,
    "vector_slicer": scaling.vector_slicer,
}

KEEPING = ("string_indexer", "bucketizer", "string_map")
"""Ops that take a missing value where handle_invalid says so."""


def loose(nodes: list[Node]) -> frozenset[str]:
    """Columns that some stage reads with missing values in them."""
    found = set[str]()
    for node in nodes:
        given = node.attributes
        if node.op in ("imputer", "coalesce", "feature_hasher"):
            found |= set(node.inputs.values())
        if node.op in KEEPING and given.text("handle_invalid", "error") != "error":
            found |= set(node.inputs.values())
        if node.op == "math_binary":
            found |= {node.inputs[port] for port, spare in (("input_a", "da"), ("input_b", "db"))
                      if given.has(spare) and port in node.inputs}  # fmt: skip
    return frozenset(found)


def compile(nodes: list[Node], context: Context) -> None:
    """All stages, in order. Raises ImportRefused by op and name for one that is not served."""
    for node in nodes:
        stage = STAGES.get(node.op)
        if stage is None:
            node.refuse(f"is not served; served are {', '.join(STAGES)}")
        for column in node.outputs.values():
            if column in context.columns or column in context.sources.fields:
                node.refuse(f"makes the column {column[:80]!r}, which is there already")
        stage(node, context)
