"""TensorFlow SavedModels: of TF 1 (feature columns, Estimator's graphs), of TF 2's modules, of Keras 2.

1. **archive** reads saved_model.pb before TensorFlow may run it, and refuses what reaches outside the graph.
2. **loading** loads it, chooses a signature, freezes its graph and reads its tables.
3. **walk** goes through the graph: texts, lookups and hashes become **features** (**texts**, **crossing**), sparse
   tensors rectangles with a mask (**sparse**, **entries**), ids marks (**counting**), tf.Example its features
   (**parsing**); all else is copied.
4. **conversion** makes ONNX of the copy by tf2onnx.
5. **proposing** puts both together and holds them to TensorFlow's own answers; `additive` makes NumPy weights of a sum.

TensorFlow is asked once, by `ranklet import`: builds and functions never see it.
"""

from __future__ import annotations

from pathlib import Path

from ranklet.importers.proposal import Proposal, Wishes

OPTIONS = ("column", "output", "signature")


def recognises(path: Path, head: bytes) -> bool:
    """A folder with saved_model.pb."""
    return path.is_dir() and (path / "saved_model.pb").is_file()


def propose(path: Path, wishes: Wishes) -> Proposal:
    """See `proposing`."""
    wishes.only(*OPTIONS)
    from ranklet.importers.tensorflow import proposing

    return proposing.propose(path, wishes)
