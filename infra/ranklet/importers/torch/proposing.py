"""A folder for a program of PyTorch: converted, its ids bounded by their tables, compared with the program itself."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from ranklet.errors import ImportRefused
from ranklet.importers import columns, onnx, tensors
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

COLUMN = "column"
_PICKLE = "a pickle (a state dict, a checkpoint or a whole module): weights without a graph, and it can run code"
_OTHERS: Mapping[str | None, str] = {
    "old program": "a program of an early PyTorch, whose weights are pickles",
    "TorchScript": "TorchScript, which PyTorch itself no longer develops and cannot convert",
    "damaged": "no program of PyTorch that can be read",
}


def propose(path: Path, wishes: Wishes) -> Proposal:
    """options.output: of several outputs, the one that ranks. options.column: of an output of several, one.

    Raises ImportRefused for what is no exported program, naming it; for a program that would not be served exactly.
    """
    options = wishes.only(OUTPUT, COLUMN)
    if (kind := archive.looks(path)) != "program":
        raise ImportRefused(f"{path.name} is {_OTHERS.get(kind, _PICKLE)}; {ADVICE}")
    try:
        return _propose(path, options)
    except ImportRefused as error:
        raise ImportRefused(str(error) if str(error).startswith(path.name) else f"{path.name}: {error}") from error


def _propose(path: Path, options: Mapping[str, str]) -> Proposal:
    wanted, column = options.get(OUTPUT), columns.index(options[COLUMN]) if COLUMN in options else None
    given = program.load(archive.read(path))
    bagged, limits = bags.rewrite(given), tables.find(given)
    content = convert(bagged.program)
    if column is not None:
        wanted = wanted or given.graph.outputs[0]
        content = columns.pick(content, wanted, column)
    exported = _loaded(path.stem, content, given)
    drafted = [_bounded(one, limits) for one in tensors.draft(_limited(exported, limits))]
    oracle = PyTorch(given, bagged, drafted, _score(exported, wanted), column)
    proposal = of_graph(exported, wanted=wanted, oracle=oracle, drafted=drafted)
    trial.run(proposal, oracle, exported.content or b"")
    return proposal


def _score(exported: Exported, wanted: str | None) -> str:
    try:
        return tensors.score(exported, wanted).name
    except ImportRefused as error:
        raise ImportRefused(
            f"{error}, or take one of its columns to rank with -o {COLUMN}=0 (of several tasks)"
        ) from error


@dataclass(frozen=True)
class PyTorch:
    """The program itself, as it was exported."""

    program: Program
    bagged: Bagged
    drafted: Sequence[Drafted]
    score: str
    column: int | None = None

    @property
    def name(self) -> str:
        """With its version."""
        return f"PyTorch {version('torch')}"

    def scores(self, columns: Columns) -> Array:
        """As the protocol says. Raises ImportRefused where the program does not run on these rows."""
        feeds = self.bagged.original(tensors.feeds(self.drafted, columns))
        try:
            found = self.program.run(feeds)[self.score]
        except FAULTS as error:
            rows = len(next(iter(columns.values())))
            raise ImportRefused(f"the exported program itself does not run on {rows} rows: {short(error)}") from error
        return (found if self.column is None else found[:, self.column]).reshape(-1)


def _loaded(stem: str, content: bytes, given: Program) -> Exported:
    """The graph, read and tried as any other."""
    with tempfile.TemporaryDirectory(prefix="ranklet-torch-") as scratch:
        name = f"{stem}.onnx"
        (Path(scratch) / name).write_bytes(content)
        try:
            return onnx.load(StepSource(format="onnx", source=name), Path(scratch))
        except ImportRefused as error:
            if not given.graph.squeezes:
                raise
            raise ImportRefused(
                f"{error}. {given.graph.squeezes[0]!r} is a squeeze() of all dimensions: with one row it drops the "
                "rows' too, in PyTorch as well; say which, squeeze(dim), and export again"
            ) from error


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
