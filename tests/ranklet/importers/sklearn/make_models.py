"""Models of scikit-learn of one version, as skops saves them and scikit-learn scores them.

`python make_models.py` writes sklearn.zip beside it: of each model the file (model.skops; none where the default tests
lack its library), the import's options (options.json), raw rows in the form that callers send (rows.json),
scikit-learn's own scores (answers.json), and what `ranklet import` makes of it (draft/). So the default tests see what
another version of scikit-learn would change. The pinned libraries stand in requirements.txt; MovieLens-100K is fetched
once.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import sklearn
import sklearn_boosters
import sklearn_films
import skops.io
from sklearn_terms import SAMPLES

HERE = Path(__file__).parent
STORED = (
    "logistic", "logistic_three", "logistic_ovr", "sgd_log", "sgd_regressor", "ridge", "lasso", "poisson", "tweedie",
    "linear_svc", "tree_missing", "forest_three", "boosted", "boosted_value", "histogram",
    "histogram_poisson", "svc", "svr", "gaussian_nb", "multinomial_nb", "complement_nb", "bernoulli_nb",
    "neighbours", "perceptrons", "calibrated", "isotonic", "bagging", "adaboost", "adaboost_value", "vote", "stack",
    "target_log", "quantiles_normal", "yeo_johnson", "box_cox", "bins", "splines", "pca", "k_means", "imputed", "hot",
    "hot_first", "hot_frequent", "ordinal_frequent", "target_encoded", "categories", "crossed", "weighed", "hashed",
    "dicts", "tagged",
)  # fmt: skip
ROWS = 40
EPOCH = (1980, 1, 1, 0, 0, 0)


def models() -> Iterator[tuple[str, Any, Mapping[str, str]]]:
    """Names, fitted models, options."""
    for name in STORED:
        yield name, SAMPLES[name].train(), SAMPLES[name].options
    for name in sklearn_boosters.SAMPLES:
        yield name, sklearn_boosters.SAMPLES[name].train(), sklearn_boosters.SAMPLES[name].options
    for name in sklearn_films.FILMS:
        yield name, sklearn_films.train(name), {}


def files(model: Any, options: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """What is stored of a model."""
    from ranklet import draft
    from ranklet.importers.proposal import Wishes
    from ranklet.importers.sklearn import propose

    with tempfile.TemporaryDirectory() as scratch:
        path, wishes = Path(scratch) / "model.skops", Wishes(options=options)
        plainly(model, path)
        proposal = propose(path, wishes)
        random = np.random.default_rng(11)
        columns = {name: one.draw(random, ROWS) for name, one in proposal.inputs.items()}
        assert proposal.oracle is not None
        yield "model.skops", path.read_bytes()
        yield "options.json", orjson.dumps(dict(options))
        yield "rows.json", orjson.dumps(columns)
        yield "answers.json", orjson.dumps(proposal.oracle.scores(columns).tolist())
        folder = Path(scratch) / "functions" / "ranker"
        draft.draft(path, folder, wishes=wishes)
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield f"draft/{file.relative_to(folder).as_posix()}", file.read_bytes()


def plainly(model: Any, path: Path) -> None:
    """Saved as skops does, but for its ids, which are places in memory: they are counted instead."""
    skops.io.dump(model, path)
    with zipfile.ZipFile(path) as archive:
        schema = archive.read("schema.json").decode()
        order = {found: str(at) for at, found in enumerate(dict.fromkeys(re.findall(r'"__id__": (\d+)', schema)))}
        renamed = {name: f"{order.get(name.split('.')[0], name.split('.')[0])}.npy" for name in archive.namelist()}
        contents = {name: archive.read(name) for name in archive.namelist() if name != "schema.json"}
    schema = re.sub(r'("__id__": )(\d+)', lambda found: found[1] + order[found[2]], schema)
    schema = re.sub(r'("_stop_words_id": \{[^}]*"content": ")\d+', r"\g<1>0", schema)
    for name in contents:
        schema = schema.replace(f'"{name}"', f'"{renamed[name]}"')
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("schema.json", EPOCH), schema)
        for name in sorted(contents, key=renamed.__getitem__):
            archive.writestr(zipfile.ZipInfo(renamed[name], EPOCH), contents[name])


def main() -> None:
    """Write sklearn.zip."""
    with zipfile.ZipFile(HERE / "sklearn.zip", "w") as out:
        out.writestr(zipfile.ZipInfo("version.txt", EPOCH), sklearn.__version__)
        for name, model, options in models():
            for file, content in files(model, options):
                if file == "model.skops" and name in sklearn_boosters.SAMPLES:
                    continue
                info = zipfile.ZipInfo(f"{name}/{file}", EPOCH)
                out.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=9)
            print(name, flush=True)


if __name__ == "__main__":
    main()
