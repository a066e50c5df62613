"""Makes torch.zip: of each model of `torch_zoo` and `torch_films` its program, the draft of it, and its own answers.

Python 3.11 with the packages of requirements.txt beside this file; run by `python tests/oracles.py pytorch --make`, or

    python tests/ranklet/importers/pytorch/make_models.py

The answers are those of the model as its library runs it, on raw rows: neither of the program nor of the graph. Stack
traces and module paths are taken out of the programs, and ids of the run: the same archive at each run.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from torch_zoo import LIBRARIES, Case  # noqa: E402 (beside this file, which may be run from anywhere)

from ranklet import draft, importers  # noqa: E402
from ranklet.importers.proposal import Proposal, Wishes  # noqa: E402
from ranklet.importers.torch.program import quiet  # noqa: E402

ARCHIVE = HERE / "torch.zip"
ROWS = 64


def cases() -> Iterator[tuple[str, Case]]:
    """All models, the trained one among them."""
    from torch_films import trained

    net, batch, auc = trained()
    print(f"films: AUC {auc:.4f}")
    yield "films", Case(net, batch)
    for library in LIBRARIES.values():
        for name, make in library():
            yield name, make()


def saved(case: Case, path: Path) -> None:
    """The program's file without what differs from run to run or tells of the machine."""
    with quiet():
        torch.export.save(case.export(), path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path.write_bytes(zipped({name: _bare(name, content) for name, content in members.items()}, zipfile.ZIP_STORED))


def _bare(name: str, content: bytes) -> bytes:
    if name.endswith("serialization_id"):
        return b"0" * len(content)
    if not name.endswith("models/model.json"):
        return content
    program = json.loads(content)
    for node in program["graph_module"]["graph"]["nodes"]:
        node["metadata"] = {}
    return json.dumps(program).encode()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Of equal members equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=9) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, method)
    return buffer.getvalue()


def columns(proposal: Proposal) -> dict[str, list[Any]]:
    """Rows as the proposal draws them; the first have the first and the last id of every table, and empty lists."""
    random = np.random.default_rng(1)
    found = {name: one.draw(random, ROWS) for name, one in proposal.inputs.items()}
    for name, values in found.items():
        if (size := proposal.features[name].get("size")) is not None:
            size = min(size, 100)
            values[:2] = [[], [size - 1]] if proposal.inputs[name].fields.get("list") else [0, size - 1]
    return found


def answers(case: Case, proposal: Proposal, rows: Mapping[str, list[Any]]) -> list[float]:
    """The library's own."""
    from ranklet.importers import tensors

    oracle: Any = proposal.oracle
    feeds = oracle.bagged.original(tensors.feeds(oracle.drafted, rows))
    batch = {name: torch.from_numpy(np.ascontiguousarray(feeds[name])) for name in case.batch}
    with torch.no_grad():
        found = case.model(batch) if case.one_dict else case.model(*batch.values())
    found = found[oracle.score] if isinstance(found, dict) else found
    column = int(case.options.get("column", 0))
    return [float(score) for score in (found if found.ndim == 1 else found[:, column]).tolist()]


def made(name: str, case: Case, folder: Path) -> dict[str, bytes]:
    """Member → content."""
    path = folder / "model.pt2"
    saved(case, path)
    wishes = Wishes(options=case.options)
    proposal = importers.propose("torch", path, wishes)
    draft.draft(path, folder / "ranker", wishes=wishes)
    rows = columns(proposal)
    record = {"options": dict(case.options), "columns": rows, "scores": answers(case, proposal, rows)}
    kept = {f"{name}/model.pt2": path.read_bytes(), f"{name}/rows.json": json.dumps(record).encode()}
    for part in ("model.toml", "golden.jsonl", "export/model.onnx"):
        kept[f"{name}/draft/{part}"] = (folder / "ranker" / part).read_bytes()
    return kept


def main() -> None:
    """Write the archive."""
    members: dict[str, bytes] = {}
    for name, case in cases():
        with tempfile.TemporaryDirectory() as scratch:
            members |= made(name, case, Path(scratch))
        print(name)
    ARCHIVE.write_bytes(zipped(members))
    print(f"{len(members) // 5} models, {ARCHIVE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
