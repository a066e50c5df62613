"""The end of a deployment: the alias at what was deployed, and the golden requests through the URL."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ranklet.cli import deploy_common as common
from ranklet.cli.deploy_common import Chosen
from ranklet.cli.stages import Stages
from ranklet.deployable import Deployable
from ranklet.environment import Environment
from ranklet.errors import DeployError
from ranklet.project import Project

if TYPE_CHECKING:
    from ranklet.deploying.account import Account
    from ranklet.deploying.smoke import Smoked
    from ranklet.deploying.stack import Deployed
    from ranklet.deploying.versions import Alias


def finish(
    view: Stages, here: Project, one: Deployable, environment: Environment, account: Account, chosen: Chosen
) -> dict[str, Any]:
    """The alias at what was deployed, and the golden requests through the URL."""
    from ranklet.deploying import stack, versions

    name = one.model.name
    there = stack.found(account, environment, name)
    newest = stack.version(stack.resources(account, there.stack), there.function)
    shadow = one.model.release.shadow
    candidate = newest if shadow is not None and shadow.live is not None else None
    with view.stage(f"alias of {name}") as say:
        alias = versions.alias(account, there)
        moved = newest is not None and str(alias.number) != newest and not alias.weights
        if candidate is not None:
            say(f"version {candidate} is the candidate; {alias.name} stays at version {alias.number}")
        elif newest is not None and moved:
            alias = _released(account, there, alias, newest, forward=chosen.forward)
            say(f"{alias.name} is at version {alias.number} again")
        else:
            say(f"{alias.name} is at version {alias.number}")
    # A candidate answers nobody, and what answers has golden requests of its own.
    smoked = _smoke(view, here, one, there.url, chosen) if chosen.smoke and candidate is None else None
    return {
        "model": name,
        "version": one.manifest.version,
        "stack": there.stack,
        "function": there.function,
        "function_version": str(alias.number),
        "url": there.url + (f"/v1/funnels/{name}:recommend" if one.entry else f"/v1/models/{name}:{one.model.verb}"),
        "smoke": None if smoked is None else asdict(smoked),
        "rollback": f"ranklet rollback {name}{common.flag(environment)}",
    }


def _released(account: Account, there: Deployed, alias: Alias, newest: str, *, forward: bool) -> Alias:
    """The alias at what is deployed, if that is wanted: a pipeline that runs again must not undo a rollback.

    Raises DeployError where it is not.
    """
    from ranklet.deploying import versions

    if not forward:
        raise DeployError(
            f"{there.model} was deployed as version {newest} before, and a rollback holds {alias.name} at version "
            f"{alias.number}: it stays there. Deploy another version of the model, or --forward puts this one live"
        )
    versions.move(account, there, alias, int(newest))
    return versions.alias(account, there)


def _smoke(view: Stages, here: Project, one: Deployable, url: str, chosen: Chosen) -> Smoked | None:
    from ranklet.deploying import smoke, smoke_funnel, ways

    with view.stage(f"smoke test of {one.model.name}") as say:
        if one.entry is None and "native" not in one.model.api.dialects:
            say("left out: [api] dialects has no native, in which the golden requests are sent")
            return None
        way = ways.way(url, one.model.api.auth, token=chosen.token, region=chosen.region, endpoint=chosen.endpoint)
        if one.entry is not None:
            smoked = smoke_funnel.test(one, smoke_funnel.requests(one), way, progress=say)
        else:
            smoked = smoke.test(one, smoke.requests(here, one), way, progress=say)
        say(f"{smoked.requests} golden requests, {smoked.worst:.1e} ≤ {smoked.bound:.0e}")
    return smoked
