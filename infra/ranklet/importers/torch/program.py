"""A program as PyTorch runs it: loaded from the checked copy, called by the inputs' own names.

torch is imported where it is used: whoever builds or serves needs none of it.
"""

# mypy: disallow-untyped-calls=False
# (where torch is installed, it has types in part)

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused
from ranklet.importers.torch.archive import Checked
from ranklet.importers.torch.graph import Graph

Array = NDArray[Any]

FAULTS = (Exception,)
"""What PyTorch raises on a program that is damaged: whatever its own code runs into, and errors of its private modules,
which have no base but this one."""


@dataclass(frozen=True)
class Program:
    """An ExportedProgram and what its file says of it."""

    exported: Any
    graph: Graph

    @cached_property
    def module(self) -> Any:
        """A GraphModule with the weights inside, for any number of rows: without the hook that wants two at least."""
        import torch

        bare = self.exported.module(check_guards=False)
        return torch.fx.GraphModule(bare, bare.graph)

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Input's name → its rows; output's name → its rows. Raises what PyTorch raises."""
        import torch

        with torch.no_grad(), quiet():
            args, kwargs = self.arguments(feeds)
            found = torch.utils._pytree.tree_leaves(self.module(*args, **kwargs))
        kept = [one for one in found if isinstance(one, torch.Tensor)]
        return {name: one.numpy() for name, one in zip(self.graph.outputs, kept, strict=True)}

    def arguments(self, feeds: Mapping[str, Any], *, fixed: bool = True) -> tuple[Any, Any]:
        """(args, kwargs), as forward takes them. feeds: arrays, or anything else that stands for an input.

        fixed: with the constants that the export fixed, else with None in their places.
        """
        from torch.utils import _pytree

        leaves = self.flat(feeds, fixed=fixed)
        return _pytree.tree_unflatten(leaves, self.exported.call_spec.in_spec)  # type: ignore[no-any-return]

    def flat(self, feeds: Mapping[str, Any], *, fixed: bool = True) -> list[Any]:
        """The leaves of what forward takes: arrays as tensors, and constants."""
        import torch
        from torch.export.graph_signature import ConstantArgument, InputKind

        given = iter([feeds[one.name] for one in self.graph.inputs])
        leaves = [spec.arg for spec in self.exported.graph_signature.input_specs if spec.kind == InputKind.USER_INPUT]
        return [
            (leaf.value if fixed else None) if isinstance(leaf, ConstantArgument) else _tensor(torch, next(given))
            for leaf in leaves
        ]


def load(checked: Checked) -> Program:
    """Raises ImportRefused where torch is absent, or does not take the program."""
    try:
        import torch
        import torch.export
    except ImportError as error:
        raise ImportRefused("PyTorch's programs are converted by PyTorch: pip install 'ranklet[torch]'") from error
    try:
        with quiet():
            exported = torch.export.load(io.BytesIO(checked.content))
    except FAULTS as error:
        raise ImportRefused(
            f"PyTorch {torch.__version__} does not load it: {short(error)}; export it with this PyTorch, or install "
            "the one that exported it"
        ) from error
    return Program(exported, checked.graph)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what PyTorch says of itself on stderr."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)


def short(error: BaseException) -> str:
    """The first line of PyTorch's long messages, with its kind."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"


def _tensor(torch: Any, value: Any) -> Any:
    return torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value
