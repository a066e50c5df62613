"""`[watch]`: what is looked at while a model serves: alarms, dashboards, samples in the log."""

from __future__ import annotations

import msgspec


class Watch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What wakes somebody, and what can be looked up afterwards."""
