"""Takes its time to initialise."""

import time

time.sleep(1.5)


def handler(event, context):
    return "late"
