"""MovieLens-100K: 100 000 ratings of 1 682 films by 943 people, fetched, never carried along.

GroupLens allows research use of the ratings and forbids redistributing them without permission, so no
rating lies in this repository nor in anything built from it. The PyPI wheel of RecBole ships the data
set as an example; pip fetches that wheel once into the user's cache (pip, because it knows the
machine's index, proxy and credentials), its SHA-256 is checked on every use, and the three files are
read straight out of the archive: nothing is unpacked, no code of the wheel is run.

F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. ACM
Transactions on Interactive Intelligent Systems 5, 4, Article 19. https://doi.org/10.1145/2827872
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import DataError

REQUIREMENT = "recbole==1.2.1"
WHEEL = "recbole-1.2.1-py3-none-any.whl"
SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
MEMBER = "recbole/dataset_example/ml-100k/ml-100k.{}"
SIZES = {"ratings": 100_000, "users": 943, "items": 1_682}
TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class User:
    """age in years, gender `M` or `F`, occupation one of 21 lower-case words."""

    age: int
    gender: str
    occupation: str


@dataclass(frozen=True, slots=True)
class Movie:
    """year of release, None for the one film without any; genres of 19, at least one."""

    title: str
    year: int | None
    genres: tuple[str, ...]


@dataclass(frozen=True)
class MovieLens:
    """ratings: columns of 100 000, in the file's order: user_id int64, movie_id int64, rating float64 (1 to 5),
    timestamp int64 (seconds since 1970, UTC). users and items: by their ids, both counted from 1."""

    ratings: Mapping[str, NDArray[Any]]
    users: Mapping[int, User]
    items: Mapping[int, Movie]


def load() -> MovieLens:
    """The whole data set; the first call on a machine fetches it (2 MB).

    Raises DataError when it cannot be fetched or is not the file that is pinned here.
    """
    with zipfile.ZipFile(io.BytesIO(_verified(fetch()))) as archive:
        data = MovieLens(ratings=_ratings(archive), users=dict(_users(archive)), items=dict(_items(archive)))
    found = {"ratings": len(data.ratings["rating"]), "users": len(data.users), "items": len(data.items)}
    if found != SIZES:
        raise DataError(f"{WHEEL}: expected {SIZES}, found {found}")
    return data


def cache_folder() -> Path:
    """$RANKLET_CACHE, else `ranklet` below $XDG_CACHE_HOME, else ~/.cache/ranklet."""
    if own := os.environ.get("RANKLET_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ranklet"


def fetch() -> Path:
    """The wheel in the cache, fetched when it is absent or damaged.

    Safe to run at once in several processes: each fetches into a folder of its own, and the move into
    place is atomic.
    """
    wheel = cache_folder() / WHEEL
    if wheel.is_file() and _digest(wheel.read_bytes()) == SHA256:
        return wheel
    try:
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=wheel.parent, prefix="fetch-") as folder:
            fetched = _download(Path(folder))
            _verified(fetched)
            fetched.replace(wheel)
    except OSError as error:
        raise DataError(f"{wheel.parent}: {error}; set RANKLET_CACHE to a folder that can be written") from error
    return wheel


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), REQUIREMENT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise DataError(_remedy(f"pip gave no answer within {TIMEOUT_S} s")) from error
    if done.returncode or not (folder / WHEEL).is_file():
        raise DataError(_remedy((done.stderr.strip() or f"pip wrote no {WHEEL}").splitlines()[-1]))
    return folder / WHEEL


def _remedy(cause: str) -> str:
    return (
        f"MovieLens-100K was not fetched ({cause}). It lies in the PyPI wheel {REQUIREMENT}: point pip at an index "
        f"that is reachable (PIP_INDEX_URL or pip.conf), or put {WHEEL} into {cache_folder()} by hand"
    )


def _verified(wheel: Path) -> bytes:
    content = wheel.read_bytes()
    if (digest := _digest(content)) != SHA256:
        raise DataError(f"{wheel.name} has SHA-256 {digest}, pinned is {SHA256}; the index serves another file")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[list[str]]:
    """The tab-separated rows below the header line."""
    lines = archive.read(MEMBER.format(name)).decode("utf-8").splitlines()
    return (line.split("\t") for line in lines[1:])


def _ratings(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    user, movie, rating, timestamp = np.array(list(_rows(archive, "inter"))).T
    return {
        "user_id": user.astype(np.int64),
        "movie_id": movie.astype(np.int64),
        "rating": rating.astype(np.float64),
        "timestamp": timestamp.astype(np.int64),
    }


def _users(archive: zipfile.ZipFile) -> Iterator[tuple[int, User]]:
    for user, age, gender, occupation, _zip_code in _rows(archive, "user"):
        yield int(user), User(int(age), gender, occupation)


def _items(archive: zipfile.ZipFile) -> Iterator[tuple[int, Movie]]:
    for movie, title, year, genres in _rows(archive, "item"):
        yield int(movie), Movie(title, _year(year, title), tuple(genres.split(" ")))


def _year(text: str, title: str) -> int | None:
    """One film keeps its year in the title, where the column holds a fragment; one has none at all."""
    found = re.fullmatch(r"\d{4}", text) or re.search(r"(?<=\()\d{4}(?=\)$)", title)
    return int(found.group()) if found else None
