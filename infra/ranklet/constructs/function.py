"""A model as a Lambda function: code, version and the alias that callers reach."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Size, aws_kms, aws_lambda
from constructs import Construct

from ranklet import certificate, named, releasing, snapshots
from ranklet.constructs import parameters, rest_cors
from ranklet.constructs.candidate import Candidate, Copies
from ranklet.constructs.logs import Logs
from ranklet.constructs.metrics import name_of
from ranklet.constructs.network import InVpc
from ranklet.constructs.own_versions import OwnVersions
from ranklet.constructs.role import ExecutionRole
from ranklet.constructs.runtime import ARCHITECTURES, RUNTIME
from ranklet.constructs.token_key import TokenKey
from ranklet.constructs.warmth import Scaling, plays_locally
from ranklet.deployable import MIN_TMP, Deployable
from ranklet.settings.release import Release
from ranklet_runtime import integrity, polling
from ranklet_runtime.function import ALONE, METRICS_NAME, VERSIONS


class ModelFunction(Construct):
    """The function behind the alias `live`; log_group: where it writes.

    called: what its metrics call it, where that is not its stack's name. token_key: what signs its tokens, if any.

    layers: name → hash of its content. The ARNs are looked up at deployment, so that the template alone would not
    change with a layer; the description names the hashes, and a changed description makes a new version.
    The alias points at one version, never at two by weight: provisioned concurrency and weights exclude each other.
    Versions are kept, so that a rollback finds the old one.
    """

    def __init__(
        self, scope: Construct, id: str, *, deployable: Deployable, layers: Mapping[str, str], called: str | None = None
    ) -> None:
        super().__init__(scope, id)
        self._name = called or name_of(self)
        self.token_key: TokenKey | None = None
        settings, manifest, warmth = deployable.model.function, deployable.manifest, deployable.model.warmth
        key = aws_kms.Key.from_key_arn(self, "Key", settings.kms_key) if settings.kms_key else None
        self.log_group = logs = Logs(self, "Logs", days=settings.log_days, key=key).group
        tables = [table.physical for table in deployable.tables]
        objects = deployable.objects
        bucket = parameters.value(self, snapshots.BUCKET_PARAMETER) if objects else ""
        fetching = {snapshots.BUCKET_VARIABLE: bucket} if objects else {}
        signing = None
        if deployable.model.token is not None:
            signing = self.token_key = TokenKey(self, "TokenKey", setting=deployable.model.token, key=key)
        signed = dict(signing.variables) if signing else {}
        hashes = " ".join(f"{name}:{hash[:12]}" for name, hash in layers.items())
        function = self.function = aws_lambda.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=ARCHITECTURES[settings.architecture],
            handler=deployable.entry or rest_cors.handler(deployable.model.api),
            code=aws_lambda.Code.from_asset(str(deployable.bundle)),
            layers=[self._layer(name, settings.architecture) for name in layers],
            description=f"{manifest.model} version {manifest.version}, layers {hashes}",
            memory_size=settings.memory,
            timeout=Duration.seconds(settings.timeout),
            reserved_concurrent_executions=settings.reserved,
            environment=environment(deployable) | self._called(manifest.model) | fetching | signed,
            ephemeral_storage_size=Size.mebibytes(deployable.tmp) if deployable.tmp > MIN_TMP else None,
            log_group=logs,
            role=ExecutionRole(
                self,
                "Execution",
                log_group=logs,
                tables=tables,
                objects=objects,
                bucket=bucket,
                key=settings.kms_key,
                more=[signing.right] if signing else [],
            ).role,
            environment_encryption=key,
            tracing=aws_lambda.Tracing.ACTIVE if settings.tracing else None,
            snap_start=aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS if warmth.kind == "snapstart" else None,
            current_version_options=aws_lambda.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
        )
        if settings.vpc is not None:
            InVpc(self, "Network", function=function, vpc=settings.vpc)
        if deployable.model.api.versions:
            OwnVersions(self, "Versions", function=function)
        self.alias = aws_lambda.Alias(
            self,
            "Live",
            alias_name="live",
            version=function.current_version,
            provisioned_concurrent_executions=warmth.count or None,
        )
        self._shadow(function, deployable.model.release)
        if warmth.scales and not plays_locally(self):
            Scaling(self, "Scaling", alias=self.alias, warmth=warmth)

    def _called(self, model: str) -> dict[str, str]:
        """What metrics call the model, where that is not its own name."""
        return {METRICS_NAME: self._name} if self._name != model else {}

    def _shadow(self, function: aws_lambda.Function, release: Release) -> None:
        """The right to copy requests, and the candidate beside the version that goes on answering."""
        if release.shadow is None:
            return
        Copies(self, "Copies", function=function)
        if release.shadow.live is not None:
            Candidate(self, "Candidate", version=function.current_version)
            live = self.alias.node.default_child
            assert isinstance(live, aws_lambda.CfnAlias)
            live.function_version = str(release.shadow.live)

    def _layer(self, name: str, architecture: str) -> aws_lambda.ILayerVersion:
        arn = parameters.value(self, parameters.layer(name, architecture))
        return aws_lambda.LayerVersion.from_layer_version_arn(self, f"Layer-{name}", arn)


def environment(deployable: Deployable) -> dict[str, str]:
    """What the function is told. Thread counts are set, never detected: below 1 769 MB it sees two cores, has less.

    The table versions that it reads stand there for `ranklet tables prune`; the function itself has its manifest. The
    hash of the proven bundle stands there because who can change the code cannot change it with the code.
    """
    threads = str(deployable.manifest.threads)
    pinned = {table.physical for table in (*deployable.tables, *deployable.fetched)}
    return {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        named.TABLES_VARIABLE: named.variable(pinned),
        integrity.VARIABLE: certificate.read(deployable.bundle).bundle,
        **({} if deployable.model.api.versions else {VERSIONS: ALONE}),
        **({polling.SWITCH: polling.STOCK} if deployable.model.function.client == polling.STOCK else {}),
        **releasing.variables(deployable.model.release),
        **rest_cors.variables(deployable.model.api),
    }
