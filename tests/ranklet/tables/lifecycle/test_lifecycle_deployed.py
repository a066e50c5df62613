"""Reading Lambda's lists: pages, what a list leaves out, what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from lifecycle_kit import REGION

from ranklet.errors import TableError
from ranklet.tables import deployed

HANDLER = "ranklet_runtime.handler.handler"


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """boto3's own client, which checks both the parameters and the answers."""
    with Stubber(boto3.client("lambda", region_name=REGION)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def function(name: str, version: str, variables: dict[str, str] | None, handler: str = HANDLER) -> dict[str, Any]:
    shown: dict[str, Any] = {"FunctionName": name, "Version": version, "Handler": handler}
    return shown if variables is None else {**shown, "Environment": {"Variables": variables}}


def one(stub: Stubber, *versions: dict[str, Any], aliases: list[dict[str, Any]] | None = None) -> None:
    """The answers about one function, `films`."""
    stub.add_response("list_functions", {"Functions": [versions[0]]}, {"FunctionVersion": "ALL"})
    stub.add_response("list_versions_by_function", {"Versions": list(versions)}, {"FunctionName": "films"})
    stub.add_response("list_aliases", {"Aliases": aliases or []}, {"FunctionName": "films"})


def test_every_page_of_every_list_is_read(stub: Stubber) -> None:
    named = {"RANKLET_TABLES": "ranklet-a-1"}
    for answer, asked in (
        ({"Functions": [function("b", "$LATEST", named)], "NextMarker": "m1"}, {"FunctionVersion": "ALL"}),
        ({"Functions": [function("x", "$LATEST", None, "other")], "NextMarker": "m2"}, {"Marker": "m1"}),
        # Ours by a published version alone.
        ({"Functions": [function("a", "1", named), function("a", "$LATEST", None, "other")]}, {"Marker": "m2"}),
    ):
        stub.add_response("list_functions", answer, {"FunctionVersion": "ALL", **asked})
    for name in "ab":
        versions = [function(name, version, named) for version in ("$LATEST", "1", "2")]
        first = {"Versions": versions[:2], "NextMarker": "v"}
        stub.add_response("list_versions_by_function", first, {"FunctionName": name})
        stub.add_response(
            "list_versions_by_function", {"Versions": versions[2:]}, {"FunctionName": name, "Marker": "v"}
        )
        alias = {"Name": "live", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}}
        stub.add_response("list_aliases", {"Aliases": [], "NextMarker": "l"}, {"FunctionName": name})
        stub.add_response("list_aliases", {"Aliases": [alias]}, {"FunctionName": name, "Marker": "l"})
    found = deployed.read(stub.client)
    assert [str(naming) for naming in found] == [
        f"{name}:{version}" for name in "ab" for version in ("$LATEST", "1 (live)", "2 (live)")
    ]
    assert all(naming.tables == {"ranklet-a-1"} for naming in found)


def test_an_environment_that_a_list_leaves_out_is_asked_for(stub: Stubber) -> None:
    one(stub, function("films", "3", None))
    stub.add_response(
        "get_function_configuration",
        function("films", "3", {"RANKLET_TABLES": "none"}),
        {"FunctionName": "films", "Qualifier": "3"},
    )
    (naming,) = deployed.read(stub.client)
    assert naming.tables == frozenset()


def test_an_environment_that_cannot_be_decrypted_is_a_doubt(stub: Stubber) -> None:
    hidden = function("films", "3", None) | {"Environment": {"Error": {"ErrorCode": "X", "Message": "no key"}}}
    one(stub, hidden)
    stub.add_response("get_function_configuration", hidden, {"FunctionName": "films", "Qualifier": "3"})
    (naming,) = deployed.read(stub.client)
    assert (naming.tables, naming.doubt) == (None, "its environment cannot be read: no key")


def test_a_configuration_that_is_refused_is_a_doubt(stub: Stubber) -> None:
    one(stub, function("films", "3", None))
    stub.add_client_error("get_function_configuration", "AccessDeniedException", "not yours", 403)
    (naming,) = deployed.read(stub.client)
    assert naming.tables is None
    assert "not yours" in naming.doubt


def test_an_alias_of_a_version_that_is_not_listed_stops_everything(stub: Stubber) -> None:
    one(stub, function("films", "3", {}), aliases=[{"Name": "live", "FunctionVersion": "7"}])
    with pytest.raises(TableError, match="live names version 7, which Lambda does not list"):
        deployed.read(stub.client)


@pytest.mark.parametrize("action", ["list_functions", "list_versions_by_function", "list_aliases"])
def test_a_list_that_is_refused_is_an_error(stub: Stubber, action: str) -> None:
    answers = {
        "list_functions": {"Functions": [function("films", "1", {})]},
        "list_versions_by_function": {"Versions": [function("films", "1", {})]},
        "list_aliases": {"Aliases": []},
    }
    for name, answer in answers.items():
        if name == action:
            stub.add_client_error(name, "AccessDeniedException", "not yours", 403)
            break
        stub.add_response(name, answer)
    with pytest.raises(TableError, match=r"cannot be listed.*not yours"):
        deployed.read(stub.client)


def test_a_lambda_that_does_not_answer_is_an_error(stub: Stubber) -> None:
    stub.add_client_error("list_functions", "TooManyRequestsException", "slower", 429)
    with pytest.raises(TableError, match="Lambda does not answer"):
        deployed.read(stub.client)
