"""What a model computes, before its targets and outputs are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ranklet.importers.pmml.ranks import Ranks
from ranklet.importers.pmml.values import Value

Function = Literal["regression", "classification", "clustering", "mixed"]
FUNCTIONS: tuple[Function, ...] = ("regression", "classification", "clustering", "mixed")


@dataclass
class Result:
    """value: the prediction, missing where the model has none. probabilities: class → tensor double [n, 1].

    scores: what else is told by class or entity, by the name of PMML's result feature (`confidence`, `affinity`).
    reasons: codes, the one that cost most points first. ranks: of entities, where they have an order.
    entity: the id of the winning node, cluster or rule. told: output fields of models within it that callers get.
    """

    function: Function
    value: Value
    probabilities: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    entity: Value | None = None
    told: Mapping[str, Value] = field(default_factory=dict)
    reasons: tuple[Value, ...] = ()
    ranks: Ranks | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that have a probability."""
        return tuple(self.probabilities)
