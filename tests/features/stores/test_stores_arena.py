from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet_features.stores.arena import EMPTY, Arena


@settings(max_examples=200, deadline=None)
@given(
    entries=st.integers(1, 200),
    steps=st.lists(st.tuples(st.integers(0, 200), st.lists(st.integers(1, 200), max_size=40)), max_size=20),
)
def test_a_claim_gives_distinct_slots_whatever_was_used(entries: int, steps: list[tuple[int, list[int]]]) -> None:
    arena = Arena(entries, 1)
    for n, used in steps:
        arena.read(np.array([slot for slot in used if slot <= entries], np.int64))
        claimed = arena.claim(min(n, entries)).tolist()
        assert len(claimed) == min(n, entries) == len(set(claimed))
        assert all(EMPTY < slot <= entries for slot in claimed)


def test_a_used_slot_is_spared_once() -> None:
    arena = Arena(4, 1)
    assert arena.claim(4).tolist() == [1, 2, 3, 4]
    arena.read(np.array([1, 3]))
    assert arena.claim(2).tolist() == [2, 4]
    assert arena.claim(2).tolist() == [1, 2]


def test_memory_is_taken_as_the_cache_fills() -> None:
    """A gigabyte of slots is address space until rows are written: without that this would not be allowed."""
    import subprocess
    import sys

    script = (
        "import resource, numpy as np\n"
        "from ranklet_features.stores.arena import Arena\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "arena = Arena(1 << 20, 256)\n"
        "arena.write(arena.claim(1000), np.ones((1000, 256), np.float32), np.zeros(1000, np.uint8), expires=1.0)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) < 100 * 1024  # kilobytes; the full arena is 1 GB
