"""Train item2vec and DeepWalk with gensim on MovieLens-100K, stored with its own similarities: embeddings.zip.

python tests/oracles.py embeddings --make
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors, Word2Vec

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import lines_kit  # noqa: E402

from ranklet.demo import movielens  # noqa: E402

DIM, USERS, FILMS = 16, 150, 300
SETTINGS = {"vector_size": DIM, "sg": 1, "min_count": 1, "workers": 1, "seed": 1, "epochs": 3}
REQUESTS, CANDIDATES = 12, 8
Request = dict[str, Any]


def main() -> None:
    """Write the archive beside this file."""
    liked = likings()
    lines_kit.store(HERE / "embeddings.zip", {"item2vec": item2vec(liked), "deepwalk": deepwalk(liked)})


def likings() -> dict[int, list[int]]:
    """Person → films that they liked, oldest first."""
    ratings = movielens.load().ratings
    found: dict[int, list[int]] = {}
    for at in np.argsort(ratings["timestamp"], kind="stable").tolist():
        user, film = int(ratings["user_id"][at]), int(ratings["movie_id"][at])
        if user <= USERS and film <= FILMS and ratings["rating"][at] >= lines_kit.LIKED:
            found.setdefault(user, []).append(film)
    return found


def item2vec(liked: dict[int, list[int]]) -> dict[str, bytes]:
    """word2vec's own text; a history's films are averaged, and the cosine scores."""
    vectors = Word2Vec([list(map(str, films)) for films in liked.values()], **SETTINGS).wv
    random, requests, scores = np.random.default_rng(3), [], []
    films = [int(key) for key in vectors.index_to_key]
    for length in [0, 1, *random.integers(1, 9, REQUESTS - 2).tolist()]:
        history = random.choice(films, length).tolist()
        items = random.choice(films, CANDIDATES, replace=False).tolist()
        requests.append({"user": {"history": history}, "context": {}, "items": {"item_id": items}})
        scores.append(similar(vectors, history, items))
    return {
        "model.txt": text(vectors),
        "case.json": case(requests, scores, {"metric": "cosine"}),
    }


def similar(vectors: KeyedVectors, history: Sequence[int], items: Sequence[int]) -> list[float]:
    """gensim's cosines; none for nobody's history."""
    if not history:
        return [0.0] * len(items)
    mean = vectors.get_mean_vector(list(map(str, history)), pre_normalize=False)
    return vectors.cosine_similarities(mean, vectors[list(map(str, items))]).tolist()


def deepwalk(liked: dict[int, list[int]]) -> dict[str, bytes]:
    """Walks between people and films; both get vectors, in lines of `id:f1 f2`, and their product scores."""
    vectors = Word2Vec(list(walks(liked)), **SETTINGS, negative=5).wv
    random, requests, scores = np.random.default_rng(4), [], []
    people, films = ([int(key[1:]) for key in vectors.index_to_key if key.startswith(letter)] for letter in ("u", "i"))
    for _ in range(REQUESTS):
        user, items = int(random.choice(people)), random.choice(films, CANDIDATES, replace=False).tolist()
        requests.append({"user": {"user_id": user}, "context": {}, "items": {"item_id": items}})
        scores.append((vectors[[f"i{item}" for item in items]] @ vectors[f"u{user}"]).tolist())
    return {
        "model.txt": lines(vectors, "i", ":"),
        "users.txt": lines(vectors, "u", " "),
        "case.json": case(requests, scores, {"users": "users.txt"}),
    }


def walks(liked: dict[int, list[int]]) -> Any:
    """Ten from each person, of 20 steps."""
    random = np.random.default_rng(5)
    likers: dict[int, list[int]] = {}
    for user, films in liked.items():
        for film in films:
            likers.setdefault(film, []).append(user)
    for user in [*liked] * 10:
        walk = [f"u{user}"]
        for _ in range(10):
            film = int(random.choice(liked[user]))
            user = int(random.choice(likers[film]))
            walk += [f"i{film}", f"u{user}"]
        yield walk


def text(vectors: KeyedVectors) -> bytes:
    """As gensim writes it."""
    with tempfile.TemporaryDirectory() as folder:
        vectors.save_word2vec_format(f"{folder}/vectors")
        return Path(folder, "vectors").read_bytes()


def lines(vectors: KeyedVectors, letter: str, after: str) -> bytes:
    """As a job on a cluster writes its rows."""
    keys = [key for key in vectors.index_to_key if key.startswith(letter)]
    return "".join(f"{key[1:]}{after}{' '.join(map(str, vectors[key].tolist()))}\n" for key in keys).encode()


def case(requests: Sequence[Request], scores: Sequence[Sequence[float]], options: dict[str, str]) -> bytes:
    """The content of case.json."""
    return json.dumps({"options": options, "columns": {}, "requests": requests, "scores": scores}).encode()


if __name__ == "__main__":
    main()
