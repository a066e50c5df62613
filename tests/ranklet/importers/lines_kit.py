"""Models of lines: MovieLens-100K as raw rows to train on, and what is stored of a trained model.

A stored model is a folder in an archive: `model.txt` as the tool wrote it, `case.json` with the options of the import,
raw rows (drawn at random: nobody's ratings) and the tool's own scores.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.importers import checking
from ranklet.importers.proposal import Proposer, Wishes

Row = dict[str, Any]
DATE = (1980, 1, 1, 0, 0, 0)
LIKED = 4


def ratings(count: int, *, seed: int = 1, users: int = 943, films: int = 1682) -> Iterator[tuple[Row, int]]:
    """(raw row, its rating from 1 to 5) of so many ratings of MovieLens-100K, in an order of their own."""
    from ranklet.demo import movielens  # fetches the data

    data = movielens.load()
    columns = data.ratings
    few = np.flatnonzero((columns["user_id"] <= users) & (columns["movie_id"] <= films))
    for at in np.random.default_rng(seed).permutation(few)[:count].tolist():
        user, film, rating = (int(columns[name][at]) for name in ("user_id", "movie_id", "rating"))
        yield row(data, user, film), rating


def strangers(count: int, *, seed: int = 2, users: int = 943, films: int = 1682) -> list[Row]:
    """Rows of people and films that were put together at random, some values missing, unknown or extreme."""
    from ranklet.demo import movielens

    data, random = movielens.load(), np.random.default_rng(seed)
    found = []
    for at in range(count):
        one = row(data, int(random.integers(1, users + 1)), int(random.integers(1, films + 1)))
        odd: Mapping[str, Any] = {
            "user_id": [None, 999_999][at % 2],
            "movie_id": [None, 888_888][at % 2],
            "genres": [[], ["Western", "Opera", "Western"]][at % 2],
            "age": [None, 1e6][at % 2],
            "occupation": [None, "astronaut"][at % 2],
        }
        for name, value in odd.items():
            if random.random() < 0.15:
                one[name] = value
        found.append(one)
    return found


def row(data: Any, user: int, film: int) -> Row:
    """What a caller would send."""
    person, movie = data.users[user], data.items[film]
    return {
        "user_id": user,
        "age": person.age / 10,
        "gender": person.gender,
        "occupation": person.occupation,
        "movie_id": film,
        "genres": list(movie.genres),
        "year": (movie.year or 1990) / 100 - 19,
    }


def store(path: Path, models: Mapping[str, Mapping[str, bytes]]) -> None:
    """Models by name, each its files, as an archive without dates."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, files in models.items():
            for file, content in files.items():
                info = zipfile.ZipInfo(f"{name}/{file}", DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, content)


def case(rows: Sequence[Row], scores: Sequence[float], **more: Any) -> bytes:
    """The content of case.json."""
    columns = {name: [one[name] for one in rows] for name in rows[0]}
    return json.dumps({**more, "columns": columns, "scores": list(scores)}).encode()


@dataclass(frozen=True)
class Stored:
    """One model out of an archive. columns: raw values; scores: the tool's own."""

    path: Path
    options: Mapping[str, str]
    columns: Mapping[str, list[Any]]
    scores: list[float]
    more: Mapping[str, Any]

    @property
    def wishes(self) -> Wishes:
        """The options as an author gives them; files beside the model are named by their place."""
        beside = ("names", "users")
        told = {name: str(self.path.with_name(value)) for name, value in self.options.items() if name in beside}
        return Wishes(options={**self.options, **told})


def names(archive: Path) -> list[str]:
    """The models in an archive."""
    if not archive.exists():
        return []
    with zipfile.ZipFile(archive) as file:
        return list(dict.fromkeys(name.split("/")[0] for name in file.namelist()))


def unpack(archive: Path, name: str, folder: Path) -> Stored:
    """One model, written to `folder`."""
    with zipfile.ZipFile(archive) as file:
        for member in file.namelist():
            if member.startswith(f"{name}/"):
                path = folder / member
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read(member))
    told = json.loads((folder / name / "case.json").read_text(encoding="utf-8"))
    return Stored(folder / name / "model.txt", told.get("options", {}), told["columns"], told["scores"], told)


def imported(importer: Proposer, stored: Stored) -> Any:
    """Scores of a stored model's rows, as imported: float32 [n]."""
    proposal = importer.propose(stored.path, stored.wishes)
    return checking.scores(proposal, {name: stored.columns[name] for name in proposal.inputs})
