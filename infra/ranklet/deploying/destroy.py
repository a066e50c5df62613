"""Take a model's stack away: what goes with it, what stays, and the tables that nobody reads then.

Versions of a function go with the function. Tables and snapshots are outside of stacks and stay, unless they are asked
for; the shared stack goes last, when no model is left.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ranklet.deploying import stack
from ranklet.deploying.account import Account, asked
from ranklet.deploying.stack import Resource
from ranklet.errors import DeployError
from ranklet.tables import deployed

POLL_S, LONGEST_S = 2.0, 1800.0
WITH_FUNCTION = (stack.VERSION,)
"""Kept by the template from one deployment to the next; the function takes them along when it goes."""


@dataclass(frozen=True)
class Doomed:
    """A stack and what becomes of its parts. tables: those that the versions of its function read."""

    stack: str
    goes: tuple[Resource, ...]
    stays: tuple[Resource, ...]
    tables: tuple[str, ...]


def plan(account: Account, name: str, function: str = "") -> Doomed:
    """What deleting a stack would do. Raises DeployError where it is not there."""
    if stack.described(account, name) is None:
        raise DeployError(f"there is no stack {name} in this region")
    kept = _kept(account, name)
    held = stack.resources(account, name)
    stays = tuple(one for one in held if one.logical in kept and one.kind not in WITH_FUNCTION)
    tables: set[str] = set()
    if function:
        for one in deployed.of(account.functions, function):
            tables |= one.tables or frozenset()
    return Doomed(name, tuple(one for one in held if one not in stays), stays, tuple(sorted(tables)))


def carry_out(account: Account, name: str, *, progress: Callable[[str], None]) -> None:
    """Delete the stack and wait for its end. Raises DeployError where CloudFormation cannot, with its reason."""
    shown = stack.described(account, name)
    if shown is None:
        return
    # By its id a stack is still told of when it is gone.
    id = shown["StackId"]
    asked("cloudformation:DeleteStack", account.cloudformation.delete_stack, StackName=id)
    ends = time.monotonic() + LONGEST_S
    while time.monotonic() < ends:
        now = stack.described(account, id)
        if now is None:
            return
        progress(now["StackStatus"])
        if now["StackStatus"].endswith("FAILED"):
            raise DeployError(f"the stack {name} was not deleted: {now.get('StackStatusReason', now['StackStatus'])}")
        time.sleep(POLL_S)
    raise DeployError(f"the stack {name} is still being deleted; look at it in CloudFormation")


def _kept(account: Account, name: str) -> frozenset[str]:
    """Logical ids of what the template keeps when the stack goes."""
    told = asked("cloudformation:GetTemplate", account.cloudformation.get_template, StackName=name)
    body: Any = told["TemplateBody"]
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError as error:
            raise DeployError(f"the template of {name} is not ranklet's: {error}") from error
    resources: Mapping[str, Any] = body.get("Resources", {})
    return frozenset(
        logical for logical, one in resources.items() if str(one.get("DeletionPolicy", "")).startswith("Retain")
    )
