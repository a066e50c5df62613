"""The rights in the help of `ranklet tables …`: each is called by the code, and none is a wildcard.

That no command calls more than its help names is held wherever a test runs one: `lifecycle_kit.tables` records it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lifecycle_kit import Place
from rights_kit import CALLERS, calls, recorded, stated

import ranklet

VERBS = ("diff", "get", "list", "prune", "push", "upsert", "verify")
SOURCE = "\n".join(path.read_text() for path in Path(ranklet.__path__[0], "tables").rglob("*.py"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_right_that_is_named_is_called(verb: str) -> None:
    rights = stated("tables", verb)
    assert rights
    for right in rights - CALLERS:
        assert any(f".{name}" in SOURCE or f'"{name}"' in SOURCE for name in calls(right)), right


@pytest.mark.parametrize("verb", VERBS)
def test_no_right_is_a_wildcard(verb: str) -> None:
    assert not [right for right in stated("tables", verb) if "*" in right]


def test_calls_are_recorded_by_their_rights(moto: Place) -> None:
    with recorded() as found:
        moto.client("s3").create_bucket(Bucket="rights-of-test")
        moto.client("s3").list_objects_v2(Bucket="rights-of-test")
        moto.client("s3").head_bucket(Bucket="rights-of-test")
        moto.dynamodb.list_tables()
    assert found == {"s3:CreateBucket", "s3:ListBucket", "dynamodb:ListTables"}


def test_a_command_that_calls_more_than_its_help_names_is_told(moto: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecycle_kit.stated", lambda *words: {"dynamodb:GetItem"})
    with pytest.raises(AssertionError, match="`tables list` calls what its help does not name"):
        moto.tables("list")
