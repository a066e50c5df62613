"""`ranklet deploy`: from a model's folder to an endpoint that was asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ranklet.cli import deploy_common as common
from ranklet.cli import deploy_ending, terminal
from ranklet.cli.deploy_common import Chosen
from ranklet.cli.stages import Stages, stages
from ranklet.deployable import SHARED, Deployable
from ranklet.environment import Environment
from ranklet.funnels.ready import of_folder
from ranklet.project import Project

if TYPE_CHECKING:
    from ranklet.deploying.account import Account, Caller
    from ranklet.deploying.cdk import Cdk


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--target", type=click.Choice(["local"]), help="A stand-in for AWS: what it refuses is left out.")
@click.option("--smoke/--no-smoke", default=True, show_default=True, help="Ask what was deployed for golden scores.")
@click.option("--token", envvar="RANKLET_TOKEN", help='Of a caller, for auth = "jwt", "lambda" or "key".')
@click.option("--bootstrap", is_flag=True, help="Prepare the account and region for the CDK first; once for each.")
@click.option("--forward", is_flag=True, help="Put live what a rollback holds back.")
@click.option("-c", "--context", multiple=True, metavar="KEY=VALUE", help="Of the CDK: rate, burst, certificate …")
@common.where
@terminal.as_json
def deploy(
    models: tuple[str, ...],
    target: str | None,
    smoke: bool,
    token: str | None,
    bootstrap: bool,
    forward: bool,
    context: tuple[str, ...],
    env: str | None,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Build and prove MODELS and funnels, push their tables, deploy their stacks, and ask the result for its scores.

    \b
    ranklet deploy movie-ftrl --bootstrap
    ranklet deploy movie-ftrl movie-two-tower --env prod
    ranklet deploy movie-ftrl --target local --endpoint http://127.0.0.1:4566 --region us-east-1
    ranklet deploy movie-ftrl --json | jq '.models[0].url'

    The shared stack is brought up to date first. Nobody is asked before permissions change: `cdk diff MODEL` (with
    `-c env=prod` for an environment) shows them beforehand. What `cdk` says goes to .build/deploy/; its last lines are
    shown when it fails. What a rollback holds back stays there (exit code 10), unless --forward puts it live.

    --bootstrap is `cdk bootstrap` for the account and region in force: it makes the CDK's bucket and roles there.

    Needs what `cdk deploy` and `ranklet tables push` need, and sts:GetCallerIdentity, cloudformation:DescribeStacks,
    ListStackResources, lambda:GetAlias, UpdateAlias; for the smoke test the right to call the API (execute-api:Invoke,
    or lambda:InvokeFunctionUrl). Exit code 4 when a score is not the trainer's, 7 when a table cannot be pushed, 10
    when AWS or `cdk` refuses.
    """
    here, environment, account = common.opened(env, region, endpoint)
    chosen = Chosen(region, endpoint, target, smoke, token, bootstrap, forward, context)
    folders = here.folders(models)
    with stages() as view:
        who, deployables = _prepare(view, here, [folder.name for folder in folders], environment, account, chosen)
        runner = _cdk(here, deployables, environment, chosen)
        if bootstrap:
            with view.stage("cdk bootstrap") as say:
                runner.run(["bootstrap", f"aws://{who.account}/{who.region}"], progress=say)
        _push(view, here, deployables, environment, account, runner)
        with view.stage("cdk deploy") as say:
            runner.deploy([one.model.name for one in deployables], progress=say)
            say(f"log in {runner.log.relative_to(here.root)}")
        done = [deploy_ending.finish(view, here, one, environment, account, chosen) for one in deployables]
    if as_json:
        terminal.emit({"environment": environment.name, "models": done, "stages": view.documents()})
    else:
        _show(done, environment)


def _prepare(
    view: Stages,
    here: Project,
    models: Sequence[str],
    environment: Environment,
    account: Account,
    chosen: Chosen,
) -> tuple[Caller, list[Deployable]]:
    """Who deploys, and what: everything that can be refused before anything is changed."""
    from ranklet.deploying import account as accounts
    from ranklet.deploying import ways

    with view.stage("account") as say:
        who = accounts.caller(account)
        say(f"{who.account} as {who.arn.rpartition(':')[2]} in {who.region}")
    deployables = [_built(view, here, name, environment) for name in models]
    for one in deployables if chosen.smoke else ():
        ways.way("https://not.known.yet", one.model.api.auth, token=chosen.token)
    return who, deployables


def _built(view: Stages, here: Project, name: str, environment: Environment) -> Deployable:
    from ranklet import certificate

    folder = here.functions / name
    with view.stage(f"build {name}") as say:
        one = of_folder(here, folder, progress=say, environment=environment)
        proof = certificate.read(one.bundle)
        say(f"version {one.manifest.version}: {max(proof.paths.values()):.1e} from the {_truth(one)}")
    return one


def _truth(one: Deployable) -> str:
    return "trainer's scores" if one.entry is None else "stages one by one"


def _cdk(here: Project, deployables: Sequence[Deployable], environment: Environment, chosen: Chosen) -> Cdk:
    from ranklet.deploying.cdk import Cdk

    given = dict(word.partition("=")[::2] for word in chosen.context)
    context = given | {"models": ",".join(one.model.name for one in deployables)}
    context |= {"env": environment.name} if environment.name else {}
    context |= {"target": chosen.target} if chosen.target else {}
    log = here.build / "deploy" / f"{environment.name or 'deploy'}-{time.strftime('%Y%m%d-%H%M%S')}.log"
    return Cdk(here.root, log, context=context, region=chosen.region, endpoint=chosen.endpoint)


def _push(
    view: Stages,
    here: Project,
    deployables: Sequence[Deployable],
    environment: Environment,
    account: Account,
    runner: Cdk,
) -> None:
    """Tables before the functions that read them; for snapshots the shared stack's bucket has to be there."""
    from ranklet.tables import deployed, push, snapshot
    from ranklet.tables.creation import Options

    bucket = None
    deployables = [every for one in deployables for every in (one, *one.stages)]
    if any(one.shelved for one in deployables):
        bucket = deployed.bucket(account.ssm, environment.name)
        if bucket is None:
            with view.stage(f"cdk deploy {SHARED}") as say:
                runner.deploy([SHARED], progress=say)
            bucket = deployed.bucket(account.ssm, environment.name)
    for one in deployables:
        for table in one.tables:
            with view.stage(f"push {table.physical}") as say:
                pushed = push.push(
                    here.build / "tables" / table.physical,
                    client=account.dynamodb,
                    progress=lambda done, total, say=say: say(f"{done} of {total} items"),  # type: ignore[misc]
                    options=Options(one.model.name, kms_key=one.model.function.kms_key),
                )
                say(f"{pushed.items} items, {pushed.written} written now")
        for physical in one.shelved:
            assert bucket is not None
            with view.stage(f"send {physical} to S3") as say:
                snapshot.upload(here.build / "tables" / physical, account.s3, bucket)


def _show(done: Sequence[dict[str, Any]], environment: Environment) -> None:
    where = f" in {environment.name}" if environment.name else ""
    rows = [
        [
            one["model"],
            one["version"],
            one["function_version"],
            one["url"],
            f"{one['smoke']['worst']:.1e} ≤ {one['smoke']['bound']:.0e}" if one["smoke"] else "not asked",
        ]
        for one in done
    ]
    terminal.show(f"Deployed{where}", ["model", "version:", "function's:", "url", "max |diff|:"], rows)
    for one in done:
        terminal.ERR.print(f"back to the version before: {one['rollback']}", markup=False)
