"""`[token]`: a user computed once for several requests. `:prepare` gives a token, `:rank` takes it for the user.

The table alone switches it on. A token holds what the user's part of the model made, signed and not encrypted, and is
good for this model's very version for some seconds.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

ARN = (
    r"^arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]{1,519}"
    r"|ssm:[a-z0-9-]+:\d{12}:parameter/[\w./-]{1,1000})$"
)

BUNDLED = ("seconds", "bytes")
"""Fields that the function reads from its manifest; the other is the template's."""


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """seconds: how long a token is taken. bytes: of its text, at most.

    key: the ARN of a secret of Secrets Manager, or of a parameter of SSM, that signs; None for a secret of the model's
    stack. Its text is one key, or several with blanks between them: the first signs, all are taken. Each has 32
    characters or more.
    """

    seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 60
    bytes: Annotated[int, msgspec.Meta(ge=256, le=1_000_000)] = 65_536
    key: Annotated[str, msgspec.Meta(pattern=ARN)] | None = None

    def bundled(self, other: Token) -> str | None:
        """The first field of the bundle that differs in another record."""
        return next((name for name in BUNDLED if getattr(self, name) != getattr(other, name)), None)
