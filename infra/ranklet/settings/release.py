"""`[release]`: how a new version takes over from the one before."""

from __future__ import annotations

import msgspec


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How traffic moves to a new version."""
