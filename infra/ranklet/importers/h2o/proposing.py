"""A MOJO as the folder of a model: inputs, features, one graph, and every column that H2O's scorer writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers import proving
from ranklet.importers.archives import open_zip
from ranklet.importers.h2o import compiling, drawing, oracle
from ranklet.importers.h2o.calibrating import calibrated
from ranklet.importers.h2o.columns import Columns
from ranklet.importers.h2o.mojo import Mojo
from ranklet.importers.h2o.results import Scored, Told, told
from ranklet.importers.proposal import Proposal, ProposedInput, Wishes
from ranklet.importers.tape import Tape
from ranklet.model import StepSource, Telling
from ranklet_features.expressions.values import MISSING_TEXT

OUTPUT = "output"
ARTEFACT, SCORE = "export/model.onnx", "score"
RELATIVE, SMALLEST, ROWS = 1e-6, 1e-9, (64,)
"""What H2O's own scorer, where it is there, is held to: of one run, as each starts a JVM."""
TIES = "of equally probable classes the first is told; H2O draws one by a hash of the row"


def propose(path: Path, wishes: Wishes) -> Proposal:
    """See `ranklet.importers.h2o`."""
    options = wishes.only(OUTPUT)
    try:
        with open_zip(path) as archive:
            proposal = _propose(path, Mojo(archive), options.get(OUTPUT))
        if proposal.oracle is not None:
            proving.hold(proposal, relative=RELATIVE, smallest=SMALLEST, rows=ROWS)
        return proposal
    except ImportRefused as error:
        raise error if str(error).startswith(path.name) else ImportRefused(f"{path.name}: {error}") from error


def _propose(path: Path, mojo: Mojo, wanted: str | None) -> Proposal:
    tape = Tape()
    columns = Columns(tape)
    scored = compiling.score(mojo, columns)
    outputs = told(mojo, scored, calibrated(mojo, scored, tape))
    name, why = _ranked(mojo, outputs, scored, wanted)
    ranked = outputs[name].tensor
    used = {name for tensor in (ranked, *(one.tensor for one in outputs.values())) for name in tape.reads(tensor)}
    columns.settle(used)
    files: dict[str, bytes] = {}
    features = dict(columns.features(used, files))
    tensors = _tensors(outputs, taken=set(features) | set(columns.numbers) | set(columns.words), tape=tape)
    files[ARTEFACT] = tape.graph(
        columns.graph_inputs(used),
        {**{tensors[name]: one for name, one in _codes(outputs, tape)}, SCORE: ranked},
        "h2o",
    )
    return Proposal(
        inputs=_inputs(columns, features),
        features=features,
        steps=(StepSource(format="onnx", source=ARTEFACT),),
        score=SCORE,
        files=files,
        tell={name: Telling(tensor=tensors[name], labels=one.labels) for name, one in outputs.items()},
        oracle=oracle.of(path, name),
        nulls=True,
        notes=tuple(_notes(mojo, scored, why)),
    )


def _codes(outputs: Mapping[str, Told], tape: Tape) -> Iterator[tuple[str, str]]:
    """Labels' codes begin with 1."""
    for name, one in outputs.items():
        if one.labels is None:
            yield name, one.tensor
            continue
        code = tape.op("Add", one.tensor, [1])
        tape.kinds[code] = 7
        yield name, code


def _inputs(columns: Columns, features: Mapping[str, Mapping[str, Any]]) -> dict[str, ProposedInput]:
    """Each column that is read, in the order in which the model has them."""
    read = {name for fields in features.values() for name in fields["of"]}
    found: dict[str, ProposedInput] = {}
    for name in (*columns.numbers, *columns.words):
        if name in columns.words and name in read:
            words = drawing.Words(tuple(columns.words[name]), gone=name not in columns.needed)
            found[name] = ProposedInput({"type": "string", "default": MISSING_TEXT}, words.values)
        elif name in read:
            numbers = drawing.Numbers(tuple(columns.turns.get(name, ())), gone=name not in columns.needed)
            found[name] = ProposedInput({"type": "float", "nan": "allow"}, numbers.values)
    return found


def _tensors(outputs: Mapping[str, Told], *, taken: set[str], tape: Tape) -> dict[str, str]:
    """A tensor's name for each output: its own, where nothing else is called so."""
    found: dict[str, str] = {}
    for name in outputs:
        free, number = name, 2
        while free in taken or free == SCORE or free in tape.constants or (free[:1] == "t" and free[1:].isdigit()):
            free, number = f"{name}_{number}", number + 1
        taken.add(free)
        found[name] = free
    return found


def _ranked(mojo: Mojo, outputs: Mapping[str, Told], scored: Scored, wanted: str | None) -> tuple[str, str]:
    """The output that ranks, and a note of it. Raises ImportRefused where that must be asked."""
    numbers = {name: one.tensor for name, one in outputs.items() if one.labels is None}
    if wanted is not None:
        if wanted not in numbers:
            raise ImportRefused(f"no output of numbers is called {wanted!r}; there are {sorted(numbers)}")
        return wanted, f"the score is the output {wanted!r}"
    if scored.label is not None and len(scored.values) == 2:
        name = next(name for name, one in outputs.items() if one.tensor == scored.values[1])
        return name, f"the score is {name!r}, the probability of the second class"
    if scored.label is None and mojo.text("category") == "Regression":
        return "predict", "the score is the prediction"
    raise ImportRefused(f"say which output ranks, with -o {OUTPUT}=NAME: {', '.join(sorted(numbers))}")


def _notes(mojo: Mojo, scored: Scored, why: str) -> Iterator[str]:
    yield why
    yield f"{mojo.algorithm} of H2O {mojo.text('h2o_version', '?')}"
    if len(scored.values) > 2 and mojo.algorithm not in ("glm", "kmeans"):
        yield TIES
