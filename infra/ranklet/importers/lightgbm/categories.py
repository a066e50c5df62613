"""The categories that a pandas data frame had at training: a line of JSON that LightGBM's Python package adds.

It has a list for each column of pandas' category type, and not a word on which column that is. The lists are those of
the features whose values in `feature_infos` are codes, where there are as many; otherwise the author has to say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.trees.text import writable

KEY = "pandas_categorical:"
GUESS = "guess"

Words = tuple[str, ...] | tuple[int, ...]


def lists(rest: str) -> list[list[Any]]:
    """All lists, of what follows the trees; none where the model was not trained on categories of a frame."""
    line = next((line for line in rest.split("\n") if line.startswith(KEY)), KEY + "null")
    try:
        found = json.loads(line.removeprefix(KEY))
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"{KEY} is no JSON: {str(error)[:100]}; save the model again") from error
    found = [] if found is None else found
    if not isinstance(found, list) or not all(isinstance(words, list) for words in found):
        raise ImportRefused(f"{KEY} is no list of lists; save the model again")
    return found


def read(rest: str, names: Sequence[str], infos: Sequence[str], asked: Any) -> dict[int, Words]:
    """Feature → its categories. asked: names of features, GUESS, or None for codes, which need no categories."""
    given = lists(rest)
    if asked is None or (asked == GUESS and (not given or any(_strange(words) for words in given))):
        return {}
    places = _guessed(given, infos) if asked == GUESS else _asked(given, names, asked)
    if strange := [words for words in given if _strange(words)]:
        raise ImportRefused(
            f"{KEY} has {str(strange[0])[:60]}: served are different texts, or different whole numbers; send codes"
        )
    return {at: tuple(words) for at, words in zip(places, given, strict=True)}


def _strange(words: Sequence[Any]) -> bool:
    """Whether a list is no vocabulary: empty, of floats, of several types, with a value twice, or beyond 64 bits."""
    kinds = {type(word) for word in words}
    if kinds not in ({str}, {int}) or len(set(words)) != len(words):
        return True
    return any(not writable(word) if isinstance(word, str) else abs(word) >= 1 << 63 for word in words)


def _guessed(given: Sequence[Sequence[Any]], infos: Sequence[str]) -> list[int]:
    coded = [at for at, info in enumerate(infos) if info != "none" and not info.startswith("[")]
    fits = len(coded) == len(given) and all(
        _fits(infos[at], len(words)) for at, words in zip(coded, given, strict=True)
    )
    if not fits:
        raise ImportRefused(
            f"{KEY} has {len(given)} lists of categories, and the file does not tell of which features: name these in "
            "the frame's order by -o categories=name,name,… (also those that no tree reads), or send their codes by "
            "-o categories=codes"
        )
    return coded


def _fits(info: str, count: int) -> bool:
    try:
        return all(-1 <= int(code) < count for code in info.split(":"))
    except ValueError:
        return False


def _asked(given: Sequence[Any], names: Sequence[str], asked: Any) -> list[int]:
    wanted = asked if isinstance(asked, list) else [asked]
    places = sorted({names.index(name) for name in wanted if name in names})
    if len(places) != len(given) or len(places) != len(wanted):
        raise ImportRefused(
            f"options.categories is {wanted}; name {len(given)} different features, as many as {KEY} has lists: "
            f"features are {', '.join(names[:20])}"
        )
    return places
