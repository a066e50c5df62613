from __future__ import annotations

from collections.abc import Iterator

import pytest
from stores_support import ACCESS_KEY, REGION, SECRET_KEY, TOKEN

from ranklet.local.dynamodb import LocalDynamo
from ranklet_features.stores.aws.sigv4 import Credentials


@pytest.fixture
def dynamo() -> Iterator[LocalDynamo]:
    """A local DynamoDB that refuses what is not rightly signed."""
    with LocalDynamo(credentials=Credentials(ACCESS_KEY, SECRET_KEY, TOKEN), region=REGION) as server:
        yield server
