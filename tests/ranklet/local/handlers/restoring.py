"""A handler that is restored: what it made before the snapshot, what after it, and which credentials it was shown."""

import json
import os
import urllib.request

from snapshot_restore_py import register_after_restore, register_before_snapshot

seen = []
register_before_snapshot(seen.append, "before the snapshot")
register_after_restore(seen.append, "after the restore")


def handler(event, context):
    request = urllib.request.Request(
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": event or os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        fields = sorted(json.load(answer))
    return {"seen": seen, "fields": fields, "own": "AWS_ACCESS_KEY_ID" in os.environ}


def refuse():
    raise ValueError("not from this snapshot")


def failing(event, context):
    raise AssertionError("never invoked")


if os.environ.get("REFUSE"):
    register_after_restore(refuse)
