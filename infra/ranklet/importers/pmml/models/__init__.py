"""One module for each model element, imported when a file has it.

To add one: a module with `build(model, context) -> Result`, and a line here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

from ranklet.importers.pmml.context import Context
from ranklet.importers.pmml.markup import Element, refuse
from ranklet.importers.pmml.results import Result

MODELS: Mapping[str, str] = {
    "ClusteringModel": "ranklet.importers.pmml.models.clustering",
    "GeneralRegressionModel": "ranklet.importers.pmml.models.general",
    "MiningModel": "ranklet.importers.pmml.models.mining",
    "NaiveBayesModel": "ranklet.importers.pmml.models.bayes",
    "NearestNeighborModel": "ranklet.importers.pmml.models.neighbors",
    "NeuralNetwork": "ranklet.importers.pmml.models.neural",
    "RegressionModel": "ranklet.importers.pmml.models.regression",
    "RuleSetModel": "ranklet.importers.pmml.models.rules",
    "Scorecard": "ranklet.importers.pmml.models.scorecard",
    "SupportVectorMachineModel": "ranklet.importers.pmml.models.vectors",
    "TreeModel": "ranklet.importers.pmml.models.tree",
}
OTHERS = (
    "AnomalyDetectionModel", "AssociationModel", "BaselineModel", "BayesianNetworkModel", "GaussianProcessModel",
    "SequenceModel", "TextModel", "TimeSeriesModel",
)  # fmt: skip
"""Models of the specification that are not served."""


class Builder(Protocol):
    """One kind of model."""

    def build(self, model: Element, context: Context) -> Result:
        """Write the model on the tape. Raises ImportRefused naming the element that is not served, and its line."""
        ...


def of(element: Element) -> Element:
    """The model below an element. Raises ImportRefused where there is none."""
    return element.need(*MODELS, *OTHERS)


def build(model: Element, context: Context) -> Result:
    """See `Builder`; `context` knows the model's own fields already."""
    if model.tag not in MODELS:
        refuse(model, f"is not served; served are {', '.join(MODELS)}")
    if model.get("isScorable", "true") not in ("true", "1"):
        refuse(model, "says of itself that it cannot score (isScorable)")
    return cast(Builder, importlib.import_module(MODELS[model.tag])).build(model, context)
