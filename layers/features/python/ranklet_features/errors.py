"""What can go wrong below the handler.

FeatureError
├── SpecError              the feature spec contradicts itself (found when it is compiled)
├── InputError             a value that a caller sent; carries its side, name and index
│   └── ShapeError         columns whose lengths disagree
└── StoreError             an embedding table
    ├── TableMismatch      the table is not the one the manifest pins
    └── StoreUnavailable   rows could not be read in time and the table forbids defaults
"""

PLURAL = {"item": "items"}


class FeatureError(Exception):
    """Base of every error of this package."""


class SpecError(FeatureError):
    """A feature spec that cannot be compiled; the message names the feature and the remedy."""


class InputError(FeatureError):
    """A value outside what the spec allows.

    side, name, index say where the value stood: `("item", "price", (3,))` is the fourth candidate's
    price. A dialect renders the place in its own form; `str()` gives that of the native form.
    """

    def __init__(self, side: str, name: str, message: str, *, index: tuple[int, ...] = ()) -> None:
        place = f"$.{PLURAL.get(side, side)}.{name}" + "".join(f"[{i}]" for i in index)
        super().__init__(f"{place}: {message}")
        self.side, self.name, self.index, self.message = side, name, index, message


class ShapeError(InputError):
    """Columns or vectors whose lengths disagree."""


class StoreError(FeatureError):
    """Base of the errors of embedding tables."""


class TableMismatch(StoreError):
    """The table that answered is not the one that the manifest pins."""


class StoreUnavailable(StoreError):
    """Rows were not read within the deadline and the table's policy is `error`."""
