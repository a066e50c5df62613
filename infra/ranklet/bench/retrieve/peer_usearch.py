"""usearch's side of the bench: a graph that is searched as widely as it needs for a recall."""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index  # type: ignore[import-not-found]

CALLS, WARM = 8, 4


def main() -> None:
    given = json.loads(sys.argv[1])
    vectors = np.load(given["vectors"])
    queries = np.load(given["queries"])
    queries = queries[len(queries) // 2 :]
    index = opened(given, vectors)
    recall, how = choose(index, given, vectors, queries)
    print(json.dumps({"version": version("usearch"), "recall": recall, "how": how}), flush=True)
    for line in sys.stdin:
        first = json.loads(line)["turn"] * (CALLS + WARM)
        asking = [queries[(first + at) % len(queries)] for at in range(CALLS + WARM)]
        for query in asking[:WARM]:
            index.search(query, given["k"], threads=1)
        start = time.process_time_ns()
        for query in asking[WARM:]:
            index.search(query, given["k"], threads=1)
        print(json.dumps({"cpu": (time.process_time_ns() - start) / CALLS / 1e9}), flush=True)


def opened(given: dict[str, Any], vectors: NDArray[np.float32]) -> Any:
    made = Index(ndim=vectors.shape[1], metric="ip", dtype="f32")
    if Path(given["kept"]).exists():
        made.load(given["kept"])
        return made
    made.add(np.arange(len(vectors)), vectors, threads=1)
    made.save(given["kept"])
    return made


def choose(
    index: Any, given: dict[str, Any], vectors: NDArray[np.float32], queries: NDArray[np.float32]
) -> tuple[float, str]:
    """The narrowest search that finds enough."""
    scores = queries @ vectors.T
    right = np.argpartition(scores, -given["k"], axis=1)[:, -given["k"] :]
    recall = 0.0
    for wide in (64, 128, 192, 256, 384, 512, 768, 1024):
        index.expansion_search = wide
        found = [index.search(query, given["k"], threads=1).keys for query in queries]
        recall = float(np.mean([len(np.intersect1d(a, b)) / given["k"] for a, b in zip(found, right, strict=True)]))
        if recall >= given["recall"]:
            break
    return recall, f"expansion {index.expansion_search}"


if __name__ == "__main__":
    main()
