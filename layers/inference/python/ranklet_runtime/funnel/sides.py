"""What each stage reads of a request: its own user and context inputs, of all that a caller sent."""

from __future__ import annotations

from typing import Any

from ranklet_runtime.funnel.messages import Asked
from ranklet_runtime.funnel.plan import Stage


def sides(asked: Asked, stage: Stage) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a stage reads of the user and of the context."""
    user = {name: asked.user[name] for name in stage.user if name in asked.user}
    return user, {name: asked.context[name] for name in stage.context if name in asked.context}
