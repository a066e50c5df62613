"""A thin DynamoDB client that reads rows by key, and nothing else.

boto3 costs 350 to 500 ms of a cold start and 3 to 6 ms of CPU per 100 rows; this costs a tenth. The way of a read:

    store.py        keys → DynamoDB keys; packed bytes → rows; is it the table that the manifest pins?
    pages.py        several rows in one item
    batch.py        calls of 100 keys, what is left of them, back-off, the deadline
    replies.py      one reply → rows and unprocessed keys, or what went wrong
    units.py        what that cost
    client.py       a signed request per call, over kept connections; below it `stores/aws`
    hedge.py        a second call for one that is slow

Protocol: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ranklet_features.spec import Table
from ranklet_features.stores.dynamodb.client import Client
from ranklet_features.stores.dynamodb.store import DynamoStore


def open_table(table: Table, folder: Path, environ: Mapping[str, str]) -> DynamoStore:
    """Open the DynamoDB table `table.physical`; `folder` is not needed and nothing is sent yet.

    environ: AWS_REGION (or AWS_DEFAULT_REGION), credentials, and AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL
    for another endpoint than the region's own. Raises StoreUnavailable where one of them is missing or malformed.
    """
    return DynamoStore(table, Client.shared(environ))
