"""Names that the engines' tests share."""

from collections.abc import Callable

from ranklet_runtime.engines.base import Engine

OpenArrays = Callable[..., Engine]
"""The fixture `open_arrays`."""
