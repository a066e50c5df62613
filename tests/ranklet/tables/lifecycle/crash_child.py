"""Push one staged table and die at the nth moment: before a request leaves, or when its answer has come.

Arguments: staged folder, endpoint, n (0: live, and print how many moments there were).
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path

from ranklet.tables import push
from ranklet.tables.clients import Aws


def main(folder: str, endpoint: str, fatal: str) -> None:
    """Push, or die."""
    client = Aws("us-east-1", endpoint).dynamodb
    moments, last, deadly = itertools.count(1), 0, int(fatal)

    def moment(**_: object) -> None:
        nonlocal last
        # Threads come here side by side: each looks at its own number.
        number = next(moments)
        last = max(last, number)
        if number == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    for event in ("before-send.dynamodb", "needs-retry.dynamodb"):
        client.meta.events.register_first(event, moment)
    push.push(Path(folder), client=client)
    print(last)


if __name__ == "__main__":
    main(*sys.argv[1:])
