"""A stand-in for `inspect`, which loads when something of it is used.

orjson imports `dataclasses` when it loads, that imports `inspect`, and that imports `ast`, `dis` and `tokenize`: 9 ms
of every cold start, for one function that copies a class's annotations. Here that function is at hand; everything else
is the real module's, from the moment that it is asked for.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

NAME = "inspect"


class Later(ModuleType):
    """The module until it is used; whoever keeps this object reads through it ever after."""

    def get_annotations(self, of: Any, **how: Any) -> Any:
        """A class's own annotations, as they stand; of anything else, the real function's answer."""
        if isinstance(of, type) and not how:
            return dict(vars(of).get("__annotations__", {}))
        return self.__getattr__("get_annotations")(of, **how)

    def __getattr__(self, name: str) -> Any:
        # A double underscore is asked for by the import system itself, of whatever is in sys.modules.
        if name.startswith("__"):
            raise AttributeError(f"module {NAME!r} has no attribute {name!r}")
        return getattr(_real(), name)


def install() -> bool:
    """Stand in for the module if nobody has it yet; says whether it does."""
    # From 3.14 on annotations are functions that must be called, and the real module is cheap.
    if NAME in sys.modules or sys.version_info >= (3, 14):
        return False
    sys.modules[NAME] = Later(NAME)
    return True


def _real() -> Any:
    # Imported anew: what is there under its name may be the stand-in.
    if isinstance(sys.modules.get(NAME), Later):
        del sys.modules[NAME]
    import inspect

    return inspect
