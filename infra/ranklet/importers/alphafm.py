"""alphaFM's text models: factorisation machines trained by FTRL, and logistic regression where it has no factors.

`bias w w_n w_z`, then a line a name: `name w v1 … vk w_n w_z v_n1 … v_nk v_z1 … v_zk` (alphaFM's README, and
src/FTRL/ftrl_model.h). Of these w and v predict (predict_model.h), the rest is the optimiser's.
"""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.lines import proposing, template
from ranklet.importers.lines.reading import Numbered, numbered, numbers
from ranklet.importers.lines.weights import Weights
from ranklet.importers.proposal import Proposal, Wishes

EXAMPLE = "user={user_id:int} movie={movie_id:int} genre={genres*} year:{year}"
REMEDY = "give the text that fm_train wrote with -m (-mf txt)"
BINARY = (1).to_bytes(8, "little")
"""What `-mf bin` begins with: the version of its format, and then the bytes of a number."""


def recognises(path: Path, head: bytes) -> bool:
    """As the protocol says."""
    if head[:8] == BINARY and head[8:16] in ((4).to_bytes(8, "little"), (8).to_bytes(8, "little")):
        return path.is_file()
    return path.is_file() and head.startswith(b"bias ") and len(head.split(b"\n", 1)[0].split()) > 2


def propose(path: Path, wishes: Wishes) -> Proposal:
    """As the protocol says. options.line: of the training file, with raw inputs."""
    options = wishes.only(template.LINE)
    return proposing.propose(read(path), options, trainer="alphaFM", example=EXAMPLE)


def read(path: Path) -> Weights:
    """Raises ImportRefused naming the line that is none of such a model."""
    with path.open("rb") as file:
        if file.read(8) == BINARY:
            raise ImportRefused(
                f"{path.name} is alphaFM's binary form, which is not read; {REMEDY}, or convert it with model_bin_tool"
            )
    lines = numbered(path, REMEDY)
    place, line = next(lines, ("line 1", ""))
    words = line.split(" ")
    if words[0] == "bias" and len(words) > 4:
        raise ImportRefused(f"{place} has {len(words) - 1} numbers: alphaFM_softmax's models of classes are not served")
    if words[0] != "bias" or len(words) != 4:
        raise ImportRefused(f"{place} is {line[:60]!r}, where `bias w w_n w_z` stands; {REMEDY}")
    return _weights(numbers(words[1:2], place)[0], lines)


def _weights(bias: float, lines: Numbered) -> Weights:
    rows: dict[str, int] = {}
    found = array("f")
    k = -1
    for place, line in lines:
        name, *texts = line.rstrip(" ").split(" ")
        if k < 0 and len(texts) % 3 == 0 and texts:
            k = len(texts) // 3 - 1
            found.extend([0.0] * (k + 1))
        if not name or len(texts) != 3 * k + 3:
            raise ImportRefused(
                f"{place} has {len(texts)} numbers after its name, where {max(k, 0) * 3 + 3} stand; {REMEDY}"
            )
        if name in rows:
            raise ImportRefused(f"{place}: {name[:60]!r} comes twice; train again")
        numbers_of = numbers(texts[: k + 1], place)
        rows[name] = len(found) // (k + 1) if any(numbers_of) else 0
        found.extend(numbers_of if rows[name] else ())
    if not any(rows.values()):
        raise ImportRefused(f"it has no name whose weights are not all 0; {REMEDY}")
    table = np.frombuffer(found, np.float32).reshape(-1, k + 1)
    return Weights(bias, table[:, 0], table[:, 1:] if k else None, rows, zeros=0)
