"""A small DynamoDB on this machine: the wire protocol, its limits and errors, and faults on demand.

It holds what ranklet reads and writes (tables with one partition key; no indexes, queries, updates or streams)
and refuses the rest by name. Tables that were built are mapped from their files, so a hundred thousand vectors are
there at once. Unlike other emulators it keeps DynamoDB's size rules, counts read units, never keeps order, can
check signatures, and can be told to throttle, to leave keys over, to reset, truncate and damage, and to be slow.

    server.py    LocalDynamo: start, load, faults, close
    wire.py      one connection: requests in, replies out, faults on the way
    actions.py   the table of actions; reads.py, scans.py, writes.py, schema.py, extras.py hold them
    conditions.py  the conditions of PutItem
    tables.py    rows in memory or in files
    items.py     item sizes, read and write units, checks of values and keys
    auth.py      signature check         faults.py  what goes wrong, and how often
"""

from ranklet.local.dynamodb.faults import Faults
from ranklet.local.dynamodb.server import LocalDynamo

__all__ = ["Faults", "LocalDynamo"]
