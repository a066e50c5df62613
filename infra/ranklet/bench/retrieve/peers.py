"""faiss and usearch, each in an environment and a process of its own; they time themselves, one thread.

faiss searches an inverted file of as many lists as ours (IndexIVFFlat, inner product), usearch its graph (HNSW). Either
looks as far as it must to find as large a share of the exact best as ours does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from ranklet.bench import asked
from ranklet.bench.asked import Asked
from ranklet.bench.base import Progress, Sample, Setting
from ranklet.bench.retrieve.sets import K, Made

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "faiss": ("faiss-cpu==1.15.1", "numpy"),
    "usearch": ("usearch==2.26.6", "numpy"),
}
NAMES = tuple(PACKAGES)
MOST = {"faiss": 1_000_000, "usearch": 200_000}
"""Rows: a graph of a million takes one core half an hour to build."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
HERE = Path(__file__).parent


def started(made: Made, recall: float, setting: Setting, progress: Progress, stack: ExitStack) -> dict[str, Sample]:
    """Those that are there, by name; their processes end with the stack."""
    found: dict[str, Sample] = {}
    for name, packages in PACKAGES.items():
        python = asked.environment(name, packages, setting, progress)
        if python is None or made.spec.rows > MOST[name]:
            continue
        progress(f"{made.name}: {name} builds its index")
        given = {
            "vectors": str(made.folder / "all.npy"),
            "queries": str(made.folder / "queries.npy"),
            "kept": str(made.folder / f"{name}.index"),
            "lists": made.spec.lists,
            "k": K,
            "recall": recall,
        }
        script = HERE / f"peer_{name}.py"
        peer = stack.enter_context(asked.started(python, script, given, environ=ONE_THREAD))
        progress(f"{made.name}: {name} {peer.told['version']} finds {peer.told['recall']:.4f} ({peer.told['how']})")
        if peer.told["recall"] >= recall - 0.002:
            found[name] = _sample(peer)
    return found


def _sample(peer: Asked) -> Callable[[int], float]:
    def sample(turn: int) -> float:
        taken: float = peer.ask({"turn": turn})["cpu"]
        return taken

    return sample
