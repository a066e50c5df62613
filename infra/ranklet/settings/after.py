"""`[after]`: what becomes of a model's scores, and which list is made of them; nothing unless it is asked for.

The steps and why they stand in this order: `ranklet_runtime.after`. Numbers that a trainer fitted are read from files
(`calibrate`), everything else is said here. What a request may say of them is a list of its own, empty by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_]\w{0,63}$")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Above = Annotated[float, msgspec.Meta(gt=0, lt=1e300)]

AMOUNTS = {"epsilon-greedy": "epsilon", "softmax": "temperature", "gaussian": "sigma"}
"""Method of exploration → the option that says how much."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[after.heads]`: a tensor of the features or steps, and which of its columns where it has several."""

    tensor: str
    column: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Cap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[after.cap]`: at most so many of a category.

    input: the item input that holds the category, or a list of them. Or an attribute of the item: `column` of a file,
    `source`, whose keys are [output] item_key (`key_column`, by default named so); `separator` takes a text apart.
    most: of each category; own: category → its own number. first: for so many places only, None for the whole list.
    """

    most: Positive
    input: str | None = None
    source: str | None = None
    format: str | None = None
    key_column: str | None = None
    column: str | None = None
    separator: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    own: Mapping[str, Annotated[int, msgspec.Meta(ge=0)]] = {}
    first: Positive | None = None

    def __post_init__(self) -> None:
        if (self.input is None) == (self.source is None):
            raise ValueError("a cap is by an item's input, or by a column of a file: give input, or source and column")
        if (self.source is None) != (self.column is None):
            raise ValueError("source and column go together: the file, and its column of categories")
        if self.input is not None and (self.separator or self.key_column or self.format):
            raise ValueError("separator, key_column and format are for a file; an input of several is a list")


class Diversify(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[after.diversify]`: candidates count less that are like those already in the list.

    vectors: the tensor of the items' vectors, an embedding of [features] or what a step makes. size: its first numbers
    that are the vector, None for all (a row may end in a bias). lambda: what the score weighs, the rest is diversity.
    """

    method: Literal["mmr", "dpp"]
    vectors: str
    weight: Share = msgspec.field(name="lambda")
    size: Positive | None = None


class Explore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[after.explore]`: places are drawn, and answers tell how probable each draw was.

    epsilon, temperature or sigma, as the method has it: how much.
    """

    method: Literal["epsilon-greedy", "softmax", "gaussian"]
    epsilon: Share | None = None
    temperature: Above | None = None
    sigma: Above | None = None

    def __post_init__(self) -> None:
        wanted = AMOUNTS[self.method]
        given = [name for name in AMOUNTS.values() if getattr(self, name) is not None]
        if given != [wanted]:
            raise ValueError(f'method = "{self.method}" takes {wanted}, and nothing else; given: {given or "nothing"}')

    @property
    def amount(self) -> float:
        """Of the method."""
        amounts = {"epsilon": self.epsilon, "temperature": self.temperature, "sigma": self.sigma}
        return float(amounts[AMOUNTS[self.method]] or 0.0)


class After(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[after]` whole.

    heads: names for what is calibrated and blended; what is not named here is the tensor of that name. calibrate:
    head → a file of the calibration (.json of `ranklet.after.calibration`, or .skops). blend: the formula of the score;
    without one the score is [output] score. pool: the list is made of so many best. short: whether places that caps
    leave open go to the best of all others (`fill`), or the list is shorter (`cut`). requests: what callers may say.
    """

    heads: Mapping[Name, Head | str] = {}
    calibrate: Mapping[Name, str] = {}
    blend: str | None = None
    cap: Cap | None = None
    diversify: Diversify | None = None
    explore: Explore | None = None
    pool: Positive = 500
    short: Literal["fill", "cut"] = "fill"
    requests: tuple[Literal["explore", "seed"], ...] = ()

    def __post_init__(self) -> None:
        if self.requests and self.explore is None:
            raise ValueError("requests lists what callers may say of [after.explore], which is not there")
        if self.blend is None and len(self.calibrate) > 1:
            raise ValueError("calibrate names several heads, and no blend makes one score of them")
        if self.heads and not self.calibrate and self.blend is None:
            raise ValueError("heads names what calibrate and blend read, and neither is there")

    @property
    def on(self) -> bool:
        """Whether there is any step."""
        return bool(self.calibrate) or any(
            one is not None for one in (self.blend, self.cap, self.diversify, self.explore)
        )

    @property
    def lists(self) -> bool:
        """Whether the list of the best is made of more than scores."""
        return any(one is not None for one in (self.cap, self.diversify, self.explore))

    def head(self, name: str) -> Head:
        """What a head is."""
        found = self.heads.get(name, name)
        return Head(tensor=found) if isinstance(found, str) else found
