"""One exported model of each format, as a trainer would hand it over: what the conformance test takes through."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Example(NamedTuple):
    """archive: below this folder. member: the model in it, a file, or a folder where it ends in a slash.

    called: the name that a trainer gives it. extra: of ranklet, what converts it; None where the build reads it itself.
    libraries: what `propose` imports. options: as `-o` gives them.
    """

    archive: str
    member: str
    called: str
    extra: str | None = None
    libraries: tuple[str, ...] = ()
    options: Mapping[str, str] = {}

    def unpack(self, folder: Path) -> Path:
        """The model in `folder`, which is new."""
        target = folder / self.called
        with zipfile.ZipFile(HERE / self.archive) as archive:
            if not self.member.endswith("/"):
                folder.mkdir(parents=True)
                target.write_bytes(archive.read(self.member))
                return target
            for name in archive.namelist():
                if name.startswith(self.member) and not name.endswith("/"):
                    path = target / name.removeprefix(self.member)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(archive.read(name))
        return target


EXAMPLES: Mapping[str, Example] = {
    "keras": Example(
        "keras/keras.zip",
        "lookups/ranker.keras",
        "ranker.keras",
        extra="keras",
        libraries=("keras", "tensorflow", "tf2onnx"),
    ),
    "alphafm": Example(
        "alphafm/alphafm.zip",
        "machine/model.txt",
        "model.txt",
        options={"line": "user={user_id} movie={movie_id:int} genre={genres*} age:{age} year:{year}"},
    ),
    "catboost": Example("catboost/catboost.zip", "films/model.json", "ranker.json", libraries=("catboost",)),
    "embeddings": Example("embeddings/embeddings.zip", "item2vec/model.txt", "items.vec"),
    "libffm": Example(
        "libffm/libffm.zip",
        "default/model.txt",
        "model",
        options={"line": "0:{user_id+0} 1:{movie_id+121} 2:{genre_ids*+272} 3:290:{age} 3:291:{year}"},
    ),
    "libfm": Example(
        "libfm/libfm.zip",
        "classification/model.txt",
        "model.libfm",
        options={
            "line": "{user_id+0} {movie_id+121} {genre_ids*+272} 290:{age} 291:{year}",
            "task": "c",
            "method": "sgd",
        },
    ),
    "h2o": Example("h2o/h2o.zip", "films/model.zip", "ranker.zip"),
    "lightgbm": Example("trees/lightgbm.zip", "lambdarank/model.txt", "ranker.txt", libraries=("lightgbm",)),
    "mleap": Example("mleap/mleap.zip", "films/bundle.zip", "ranker.zip"),
    "pmml": Example("pmml/pmml.zip", "s_imputed_logistic/model.pmml", "ranker.pmml"),
    "sklearn": Example(
        "sklearn/sklearn.zip",
        "films_linear/model.skops",
        "ranker.skops",
        extra="sklearn",
        libraries=("sklearn", "skops"),
    ),
    "tensorflow": Example(
        "tensorflow/tensorflow.zip", "module/saved/", "ranker", extra="tensorflow", libraries=("tensorflow", "tf2onnx")
    ),
    "torch": Example(
        "pytorch/torch.zip", "films/model.pt2", "ranker.pt2", extra="torch", libraries=("torch", "onnxscript")
    ),
    "vowpal": Example(
        "vowpal/vowpal.zip",
        "ftrl/model.txt",
        "model.txt",
        options={
            "line": "|user user={user_id:int} age:{age} sex={gender} job={occupation} |movie {movie_id:int} "
            "year:{year} |genres:0.5 {genres*} |both:2 of={occupation} id={movie_id:int}"
        },
    ),
    "xgboost": Example("trees/xgboost.zip", "binary:logistic/model.ubj", "ranker.ubj", libraries=("xgboost",)),
    "xlearn": Example(
        "xlearn/xlearn.zip",
        "ffm/model.txt",
        "model.txt",
        options={
            "line": "0:{user_id+0} 1:{movie_id+121} 2:{genre_ids*+272} 3:290:{age} 3:291:{year}",
            "norm": "on",
            "link": "sigmoid",
        },
    ),
}
"""Format → example. To add an importer: a line here."""
