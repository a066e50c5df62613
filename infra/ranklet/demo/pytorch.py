"""What the end-to-end models share in PyTorch: how they learn, and how a whole network becomes one ONNX file.

torch is imported where it is used: training needs it, building and serving never do.
"""

# mypy: disallow-untyped-calls=False
# (where torch is installed, it has types in part)

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet_features import FeaturePlan

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Course:
    """How to learn. rate, decay: of AdamW. average: of the weights, exponential, per step."""

    epochs: int = 4
    batch: int = 1024
    rate: float = 3e-3
    decay: float = 1.0
    average: float = 0.98


def tensors(plan: FeaturePlan, columns: Mapping[str, Any], names: Sequence[str]) -> list[Tensor]:
    """A frame's tensors in the order of `names`; assembled by the code that serves."""
    import torch

    made = plan.assemble_columns(columns).tensors
    return [torch.from_numpy(np.array(made[name])) for name in names]


def learn(
    net: Any,
    inputs: Sequence[Tensor],
    liked: Tensor,
    *,
    course: Course,
    hide: Callable[[list[Tensor]], list[Tensor]],
    track: Iterable[int],
) -> Any:
    """`net` after learning from all rows by binary cross-entropy, as the average over its way, ready to use.

    net: a Module with a method `logit`, of the inputs → [n]. inputs: [n, …] each. liked: 0 or 1, [n]. hide: what a
    batch of inputs loses, so that its absence is nothing new. track: counts the passes.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    optimizer = torch.optim.AdamW(net.parameters(), lr=course.rate, weight_decay=course.decay)
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(course.average))
    for _ in track:
        for batch in torch.randperm(len(liked)).split(course.batch):
            optimizer.zero_grad()
            scores = net.logit(*hide([column[batch] for column in inputs]))
            binary_cross_entropy_with_logits(scores, liked[batch]).backward()
            optimizer.step()
            average.update_parameters(net)
    return average.module.eval()


def hidden(column: Tensor, share: float, unknown: int) -> Tensor:
    """Ids of which a share, at random, has become `unknown`."""
    import torch

    return torch.where(torch.rand(len(column)) < share, unknown, column)


def export(net: nn.Module, example: Sequence[Tensor], names: Sequence[str], path: Path) -> None:
    """The whole network in one file: inputs `names` and output `score`, each of any number of rows.

    example: two rows of every input, each a tensor of its own; one given twice would be one input in the graph.
    """
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # says at length that torchvision is not installed
    with warnings.catch_warnings(action="ignore"):  # of torch about itself
        program = torch.onnx.export(
            net,
            tuple(example),
            input_names=list(names),
            output_names=["score"],
            dynamic_shapes={name: {0: torch.export.Dim("rows")} for name in names},
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "with dynamo there is one"
    for node in program.model.graph:
        node.metadata_props.clear()  # stack traces, with the paths of the machine that exported
    program.save(path, external_data=False)


def embedding(rows: int, dim: int, *, spread: float = 0.05) -> nn.Embedding:
    """Small at first: what few examples touch stays near nothing. A single number a row begins at 0."""
    import torch

    made = torch.nn.Embedding(rows, dim)
    with torch.no_grad():
        made.weight.normal_(0, spread if dim > 1 else 0.0)
    return made


def count(net: nn.Module) -> int:
    """How many numbers were learned."""
    return sum(parameter.numel() for parameter in net.parameters())
