"""MovieLens-100K for trainers that read indices: some people and films, ages and years, and the genres as a list.

An index is a person's id (0 is nobody's), then a film's, then a genre's, then those of the two numbers. The same lines
are written of names, with a dictionary of names and indices, as those keep it who train on names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import lines_kit

USERS, FILMS = 120, 150
GENRES = (
    "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Film-Noir",
    "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
FILM, GENRE = USERS + 1, USERS + 1 + FILMS + 1
AGE = GENRE + len(GENRES)
YEAR = AGE + 1
COUNT = YEAR + 1
UNKNOWN = 50_000
"""The index that a writer gives to what it does not know."""

LINE = f"{{user_id+0}} {{movie_id+{FILM}}} {{genre_ids*+{GENRE}}} {AGE}:{{age}} {YEAR}:{{year}}"
FIELD_LINE = f"0:{{user_id+0}} 1:{{movie_id+{FILM}}} 2:{{genre_ids*+{GENRE}}} 3:{AGE}:{{age}} 3:{YEAR}:{{year}}"
NAME_LINE = "user={user_id:int} movie={movie_id:int} {genres*} age:{age} year:{year}"
FIELD_NAME_LINE = "0:user={user_id:int} 1:movie={movie_id:int} 2:{genres*} 3:age:{age} 3:year:{year}"
Entry = tuple[int, str, int, float]
"""field, name, index, x."""


def training(count: int) -> list[tuple[lines_kit.Row, int]]:
    """(raw row, rating) of some ratings."""
    return [(_with_ids(row), rating) for row, rating in lines_kit.ratings(count, users=USERS, films=FILMS)]


def strangers(count: int) -> list[lines_kit.Row]:
    """Rows to score, some values missing, unknown or extreme; all indices at 0 and above."""
    return [_with_ids(row) for row in lines_kit.strangers(count, users=USERS, films=FILMS)]


def names() -> Mapping[str, int]:
    """Name → index."""
    found = {f"user={user}": user for user in range(1, USERS + 1)}
    found |= {f"movie={film}": FILM + film for film in range(1, FILMS + 1)}
    return found | {genre: GENRE + at for at, genre in enumerate(GENRES)} | {"age": AGE, "year": YEAR}


def dictionary() -> bytes:
    """The names as a file of lines."""
    return "".join(f"{name} {index}\n" for name, index in names().items()).encode()


def entries(row: Mapping[str, Any]) -> Iterator[Entry]:
    """The features of a row: what is missing is left out."""
    known = names()
    found: list[tuple[int, str, float]] = []
    found += [(0, f"user={row['user_id']}", 1.0)] if row["user_id"] is not None else []
    found += [(1, f"movie={row['movie_id']}", 1.0)] if row["movie_id"] is not None else []
    found += [(2, genre, 1.0) for genre in row["genres"]]
    found += [(3, "age", row["age"])] if row["age"] is not None else []
    found.append((3, "year", row["year"]))
    for field, name, x in found:
        yield field, name, known.get(name, UNKNOWN), x


def _with_ids(row: lines_kit.Row) -> lines_kit.Row:
    ids = [GENRES.index(genre) if genre in GENRES else 77 for genre in row["genres"]]
    return {**row, "genre_ids": ids, "age": None if row["age"] is None else min(row["age"], 10.0)}
