"""Tables that functions fetch when they start: the bucket they lie in, who may read what, and room in /tmp."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cdk_project import Assembly, Synthesise, stage, table, write_bundle, write_model

from ranklet.errors import BundleError
from ranklet.project import Project

SHARED = "ranklet-shared"
MB = 1 << 20

Fetching = Callable[..., Assembly]


@pytest.fixture
def fetching(project: Project, synthesise: Synthesise) -> Fetching:
    """Synthesises one model, `films`, with a fetched table of so many rows of 16 bytes."""

    def run(rows: int, more: str = "") -> Assembly:
        write_model(project, "films", more=more)
        tables = {
            "item": stage(project, "item", rows=rows),
            "genre": table("genre", placement="resident"),
            "user": table("user", placement="dynamodb"),
        }
        write_bundle(project, "films", tables=tables)
        return synthesise()

    return run


def test_bucket_is_private_and_encrypted_and_outlives_its_stack(assembly: Assembly) -> None:
    (resource,) = assembly.resources(SHARED, "AWS::S3::Bucket")
    bucket = resource["Properties"]
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert "BucketName" not in bucket


def test_bucket_answers_by_tls_alone(assembly: Assembly) -> None:
    statements = assembly.only(SHARED, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert {(one["Effect"], one["Action"]) for one in statements} == {("Deny", "s3:*")}
    conditions = [one["Condition"] for one in statements]
    assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions


def test_parts_of_an_upload_that_never_ended_are_removed(assembly: Assembly) -> None:
    (rule,) = assembly.only(SHARED, "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert rule == {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "Status": "Enabled"}


def test_function_reads_the_very_objects_of_its_version_and_knows_the_bucket(fetching: Fetching) -> None:
    assembly = fetching(10)
    reads = [
        (one["Action"], [assembly.text("films", resource) for resource in one["Resource"]])
        for policy in assembly.properties("films", "AWS::IAM::Policy")
        for one in policy["PolicyDocument"]["Statement"]
        if one["Action"] == "s3:GetObject"
    ]
    root = "arn:{AWS::Partition}:s3:::{/ranklet/snapshots/bucket}/tables/ranklet-item-5eed"
    assert reads == [("s3:GetObject", [f"{root}/keys.npy", f"{root}/vectors.npy"])]
    variables = assembly.only("films", "AWS::Lambda::Function")["Environment"]["Variables"]
    assert assembly.text("films", variables["RANKLET_SNAPSHOTS"]) == "{/ranklet/snapshots/bucket}"


def test_function_that_fetches_nothing_knows_no_bucket(assembly: Assembly) -> None:
    for stack in ("films", "towers", "public"):
        function = assembly.only(stack, "AWS::Lambda::Function")
        assert "RANKLET_SNAPSHOTS" not in function["Environment"]["Variables"]
        assert "EphemeralStorage" not in function
        assert "snapshots" not in str(assembly.template(stack))


@pytest.mark.parametrize(
    ("megabytes", "tmp"),
    [(400, None), (480, {"Size": 512}), (600, {"Size": 640}), (9000, {"Size": 9472})],
)
def test_tmp_holds_what_is_fetched_and_a_little_more(
    fetching: Fetching, megabytes: int, tmp: dict[str, int] | None
) -> None:
    function = fetching(megabytes * MB // 16).only("films", "AWS::Lambda::Function")
    assert function.get("EphemeralStorage", {"Size": 512}) == (tmp or {"Size": 512})


def test_model_toml_may_ask_for_more_room(fetching: Fetching) -> None:
    function = fetching(600 * MB // 16, "[function]\ntmp = 2048\n").only("films", "AWS::Lambda::Function")
    assert function["EphemeralStorage"] == {"Size": 2048}


@pytest.mark.parametrize(
    ("megabytes", "more", "message"),
    [
        (600, "[function]\ntmp = 512\n", r"tmp = 512, its tables take 600 MB"),
        (10_200, "", r"/tmp holds 10240 MB"),
    ],
)
def test_too_little_room_is_refused_before_a_deployment(
    fetching: Fetching, megabytes: int, more: str, message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        fetching(megabytes * MB // 16, more)


def test_table_that_is_not_staged_here_is_named(project: Project, synthesise: Synthesise) -> None:
    write_model(project, "films")
    pinned = stage(project, "item", rows=1)
    (project.build / "tables" / pinned["physical"] / "keys.npy").unlink()
    write_bundle(project, "films", tables={"item": pinned})
    with pytest.raises(BundleError, match=r"table item is not staged .*; run `ranklet build films`"):
        synthesise()
