"""A stand-in for `inspect`, which loads when something of it is used.

orjson imports `dataclasses` when it loads, that imports `inspect`, and that imports `ast`, `dis` and `tokenize`: 9 ms
of every cold start, for one function that copies a class's annotations. `typing` asks it for another one when an object
is held against a protocol. Here these two are at hand; everything else is the real module's, from the moment that it
is asked for.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

NAME = "inspect"
MISSING: Any = object()


class Later(ModuleType):
    """The module until it is used; whoever keeps this object reads through it ever after."""

    def get_annotations(self, of: Any, **how: Any) -> Any:
        """A class's own annotations, as they stand; of anything else, the real function's answer."""
        if isinstance(of, type) and not how:
            return dict(vars(of).get("__annotations__", {}))
        return self.__getattr__("get_annotations")(of, **how)

    def getattr_static(self, of: Any, name: str, *default: Any) -> Any:
        """An attribute as it is kept, nothing being called; of classes, the real function's answer."""
        if isinstance(of, type):
            return self.__getattr__("getattr_static")(of, name, *default)
        kept = next((vars(base)[name] for base in type(of).__mro__ if name in vars(base)), MISSING)
        own = _own(of).get(name, MISSING)
        # Python's own order: what a class computes when it is set comes before what an instance holds.
        computed = hasattr(type(kept), "__get__") and hasattr(type(kept), "__set__")
        for found in (kept, own) if computed else (own, kept):
            if found is not MISSING:
                return found
        if default:
            return default[0]
        raise AttributeError(name)

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


def _own(of: Any) -> dict[str, Any]:
    """What an instance holds; those of classes with slots alone hold nothing."""
    try:
        found: dict[str, Any] = object.__getattribute__(of, "__dict__")
    except AttributeError:
        return {}
    return found


def _real() -> Any:
    # Imported anew: what is there under its name may be the stand-in.
    if isinstance(sys.modules.get(NAME), Later):
        del sys.modules[NAME]
    import inspect

    return inspect
