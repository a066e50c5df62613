"""Data classes that are cheap to make: what `dataclasses.dataclass` gives, at a tenth of its cold start.

The standard decorator compiles six methods a class, half a millisecond each time: with some fifty classes a fifth of a
function's start. Here `__init__` alone is compiled, by the first instance; all else is shared, and what only tools ask
for (`fields`, `replace`, `asdict`) is made when they ask, so that `dataclasses` works on these classes as on its own.
Type checkers see the standard decorator.

Served is what the run time uses: `frozen`, `slots`, defaults, factories, inheritance, `__post_init__`, own methods in
place of made ones. A field that is no argument of `__init__`, or by name alone, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, field

__all__ = ["dataclass", "field"]

MISSING: Any = object()
NO_FIELD = ("ClassVar", "typing.ClassVar")
REFUSED = ("InitVar", "dataclasses.InitVar", "KW_ONLY")


class Field:
    """A field's default: a value, or what makes one."""

    __slots__ = ("default", "factory")

    def __init__(self, default: Any, factory: Any) -> None:
        self.default, self.factory = default, factory


class Params:
    """What `dataclasses` asks of a base class."""

    def __init__(self, frozen: bool) -> None:
        self.frozen = frozen


PARAMS = {frozen: Params(frozen) for frozen in (False, True)}


class Fields:
    """`__dataclass_fields__`, made at the first look and then in its own place."""

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def __get__(self, instance: Any, owner: Any) -> dict[str, Any]:
        import dataclasses

        found: dict[str, Any] = {}
        for name, one in self._cls.__lean_fields__.items():
            if one.factory is not MISSING:
                known = dataclasses.field(default_factory=one.factory)
            else:
                known = dataclasses.field() if one.default is MISSING else dataclasses.field(default=one.default)
            known.name, known.type = name, _annotation(self._cls, name)
            known._field_type = dataclasses._FIELD  # type: ignore[attr-defined]
            known.kw_only = False
            found[name] = known
        self._cls.__dataclass_fields__ = found
        return found


def _field(*, default: Any = MISSING, default_factory: Any = MISSING) -> Any:
    """As `dataclasses.field`."""
    return Field(default, default_factory)


def _dataclass(cls: Any = None, /, *, frozen: bool = False, slots: bool = False) -> Any:
    """As `dataclasses.dataclass`."""
    if cls is None:
        return lambda given: _made(given, frozen=frozen, slots=slots)
    return _made(cls, frozen=frozen, slots=slots)


def _made(cls: Any, *, frozen: bool, slots: bool) -> Any:
    fields = _collected(cls)
    if slots:
        cls = _slotted(cls, fields)
    names = tuple(fields)
    values = _values(names)
    methods: dict[str, Any] = {
        "__init__": _initialiser(cls, fields, frozen=frozen),
        "__repr__": _repr(names),
        "__eq__": _eq(values),
        "__match_args__": names,
        "__replace__": _replace,
    }
    methods.update(_guards(cls, names) if frozen else {})
    if frozen and slots:
        methods.update(__getstate__=values, __setstate__=_state_setter(names))
    own = vars(cls)
    for name, method in methods.items():
        if name not in own:
            setattr(cls, name, method)
    # A class that defines __eq__ has __hash__ = None of its own.
    if own.get("__hash__") is None:
        cls.__hash__ = _hash(values) if frozen else None
    cls.__lean_fields__, cls.__dataclass_params__ = fields, PARAMS[frozen]
    cls.__dataclass_fields__ = Fields(cls)
    return cls


def _collected(cls: Any) -> dict[str, Field]:
    """Fields of the bases, then the class's own, in their order; defaults stay on the class."""
    fields: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        fields.update(vars(base).get("__lean_fields__", {}))
    for name, annotation in cls.__annotations__.items():
        text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
        if text.startswith(NO_FIELD):
            continue
        value = vars(cls).get(name, MISSING)
        if text.startswith(REFUSED):
            raise TypeError(f"{cls.__name__}.{name}: {text} is not served; use dataclasses.dataclass")
        if isinstance(value, Field):
            fields[name] = value
            if value.default is MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, value.default)
        else:
            fields[name] = Field(value, MISSING)
        if fields[name].default is not MISSING and type(fields[name].default).__hash__ is None:
            raise ValueError(f"{cls.__name__}.{name}: a mutable default is shared by all; use default_factory")
    return fields


def _initialiser(cls: Any, fields: dict[str, Field], *, frozen: bool) -> Callable[..., None]:
    """`__init__`, which compiles itself when it is called first, and stands in its own place from then on."""
    _check_order(cls, fields)

    def __init__(self: Any, *given: Any, **named: Any) -> None:
        # A class that defines one of its own may call this one by the name of its base.
        cls.__init__ = _compiled(cls, fields, frozen=frozen)
        cls.__init__(self, *given, **named)

    return __init__


def _check_order(cls: Any, fields: dict[str, Field]) -> None:
    optional = False
    for name, one in fields.items():
        given = one.default is not MISSING or one.factory is not MISSING
        if optional and not given:
            raise TypeError(f"{cls.__name__}.{name} has no default, but a field before it has")
        optional = optional or given


def _compiled(cls: Any, fields: dict[str, Field], *, frozen: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": object.__setattr__, "_missing": MISSING}
    arguments, lines = [], []
    for name, one in fields.items():
        value = name
        if one.factory is not MISSING:
            known[f"_make_{name}"] = one.factory
            value = f"_make_{name}() if {name} is _missing else {name}"
            arguments.append(f"{name}=_missing")
        elif one.default is not MISSING:
            known[f"_default_{name}"] = one.default
            arguments.append(f"{name}=_default_{name}")
        else:
            arguments.append(name)
        lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    body = "\n ".join(lines or ["pass"])
    exec(f"def __init__(self, {', '.join(arguments)}):\n {body}", known)
    made: Any = known["__init__"]
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    return made  # type: ignore[no-any-return]


def _slotted(cls: Any, fields: dict[str, Field]) -> Any:
    """The class anew, with slots for its own fields; a method that knows its class by `super()` would know the old."""
    inherited = {name for base in cls.__mro__[1:] for name in getattr(base, "__slots__", ())}
    kept = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__", *fields)}
    for name, value in kept.items():
        if "__class__" in getattr(getattr(value, "__code__", None), "co_freevars", ()):
            raise TypeError(f"{cls.__name__}.{name} uses super(), which slots = True does not serve")
    kept["__slots__"] = tuple(name for name in fields if name not in inherited)
    made = type(cls)(cls.__name__, cls.__bases__, kept)
    made.__qualname__ = cls.__qualname__
    return made


def _values(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """The fields of an instance. In `def`s, as what is called through a class must be bound to its instance."""
    if len(names) < 2:

        def few(self: Any) -> tuple[Any, ...]:
            return tuple(getattr(self, name) for name in names)

        return few
    get = attrgetter(*names)

    def values(self: Any) -> tuple[Any, ...]:
        return get(self)

    return values


def _repr(names: tuple[str, ...]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return __repr__


def _eq(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, Any], Any]:
    def __eq__(self: Any, other: Any) -> Any:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    return __eq__


def _hash(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:
        return hash(values(self))

    return __hash__


def _guards(cls: Any, names: tuple[str, ...]) -> dict[str, Any]:
    def refuse(self: Any, name: str, *value: Any) -> None:
        if type(self) is cls or name in names:
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot assign to field {name!r}" if value else f"cannot delete field {name!r}")
        (super(cls, self).__setattr__ if value else super(cls, self).__delattr__)(name, *value)

    return {"__setattr__": refuse, "__delattr__": refuse}


def _state_setter(names: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def __setstate__(self: Any, state: Any) -> None:
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return __setstate__


def _replace(self: Any, /, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(self, **changes)


def _annotation(cls: Any, name: str) -> Any:
    for base in cls.__mro__:
        if name in vars(base).get("__annotations__", {}):
            return base.__annotations__[name]
    return Any


if not TYPE_CHECKING:
    dataclass, field = _dataclass, _field
