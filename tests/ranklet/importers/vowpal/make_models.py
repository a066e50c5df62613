"""Train models with Vowpal Wabbit on MovieLens-100K and store them with its own predictions: vowpal.zip.

python tests/oracles.py vowpal --make
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import vowpalwabbit

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import lines_kit  # noqa: E402

LINE = (
    "|user user={user_id:int} age:{age} sex={gender} job={occupation} |movie {movie_id:int} year:{year} "
    "|genres:0.5 {genres*} |both:2 of={occupation} id={movie_id:int}"
)
SMALL = "--predict_only_model -b 12"
MODELS: Mapping[str, str] = {
    "least-squares": SMALL,
    "ftrl": f"{SMALL} --ftrl --loss_function logistic --link logistic -q um -q ug",
    "coin": f"{SMALL} --coin --loss_function logistic --link logistic -q mu --noconstant",
    "cubic": f"{SMALL} --loss_function logistic --cubic umg",
    "own-pairs": f"{SMALL} --loss_function logistic --link logistic -q gg -q uu",
    "all-pairs": f"{SMALL} --loss_function logistic -q ::",
    "all-triples": f"{SMALL} --loss_function logistic --interactions :::",
    "twice-in-three": f"{SMALL} --loss_function logistic --interactions ugg --interactions gumg",
    "either-order": f"{SMALL} --loss_function logistic -q um --interactions mu --interactions gum --interactions umg",
    "hash-all": f"{SMALL} --hash all --loss_function logistic --link logistic -q um",
    "hash-seed": f"{SMALL} --hash_seed 7 --loss_function logistic --link logistic -q um",
    "ignored": f"{SMALL} --ignore b --loss_function logistic -q ug",
    "kept": f"{SMALL} --keep u --keep m --ignore_linear m --loss_function logistic -q um",
    "poisson": f"{SMALL} --loss_function poisson --link poisson -l 0.02",
    "state": "-b 10 --loss_function logistic --link logistic",
    "hinge": f"{SMALL} --loss_function hinge -q um",
    "wide": "--predict_only_model -b 24 --ftrl --ftrl_alpha 0.1 --loss_function logistic --link logistic --l1 2 -q um",
}
"""Name → arguments."""

TRAIN, ROWS = 3000, 60


def main() -> None:
    """Write the archive beside this file."""
    train = [(row, int(rating >= lines_kit.LIKED)) for row, rating in lines_kit.ratings(TRAIN)]
    rows = lines_kit.strangers(ROWS)
    models = {name: trained(arguments, train, rows) for name, arguments in MODELS.items()}
    lines_kit.store(HERE / "vowpal.zip", models)


def trained(arguments: str, train: list[tuple[lines_kit.Row, int]], rows: list[lines_kit.Row]) -> dict[str, bytes]:
    """The files of one model."""
    with tempfile.TemporaryDirectory() as folder:
        text, binary = Path(folder, "model.txt"), Path(folder, "model.vw")
        learner = vowpalwabbit.Workspace(f"{arguments} --readable_model {text} -f {binary} --quiet")
        positive = "poisson" in arguments
        for row, liked in train:
            learner.learn(f"{liked if positive or 'loss' not in arguments else 2 * liked - 1} {line(row)}")
        learner.finish()
        reader = vowpalwabbit.Workspace(f"-t -i {binary} --quiet")
        scores = [reader.predict(line(row)) for row in rows]
        reader.finish()
        told = {"options": {"line": LINE}, "arguments": arguments}
        return {
            "model.txt": text.read_bytes(),
            "model.vw": binary.read_bytes(),
            "case.json": lines_kit.case(rows, scores, **told),
        }


def line(row: lines_kit.Row) -> str:
    """What a writer of such lines writes: a feature for each value that there is."""
    user = [f"user={row['user_id']}"] if row["user_id"] is not None else []
    user += [f"age:{row['age']!r}"] if row["age"] is not None else []
    user += [f"sex={row['gender']}"]
    user += [f"job={row['occupation']}"] if row["occupation"] is not None else []
    movie = [str(row["movie_id"])] if row["movie_id"] is not None else []
    both = [f"of={row['occupation']}"] if row["occupation"] is not None else []
    both += [f"id={row['movie_id']}"] if row["movie_id"] is not None else []
    movie.append(f"year:{row['year']!r}")
    return (
        f"|user {' '.join(user)} |movie {' '.join(movie)} "
        f"|genres:0.5 {' '.join(row['genres'])} |both:2 {' '.join(both)}"
    )


if __name__ == "__main__":
    main()
