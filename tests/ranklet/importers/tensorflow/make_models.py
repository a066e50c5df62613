"""SavedModels over every feature column and preprocessing layer, as TensorFlow saves and scores them.

`python make_models.py` writes tensorflow.zip beside it: of each model the SavedModel (saved/), raw rows in the form
that callers send (rows.json) and TensorFlow's own scores (answers.json), and what `ranklet import` makes of it
(draft/), so that the default tests need no TensorFlow. The pinned libraries stand in requirements.txt; MovieLens-100K
is fetched once.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import tensorflow_films
import tensorflow_linear
import tensorflow_zoo

HERE = Path(__file__).parent
ROWS = 60
EPOCH = (1980, 1, 1, 0, 0, 0)
MODELS = {**tensorflow_zoo.MODELS, "wide_and_deep": tensorflow_films.train, **tensorflow_linear.MODELS}


def files(name: str) -> Iterator[tuple[str, bytes]]:
    """What is stored of a model."""
    from ranklet import draft
    from ranklet.importers.proposal import NO_WISHES
    from ranklet.importers.tensorflow import propose

    with tempfile.TemporaryDirectory() as scratch:
        path = MODELS[name](Path(scratch))
        proposal = propose(path, NO_WISHES)
        random = np.random.default_rng(11)
        columns = {key: one.draw(random, ROWS) for key, one in proposal.inputs.items()}
        assert proposal.oracle is not None
        folder = Path(scratch) / "functions" / "ranker"
        draft.draft(path, folder)
        yield "rows.json", orjson.dumps(columns)
        yield "answers.json", orjson.dumps(proposal.oracle.scores(columns).tolist())
        for root, below in ((path, "saved"), (folder, "draft")):
            for file in sorted(root.rglob("*")):
                if file.is_file() and file.name != "fingerprint.pb":
                    yield f"{below}/{file.relative_to(root).as_posix()}", file.read_bytes()


def main() -> None:
    """Write tensorflow.zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name in MODELS:
            for file, content in files(name):
                info = zipfile.ZipInfo(f"{name}/{file}", EPOCH)
                out.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=9)
            print(name, flush=True)
    (HERE / "tensorflow.zip").write_bytes(packed.getvalue())


if __name__ == "__main__":
    main()
