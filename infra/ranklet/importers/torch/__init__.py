"""PyTorch: an exported program (`torch.export.save`, .pt2), converted once to ONNX.

1. **archive** copies what cannot run code out of the file; **graph** and **words** look at every text of the program,
   **structure** names its inputs and outputs: all without PyTorch.
2. **program** has PyTorch load the copy; **bags** writes EmbeddingBag as plain gathers.
3. **tables** finds which ids index which table, by watching what arrives there.
4. **convert** makes the graph, whose inputs are called as callers call them.
5. **proposing** makes a folder of it; **trial** compares the graph, fed by feature assembly, with the program itself.
"""

from __future__ import annotations

from pathlib import Path

from ranklet.importers.proposal import Proposal, Wishes
from ranklet.importers.torch import archive

PICKLES = (".pt", ".pth", ".ckpt")


def recognises(path: Path, head: bytes) -> bool:
    """A zip as PyTorch writes them (programs, TorchScript, pickles), or a pickle with one of PyTorch's endings.

    The latter ones are recognised to be refused in PyTorch's own words.
    """
    if head[:2] == b"PK":
        return archive.looks(path) not in (None, "damaged")
    return head[:1] == b"\x80" and path.suffix in PICKLES


def propose(path: Path, wishes: Wishes) -> Proposal:
    """See `proposing`."""
    from ranklet.importers.torch import proposing  # which needs onnx

    return proposing.propose(path, wishes)
