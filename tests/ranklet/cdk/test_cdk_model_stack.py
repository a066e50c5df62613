"""One model's stack: the function and the alias that callers reach."""

from __future__ import annotations

from cdk_project import Assembly


def layers(assembly: Assembly, stack: str) -> list[str]:
    return [assembly.text(stack, layer) for layer in assembly.only(stack, "AWS::Lambda::Function")["Layers"]]


def test_function_runs_the_runtimes_handler_on_its_own_settings(assembly: Assembly) -> None:
    function = assembly.only("towers", "AWS::Lambda::Function")
    assert function["Runtime"] == "python3.13"
    assert function["Handler"] == "ranklet_runtime.handler.handler"
    assert function["MemorySize"] == 2048
    assert function["Timeout"] == 7
    assert function["ReservedConcurrentExecutions"] == 9
    assert function["Architectures"] == ["arm64"]


def test_thread_counts_are_the_manifests(assembly: Assembly) -> None:
    variables = assembly.only("films", "AWS::Lambda::Function")["Environment"]["Variables"]
    assert variables["OMP_NUM_THREADS"] == variables["OPENBLAS_NUM_THREADS"] == "2"


def test_code_is_the_bundle(assembly: Assembly) -> None:
    (resource,) = assembly.resources("films", "AWS::Lambda::Function")
    asset = assembly.folder / resource["Metadata"]["aws:asset:path"]
    assert sorted(path.name for path in asset.iterdir()) == ["certificate.json", "manifest.json", "weights.npz"]
    assert resource["Properties"]["Code"]["S3Key"] == f"{asset.name.removeprefix('asset.')}.zip"


def test_onnx_layer_goes_only_to_the_function_that_needs_it(assembly: Assembly) -> None:
    assert layers(assembly, "films") == ["{/ranklet/layers/features/x86_64}", "{/ranklet/layers/inference/x86_64}"]
    assert layers(assembly, "towers") == [
        "{/ranklet/layers/features/arm64}",
        "{/ranklet/layers/inference/arm64}",
        "{/ranklet/layers/onnx/arm64}",
    ]


def test_values_of_the_shared_stack_come_through_ssm_and_nothing_is_imported(assembly: Assembly) -> None:
    parameters = assembly.template("films")["Parameters"].values()
    assert {one["Type"] for one in parameters} == {"AWS::SSM::Parameter::Value<String>"}
    wanted = {one["Default"] for one in parameters if one["Default"].startswith("/ranklet/")}
    told = {one["Name"] for one in assembly.properties("ranklet-shared", "AWS::SSM::Parameter")}
    assert wanted <= told
    assert "Fn::ImportValue" not in str(assembly.template("films"))


def test_alias_live_carries_the_provisioned_concurrency_and_one_version(assembly: Assembly) -> None:
    alias = assembly.only("towers", "AWS::Lambda::Alias")
    assert alias["Name"] == "live"
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 4}
    assert assembly.text("towers", alias["FunctionVersion"]) == "{AWS::Lambda::Version.Version}"
    assert "RoutingConfig" not in alias
    assert "ProvisionedConcurrencyConfig" not in assembly.only("towers", "AWS::Lambda::Version")


def test_without_provisioned_concurrency_nothing_is_reserved(assembly: Assembly) -> None:
    assert "ProvisionedConcurrencyConfig" not in assembly.only("films", "AWS::Lambda::Alias")
    assert "ReservedConcurrentExecutions" not in assembly.only("films", "AWS::Lambda::Function")


def test_versions_are_kept_for_a_rollback(assembly: Assembly) -> None:
    (version,) = assembly.resources("films", "AWS::Lambda::Version")
    assert version["DeletionPolicy"] == version["UpdateReplacePolicy"] == "Retain"


def test_log_group_is_the_functions_own_ends_and_goes_with_the_stack(assembly: Assembly) -> None:
    for stack, days in (("films", 30), ("towers", 14)):
        (group,) = assembly.resources(stack, "AWS::Logs::LogGroup")
        assert group["Properties"] == {"RetentionInDays": days}
        assert group["DeletionPolicy"] == "Delete"
        logging = assembly.only(stack, "AWS::Lambda::Function")["LoggingConfig"]
        assert assembly.text(stack, logging["LogGroup"]) == "{AWS::Logs::LogGroup}"


def test_nothing_that_must_be_unique_has_a_fixed_name(assembly: Assembly) -> None:
    assert "FunctionName" not in assembly.only("films", "AWS::Lambda::Function")
    assert "RoleName" not in assembly.only("films", "AWS::IAM::Role")


def test_stack_tells_where_to_call(assembly: Assembly) -> None:
    outputs = assembly.template("films")["Outputs"]
    assert assembly.text("films", outputs["Rank"]["Value"]) == (
        "https://{/ranklet/api/id}.execute-api.{AWS::Region}.{AWS::URLSuffix}/v1/models/films:rank"
    )
    assert assembly.text("films", outputs["Alias"]["Value"]) == "{AWS::Lambda::Alias}"


def test_function_names_the_table_versions_that_it_reads_from_elsewhere(assembly: Assembly) -> None:
    named = {
        stack: assembly.only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]["RANKLET_TABLES"]
        for stack in ("films", "towers")
    }
    assert named == {"films": "ranklet-item-0a1b2c,ranklet-user-77", "towers": "none"}
