"""The ranker as people bring it: a trainer's graph and a catalogue of items, which the build splits by itself.

What the user is comes once in a request, what the items are is in the package: a request names them.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.bench.dialects import ranker
from ranklet.bench.peers import graphs
from ranklet.bench.peers.pairs import Reference
from ranklet.golden import Golden

FILE = "items.csv"
GRAPH = f"{ranker.NAME}.onnx"
OFF, FORCED = 'mode = "off"', f'mode = "force"\ncatalogue = "{FILE}"'
ONCE = 'once = ["user", "profile"]\n'


@cache
def items() -> dict[str, list[Any]]:
    """The columns of the catalogue, a row for every item that the graph has."""
    drawn = ranker.request(ranker.ITEMS).items
    return {**drawn, "item_id": list(range(ranker.ITEMS))}


def request(count: int) -> Golden:
    """A request for items of the catalogue, with all that is known of them."""
    golden, known = ranker.request(count), items()
    return Golden(
        golden.user,
        golden.context,
        {name: [column[at] for at in golden.items["item_id"]] for name, column in known.items()},
        golden.scores,
    )


def write(folder: Path) -> Path:
    """The model's folder."""
    golden, scores = scored(20)
    ranker.write(folder, replace(golden, scores=tuple(scores.tolist())))
    toml = folder / "model.toml"
    text = toml.read_text(encoding="utf-8")
    assert OFF in text and ONCE in text
    toml.write_text(text.replace(OFF, FORCED).replace(ONCE, ""), encoding="utf-8")
    (folder / GRAPH).write_bytes(graphs.unsplit())
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(items())
        table.writerows(zip(*items().values(), strict=True))
    return folder


def scored(count: int) -> Reference:
    """A request with the scores of the trainer's graph."""
    from ranklet_runtime.engines.ort import open_session  # as slow to import as onnxruntime

    golden = request(count)
    feeds = dict(ranker.feeds(golden))
    copied = {name: np.repeat(feeds[name], count, axis=0) for name in graphs.ONCE}
    scores = open_session(graphs.unsplit(), threads=1).run(None, feeds | copied)[0].reshape(-1)
    return Reference(golden, scores)
