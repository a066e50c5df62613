"""A folder for a program of PyTorch: converted, its ids bounded by their tables, compared with the program itself."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from ranklet.errors import ImportRefused
from ranklet.importers import onnx, tensors
from ranklet.importers.base import Exported
from ranklet.importers.onnx.proposing import OUTPUT, of_graph
from ranklet.importers.proposal import Columns, Proposal, Wishes
from ranklet.importers.tensors import Drafted
from ranklet.importers.torch import archive, bags, program, tables, trial
from ranklet.importers.torch.bags import Bagged
from ranklet.importers.torch.convert import convert
from ranklet.importers.torch.program import FAULTS, Array, Program, short
from ranklet.importers.torch.recipe import ADVICE
from ranklet.importers.torch.tables import Table
from ranklet.model import StepSource

_OTHERS: Mapping[str | None, str] = {
    "old program": "a program of an early PyTorch, whose weights are pickles",
    "TorchScript": "TorchScript, which PyTorch itself no longer develops and cannot convert",
    "pickle": "a pickle (a state dict, a checkpoint or a whole module): weights without a graph, and it can run code",
    None: "a pickle (a state dict, a checkpoint or a whole module): weights without a graph, and it can run code",
}


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options.output: of several outputs, the one that ranks.

    Raises ImportRefused for what is no exported program, naming it; for a program that would not be served exactly.
    """
    wanted = wishes.only(OUTPUT).get(OUTPUT)
    if (kind := archive.looks(path)) != "program":
        if kind is None and not path.read_bytes()[:1] == b"\x80":
            raise ImportRefused(f"{path.name} is no program of PyTorch; {ADVICE}")
        raise ImportRefused(f"{path.name} is {_OTHERS[kind]}; {ADVICE}")
    try:
        given = program.load(archive.read(path))
        bagged = bags.rewrite(given)
        limits = tables.find(given)
        exported = _loaded(path.stem, convert(bagged.program))
    except ImportRefused as error:
        raise ImportRefused(str(error) if str(error).startswith(path.name) else f"{path.name}: {error}") from error
    drafted = [_bounded(one, limits) for one in tensors.draft(_limited(exported, limits))]
    oracle = PyTorch(given, bagged, drafted, tensors.score(exported, wanted).name)
    proposal = of_graph(exported, wanted=wanted, oracle=oracle, drafted=drafted)
    trial.run(proposal, oracle, exported.content or b"")
    return proposal


@dataclass(frozen=True)
class PyTorch:
    """The program itself, as it was exported."""

    program: Program
    bagged: Bagged
    drafted: Sequence[Drafted]
    score: str

    @property
    def name(self) -> str:
        """With its version."""
        return f"PyTorch {version('torch')}"

    def scores(self, columns: Columns) -> Array:
        """As the protocol says. Raises ImportRefused where the program does not run on these rows."""
        feeds = self.bagged.original(tensors.feeds(self.drafted, columns))
        try:
            return self.program.run(feeds)[self.score].reshape(-1)
        except FAULTS as error:
            rows = len(next(iter(columns.values())))
            raise ImportRefused(f"the exported program itself does not run on {rows} rows: {short(error)}") from error


def _loaded(stem: str, content: bytes) -> Exported:
    """The graph, read and tried as any other."""
    with tempfile.TemporaryDirectory(prefix="ranklet-torch-") as scratch:
        name = f"{stem}.onnx"
        (Path(scratch) / name).write_bytes(content)
        return onnx.load(StepSource(format="onnx", source=name), Path(scratch))


def _limited(exported: Exported, limits: Mapping[str, Table]) -> Exported:
    inputs = (replace(spec, limit=limits[spec.name].limit) if spec.name in limits else spec for spec in exported.inputs)
    return replace(exported, inputs=tuple(inputs))


def _bounded(one: Drafted, limits: Mapping[str, Table]) -> Drafted:
    """With the model's own padding. Raises ImportRefused where the first ids index nothing."""
    table = limits.get(one.tensor)
    if table is None:
        return one
    if table.first > 0:
        raise ImportRefused(
            f"the model subtracts {table.first} from the ids {one.tensor!r}, so that the first ones index nothing: "
            "subtract it before the export, where the ids are made"
        )
    if one.feature["kind"] != "bag" or table.pad is None or not 0 <= table.pad < table.limit:
        return one
    note = f"shorter lists are padded with the model's padding_idx {table.pad} at the end, and cut to their first ids"
    return replace(one, feature={**one.feature, "pad": table.pad}, notes=(note,))
