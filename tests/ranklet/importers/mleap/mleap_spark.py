"""Spark's fitted stages as stages of a bundle, and Spark's own answers: what the format's writer in Scala does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import mleap_writing as w
from mleap_writing import Stage


def stages(fitted: list[Any], widths: dict[str, int]) -> list[Stage]:
    """widths: column → numbers of a vector that a stage made."""
    found = [_stage(one, widths) for one in fitted]
    for at, one in enumerate(found):
        one.name = f"{one.op}_{at:012d}"  # Spark's own change from run to run
    return found


def _stage(one: Any, widths: dict[str, int]) -> Stage:
    name = type(one).__name__
    made: Stage = globals()[f"_{name}"](one, widths)
    return made


def _io(one: Any) -> tuple[dict[str, str], dict[str, str]]:
    return {"input": one.getInputCol()}, {"output": one.getOutputCol()}


def _many(one: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Ports of a stage of one or of several columns."""
    if one.isSet("inputCols"):
        ins, outs = one.getInputCols(), one.getOutputCols()
    else:
        ins, outs = [one.getInputCol()], [one.getOutputCol()]
    return {f"input{at}": name for at, name in enumerate(ins)}, {f"output{at}": name for at, name in enumerate(outs)}


def _features(one: Any, *more: str) -> tuple[dict[str, str], dict[str, str]]:
    columns = {"prediction": one.getPredictionCol()}
    if "raw" in more:
        columns["raw_prediction"] = one.getRawPredictionCol()
    if "probability" in more:
        columns["probability"] = one.getProbabilityCol()
    return {"features": one.getFeaturesCol()}, columns


def _thresholds(one: Any) -> dict[str, Any]:
    return {"thresholds": w.doubles(one.getThresholds())} if one.isSet("thresholds") else {}


def _StringIndexerModel(one: Any, widths: dict[str, int]) -> Stage:
    labels = one.labelsArray
    attributes: dict[str, Any] = {
        "labels_length": {"int": len(labels)},
        "handle_invalid": w.text(one.getHandleInvalid()),
    }
    attributes |= {f"labels_array_{at}": w.texts(words) for at, words in enumerate(labels)}
    ins, outs = _many(one)
    if len(labels) == 1:
        ins, outs = {"input": ins["input0"]}, {"output": outs["output0"]}
    return Stage("string_indexer", one.uid, attributes, ins, outs)


def _IndexToString(one: Any, widths: dict[str, int]) -> Stage:
    return Stage("reverse_string_indexer", one.uid, {"labels": w.texts(one.getLabels())}, *_io(one))


def _OneHotEncoderModel(one: Any, widths: dict[str, int]) -> Stage:
    sizes = list(one.categorySizes)
    attributes = {
        "category_sizes": w.ints(sizes),
        "handle_invalid": w.text(one.getHandleInvalid()),
        "drop_last": w.flag(one.getDropLast()),
    }
    ins, outs = _many(one)
    for name, size in zip(outs.values(), sizes, strict=True):
        widths[name] = size + (one.getHandleInvalid() == "keep") - one.getDropLast()
    return Stage("one_hot_encoder", one.uid, attributes, ins, outs)


def _VectorAssembler(one: Any, widths: dict[str, int]) -> Stage:
    names = one.getInputCols()
    ins = {f"input{at}": name for at, name in enumerate(names)}
    widths[one.getOutputCol()] = sum(widths.get(name, 1) for name in names)
    given = {"input_shapes": w.shapes([widths.get(name) for name in names])}
    return Stage("vector_assembler", one.uid, given, ins, {"output": one.getOutputCol()})


def _StandardScalerModel(one: Any, widths: dict[str, int]) -> Stage:
    given = {"mean": w.vector(one.mean.toArray().tolist())} if one.getWithMean() else {}
    given |= {"std": w.vector(one.std.toArray().tolist())} if one.getWithStd() else {}
    return Stage("standard_scaler", one.uid, given, *_same(one, widths))


def _same(one: Any, widths: dict[str, int]) -> tuple[dict[str, str], dict[str, str]]:
    widths[one.getOutputCol()] = widths[one.getInputCol()]
    return _io(one)


def _MinMaxScalerModel(one: Any, widths: dict[str, int]) -> Stage:
    given = {
        "min": w.vector(one.originalMin.toArray().tolist()),
        "max": w.vector(one.originalMax.toArray().tolist()),
        "minValue": w.double(one.getMin()),
        "maxValue": w.double(one.getMax()),
    }
    return Stage("min_max_scaler", one.uid, given, *_same(one, widths))


def _MaxAbsScalerModel(one: Any, widths: dict[str, int]) -> Stage:
    return Stage("max_abs_scaler", one.uid, {"maxAbs": w.vector(one.maxAbs.toArray().tolist())}, *_same(one, widths))


def _Normalizer(one: Any, widths: dict[str, int]) -> Stage:
    return Stage("normalizer", one.uid, {"p_norm": w.double(one.getP())}, *_same(one, widths))


def _ElementwiseProduct(one: Any, widths: dict[str, int]) -> Stage:
    given = {"scaling_vec": w.vector(one.getScalingVec().toArray().tolist())}
    return Stage("elementwise_product", one.uid, given, *_same(one, widths))


def _VectorSlicer(one: Any, widths: dict[str, int]) -> Stage:
    widths[one.getOutputCol()] = len(one.getIndices())
    given = {"indices": w.longs(one.getIndices()), "names": w.texts([]), "named_indices": w.ints([])}
    return Stage("vector_slicer", one.uid, given, *_io(one))


def _PCAModel(one: Any, widths: dict[str, int]) -> Stage:
    matrix = one.pc
    widths[one.getOutputCol()] = matrix.numCols
    columns = matrix.toArray().T.reshape(-1).tolist()
    given = {"principal_components": w.tensor(columns, [matrix.numRows, matrix.numCols])}
    return Stage("pca", one.uid, given, *_io(one))


def _PolynomialExpansion(one: Any, widths: dict[str, int]) -> Stage:
    return Stage("polynomial_expansion", one.uid, {"degree": w.long(one.getDegree())}, *_io(one))


def _Interaction(one: Any, widths: dict[str, int]) -> Stage:
    names = one.getInputCols()
    given: dict[str, Any] = {"num_inputs": {"int": len(names)}}
    for at, name in enumerate(names):
        given[f"num_features{at}"] = w.ints([1] * widths.get(name, 1))
    ins = {f"input{at}": name for at, name in enumerate(names)}
    return Stage("interaction", one.uid, given, ins, {"output": one.getOutputCol()})


def _FeatureHasher(one: Any, widths: dict[str, int]) -> Stage:
    names = one.getInputCols()
    kinds = ["string" if name in ("color", "size") else "double" for name in names]
    given = {
        "num_features": w.long(one.getNumFeatures()),
        "categorical_cols": w.texts([]),
        "input_names": w.texts(names),
        "basic_types": {"type": "list", "basic_type": kinds},
        "input_shapes": w.shapes([None] * len(names)),
    }
    ins = {f"input{at}": name for at, name in enumerate(names)}
    return Stage("feature_hasher", one.uid, given, ins, {"output": one.getOutputCol()})


def _HashingTF(one: Any, widths: dict[str, int]) -> Stage:
    widths[one.getOutputCol()] = one.getNumFeatures()
    given = {
        "num_features": w.long(one.getNumFeatures()),
        "binary": w.flag(False),
        "hashUnsafeBytesVersion": {"int": 2},
    }
    return Stage("hashing_term_frequency", one.uid, given, *_io(one))


def _ImputerModel(one: Any, widths: dict[str, int]) -> Stage:
    (row,) = one.surrogateDF.collect()
    (name,) = one.getInputCols()
    given = {
        "surrogate_value": w.double(float(row[name])),
        "missing_value": w.double(one.getMissingValue() if one.getMissingValue() == one.getMissingValue() else None),
        "strategy": w.text(one.getStrategy()),
    }
    return Stage("imputer", one.uid, given, {"input": name}, {"output": one.getOutputCols()[0]})


def _Bucketizer(one: Any, widths: dict[str, int]) -> Stage:
    splits: list[float | None] = [value if abs(value) < 1e308 else None for value in one.getSplits()]
    given = {"splits": w.doubles(splits), "handle_invalid": w.text(one.getHandleInvalid())}
    return Stage("bucketizer", one.uid, given, *_io(one))


def _Binarizer(one: Any, widths: dict[str, int]) -> Stage:
    return Stage("binarizer", one.uid, {"threshold": w.double(one.getThreshold())}, *_io(one))


def _VectorIndexerModel(one: Any, widths: dict[str, int]) -> Stage:
    maps = {int(key): dict(value) for key, value in dict(one.categoryMaps).items()}
    given: dict[str, Any] = {"keys": w.longs(list(maps)), "num_features": w.long(one.numFeatures)}
    given["handle_invalid"] = w.text(one.getHandleInvalid())
    for key, words in maps.items():
        given[f"key_{key}_keys"] = w.doubles([float(value) for value in words])
        given[f"key_{key}_values"] = w.longs([int(value) for value in words.values()])
    return Stage("vector_indexer", one.uid, given, *_same(one, widths))


def _LinearRegressionModel(one: Any, widths: dict[str, int]) -> Stage:
    given = {"coefficients": w.vector(one.coefficients.toArray().tolist()), "intercept": w.double(one.intercept)}
    return Stage("linear_regression", one.uid, given, *_features(one))


def _LogisticRegressionModel(one: Any, widths: dict[str, int]) -> Stage:
    given: dict[str, Any] = {"num_classes": w.long(one.numClasses)}
    if one.numClasses > 2:
        matrix = one.coefficientMatrix
        columns = matrix.toArray().T.reshape(-1).tolist()
        given["coefficient_matrix"] = w.tensor(columns, [matrix.numRows, matrix.numCols])
        given |= {"intercept_vector": w.vector(one.interceptVector.toArray().tolist()), **_thresholds(one)}
    else:
        given |= {"coefficients": w.vector(one.coefficients.toArray().tolist()), "intercept": w.double(one.intercept)}
        given["threshold"] = w.double(one.getThreshold())
    return Stage("logistic_regression", one.uid, given, *_features(one, "raw", "probability"))


def _GeneralizedLinearRegressionModel(one: Any, widths: dict[str, int]) -> Stage:
    given = {
        "coefficients": w.vector(one.coefficients.toArray().tolist()),
        "intercept": w.double(one.intercept),
        "family": w.text(one.getFamily()),
        "link": w.text(one.getLink()),
    }
    ins, outs = _features(one)
    return Stage(
        "generalized_linear_regression", one.uid, given, ins, {**outs, "link_prediction": one.getLinkPredictionCol()}
    )


def _LinearSVCModel(one: Any, widths: dict[str, int]) -> Stage:
    given = {
        "coefficients": w.vector(one.coefficients.toArray().tolist()),
        "intercept": w.double(one.intercept),
        "num_classes": w.long(2),
        "threshold": w.double(one.getThreshold()),
    }
    return Stage("linear_svc", one.uid, given, *_features(one, "raw"))


def _NaiveBayesModel(one: Any, widths: dict[str, int]) -> Stage:
    theta = one.theta
    given = {
        "num_features": w.long(one.numFeatures),
        "num_classes": w.long(one.numClasses),
        "pi": w.vector(one.pi.toArray().tolist()),
        "theta": w.tensor(theta.toArray().T.reshape(-1).tolist(), [theta.numRows, theta.numCols]),
        "model_type": w.text(one.getModelType()),
        **_thresholds(one),
    }
    return Stage("naive_bayes", one.uid, given, *_features(one, "raw", "probability"))


def _MultilayerPerceptronClassificationModel(one: Any, widths: dict[str, int]) -> Stage:
    given = {"layers": w.longs(one.getLayers()), "weights": w.vector(one.weights.toArray().tolist())}
    stage = Stage("multi_layer_perceptron_classifier", one.uid, given, *_features(one, "raw", "probability"))
    return stage


def _ALSModel(one: Any, widths: dict[str, int]) -> Stage:
    given: dict[str, Any] = {"rank": {"int": one.rank}}
    for name, frame in (("user", one.userFactors), ("item", one.itemFactors)):
        found = [(row["id"], row["features"]) for row in frame.collect()]
        given[f"{name}s"] = w.ints([at for at, _ in found])
        given[f"{name}_factors"] = w.factors([factors for _, factors in found])
    ins = {"user": one.getUserCol(), "item": one.getItemCol()}
    return Stage("als", one.uid, given, ins, {"prediction": one.getPredictionCol()})


def _KMeansModel(one: Any, widths: dict[str, int]) -> Stage:
    centers = [w.vector(center.tolist()) for center in one.clusterCenters()]
    for center in centers:
        del center["type"]
    given = {"cluster_centers": {"type": "list", "tensor": centers}, "num_features": w.long(one.numFeatures)}
    return Stage("k_means", one.uid, given, *_features(one))


def _tree(one: Any, *, counts: bool) -> str:
    """Lines in pre-order."""
    return "".join(json.dumps(node) + "\n" for node in _nodes(one._call_java("rootNode"), counts=counts))


def _nodes(node: Any, *, counts: bool) -> Iterator[dict[str, Any]]:
    if node.getClass().getSimpleName() == "LeafNode":
        values = list(node.impurityStats().stats()) if counts else [node.prediction()]
        yield {"type": "leaf", "values": values}
        return
    split = node.split()
    given: dict[str, Any] = {"featureIndex": split.featureIndex()}
    if split.getClass().getSimpleName() == "ContinuousSplit":
        given |= {"type": "continuous", "threshold": split.threshold()}
    else:
        left, right = list(split.leftCategories()), list(split.rightCategories())
        is_left = len(left) <= len(right)
        given |= {"type": "categorical", "categories": left if is_left else right, "isLeft": is_left}
        given["numCategories"] = len(left) + len(right)
    yield {"type": "internal", "split": given}
    yield from _nodes(node.leftChild(), counts=counts)
    yield from _nodes(node.rightChild(), counts=counts)


def _DecisionTreeRegressionModel(one: Any, widths: dict[str, int]) -> Stage:
    given = {"num_features": w.long(one.numFeatures)}
    files = {"tree.json": _tree(one, counts=False)}
    return Stage("decision_tree_regression", one.uid, given, *_features(one), files)


def _DecisionTreeClassificationModel(one: Any, widths: dict[str, int]) -> Stage:
    given = {"num_features": w.long(one.numFeatures), "num_classes": w.long(one.numClasses), **_thresholds(one)}
    files = {"tree.json": _tree(one, counts=True)}
    return Stage("decision_tree_classifier", one.uid, given, *_features(one, "raw", "probability"), files)


def _ensemble(one: Any, op: str, *, counts: bool, classes: int | None, more: tuple[str, ...] = ()) -> Stage:
    of = "decision_tree_classifier" if counts else "decision_tree_regression"
    trees = [(of, _tree(tree, counts=counts)) for tree in one.trees]
    given: dict[str, Any] = {
        "num_features": w.long(one.numFeatures),
        "tree_weights": w.doubles(list(one.treeWeights)),
        "trees": w.texts([f"tree{at}" for at in range(len(trees))]),
    }
    if classes is not None:
        given |= {"num_classes": w.long(classes), **_thresholds(one)}
    files = w.forest(trees, one.numFeatures, classes if counts else None)
    return Stage(op, one.uid, given, *_features(one, *more), files)


def _RandomForestRegressionModel(one: Any, widths: dict[str, int]) -> Stage:
    return _ensemble(one, "random_forest_regression", counts=False, classes=None)


def _RandomForestClassificationModel(one: Any, widths: dict[str, int]) -> Stage:
    return _ensemble(one, "random_forest_classifier", counts=True, classes=one.numClasses, more=("raw", "probability"))


def _GBTRegressionModel(one: Any, widths: dict[str, int]) -> Stage:
    return _ensemble(one, "gbt_regression", counts=False, classes=None)


def _GBTClassificationModel(one: Any, widths: dict[str, int]) -> Stage:
    return _ensemble(one, "gbt_classifier", counts=False, classes=2, more=("raw", "probability"))
