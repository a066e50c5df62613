"""Vowpal Wabbit's `--readable_model`: linear models over hashed features, with interactions of namespaces.

1. `reading` takes header and weights apart and refuses what is not linear; 2. `spaces` makes of the author's line
the namespaces, and of each token a feature of the kind `vw`; 3. `oracle` scores lines by the formula, or by
vowpalwabbit itself where the author names the model that it can load, `-o binary=model.vw`. The build reads an .npz.
"""

from __future__ import annotations

from pathlib import Path

from ranklet.importers import checking
from ranklet.importers.lines import template
from ranklet.importers.npz import npz
from ranklet.importers.proposal import Proposal, Wishes
from ranklet.importers.vowpal import oracle, spaces
from ranklet.importers.vowpal.reading import read
from ranklet.model import StepSource

BINARY = "binary"
EXAMPLE = "|user user={user_id:int} |movie movie={movie_id:int} genre={genres*} year:{year}"
WEIGHTS = "export/weights.npz"


def recognises(path: Path, head: bytes) -> bool:
    """As the protocol says."""
    return path.is_file() and head.startswith(b"Version ") and b"\n" in head


def propose(path: Path, wishes: Wishes) -> Proposal:
    """As the protocol says. options.line: the trained line with raw inputs; options.binary: the model that vw loads."""
    options = wishes.only(template.LINE, BINARY)
    model = read(path)
    tokens = template.parse(template.wanted(options, EXAMPLE), spaces=True)
    drafted = spaces.draft(model, tokens)
    proposal = Proposal(
        inputs={name: raw.proposed for name, raw in drafted.raws.items()},
        features=drafted.features,
        steps=(
            StepSource(
                format="numpy", engine="hashed", source=WEIGHTS, inputs=drafted.carriers, options=drafted.options
            ),
        ),
        score="score",
        files={WEIGHTS: npz(model.arrays())},
        oracle=oracle.of(model, tokens, drafted.raws, options.get(BINARY)),
        notes=drafted.notes,
    )
    checking.check(proposal, narrow=BINARY in options)
    return proposal
