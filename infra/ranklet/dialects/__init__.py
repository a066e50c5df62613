"""The build's side of the wire dialects: golden requests in every form that clients send.

A further dialect is one module here, beside the one in `ranklet_runtime.dialects`, and one line in DIALECTS.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ranklet.dialects import native, openscoring, tfserving
from ranklet.dialects.base import Form

DIALECTS: Mapping[str, Mapping[str, Form]] = {
    "native": native.FORMS,
    "tfserving": tfserving.FORMS,
    "openscoring": openscoring.FORMS,
}
"""Dialect → its forms by name."""

FORMS: Mapping[str, Form] = {name: form for forms in DIALECTS.values() for name, form in forms.items()}
"""Every form by name."""


def forms(dialects: Collection[str]) -> dict[str, Form]:
    """The forms of some dialects by name, in the order of DIALECTS."""
    return {name: form for dialect in DIALECTS if dialect in dialects for name, form in DIALECTS[dialect].items()}
