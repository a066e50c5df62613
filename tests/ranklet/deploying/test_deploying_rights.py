"""The rights in the help of the commands that deploy: none is a wildcard, and each is called by the code.

That no command calls more than its help names is held wherever a test runs one: `deploying_kit.run` records it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from rights_kit import CALLERS, calls, stated

import ranklet

SOURCE = "\n".join(path.read_text() for path in Path(ranklet.__path__[0]).rglob("*.py"))


@pytest.mark.parametrize("verb", ["deploy", "destroy", "rollback", "status"])
def test_every_right_that_is_named_is_called_and_none_is_a_wildcard(verb: str) -> None:
    rights = stated(verb)
    assert rights and not [right for right in rights if "*" in right]
    for right in rights - CALLERS:
        assert any(f".{name}" in SOURCE or f'"{name}"' in SOURCE for name in calls(right)), right
