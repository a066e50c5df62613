"""New tables are encrypted with the key that model.toml or the command names, and else with DynamoDB's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lifecycle_kit import Place, pinned, project

from ranklet.items import Items
from ranklet.tables import s3import
from ranklet.tables.creation import Options

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = KEY.replace("1234abcd", "4321dcba")
TOML = f'[function]\nkms_key = "{KEY}"'


@pytest.mark.parametrize(
    ("toml", "words", "wanted"),
    [("", (), None), ("", ("--kms-key", KEY), KEY), (TOML, (), KEY), (TOML, ("--kms-key", OTHER), OTHER)],
)
def test_new_table_has_the_key_that_is_named(
    moto: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toml: str, words: tuple[str, ...], wanted: str | None
) -> None:
    films = pinned()
    project(tmp_path, films, toml=toml)
    monkeypatch.chdir(tmp_path)
    assert moto.tables("push", "movies", *words).code == 0
    found = moto.dynamodb.describe_table(TableName=films.table.physical)["Table"].get("SSEDescription", {})
    assert (found.get("SSEType"), found.get("KMSMasterKeyArn")) == (("KMS", wanted) if wanted else (None, None))


@pytest.mark.parametrize("key", [None, KEY])
def test_import_names_the_key_of_the_new_table(key: str | None) -> None:
    told: dict[str, Any] = {}

    class Client:
        def import_table(self, **parameters: Any) -> dict[str, Any]:
            told.update(parameters["TableCreationParameters"])
            return {"ImportTableDescription": {"ImportArn": "arn"}}

    films = pinned()
    items = Items(films.table, films.vectors.keys, films.vectors.values)
    s3import._start(Client(), items, s3import.Files("bucket", "keys", "ion"), Options("movies", kms_key=key))
    wanted = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert told.get("SSESpecification") == (wanted if key else None)
