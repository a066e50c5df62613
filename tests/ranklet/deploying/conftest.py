"""A project with one model, in an account of moto's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from deploying_kit import PLANTED, REGION, MotoAccount
from moto import mock_aws

from ranklet.deploying import account


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[MotoAccount]:
    """An empty account, in which the commands run."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "RANKLET_ENV", "RANKLET_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(account, "Account", MotoAccount)
    PLANTED.answers.clear()
    with mock_aws():
        yield MotoAccount(REGION)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the model `films` and the environment `prod`, which is the current folder."""
    root = tmp_path / "project"
    (root / "functions" / "films").mkdir(parents=True)
    (root / "functions" / "films" / "model.toml").write_text('name = "films"\n')
    (root / "infra" / "environments").mkdir(parents=True)
    (root / "infra" / "environments" / "prod.toml").write_text("")
    (root / "cdk.json").write_text("{}")
    monkeypatch.chdir(root)
    return root
