"""cdk-nag's AwsSolutions rules over the whole app, and what we accept of their findings, each with its reason.

`cdk synth -c nag=true` runs them, and so does a test over models of every kind. A finding that is not accepted below
fails the synthesis. An entry holds for a construct path within a stack, so that the same rule still finds the next
construct; a test tells of entries that nothing needs any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ranklet.errors import ModelError

if TYPE_CHECKING:
    from aws_cdk import App, CfnElement, Stack

PACK = "AwsSolutions"


@dataclass(frozen=True)
class Accepted:
    """A finding that stands. rule: as cdk-nag says it; `{path}` in it is the logical id of a construct of the stack.

    path: of the construct within its stack, with `*` for any text.
    """

    rule: str
    path: str
    reason: str


ACCEPTED = (
    Accepted(
        "L1",
        "*Function/Resource",
        "python3.13 is what the layers are built, measured and tested for; another one comes to all models at once",
    ),
    Accepted(
        "IAM5[Resource::<{Model/Function}.Arn>:*]",
        "Model/Versions/Policy/Resource",
        "a function passes requests on to its own versions and aliases, which do not exist yet when the template is "
        "written; the grant is lambda:InvokeFunction on this one function",
    ),
    Accepted(
        "IAM5[Resource::<{Model/Function}.Arn>:*]",
        "Release/Hook/Policy/Resource",
        "the hook invokes the new version of this one function, whose number changes with each deployment; a grant "
        "that changed with it might come into force after the hook has begun",
    ),
    Accepted(
        "IAM5[Resource::*]",
        "Release/Policy/Resource",
        "cloudwatch:DescribeAlarms, which tells composite alarms to nobody whose grant is narrower; it reads alarms "
        "and changes none",
    ),
    Accepted(
        "SMG4",
        "Model/TokenKey/Secret/Resource",
        "the key signs tokens that live for some seconds; whoever operates the model changes it by one call, both "
        "values are taken meanwhile, and no function of ours has the right to write it",
    ),
    Accepted(
        "S1",
        "Snapshots/Bucket/Resource",
        "only the models' roles may read it, object by object; CloudTrail's data events tell who did, where that is "
        "wanted, without a second bucket that is kept for ever",
    ),
    Accepted(
        "IAM5[Resource::*]",
        "Model/Network/Join/Resource",
        "Lambda makes network interfaces in the function's name: they do not exist yet, and describing them takes no "
        "resource; a second policy denies all of it to the function's own code",
    ),
    Accepted(
        "IAM5[Resource::*]",
        "Model/Execution/Role/DefaultPolicy/Resource",
        "[function] tracing lets Lambda send segments to X-Ray, whose actions know no resources",
    ),
    Accepted(
        "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        "RestLogs/Role/Resource",
        "one role for the whole account, by which API Gateway itself writes logs; it looks for these rights before it "
        "takes the role",
    ),
    Accepted(
        "APIG4",
        "*Routes/*",
        'the author wrote [api] auth = "none"; the synthesis says loudly that the model is open',
    ),
    Accepted(
        "APIG4",
        "Endpoint/Rest/Api/Default/*",
        'the author wrote [api] auth = "key", which this rule does not count, or "none", which the synthesis tells '
        "loudly",
    ),
    Accepted(
        "COG4",
        "Endpoint/Rest/Api/Default/*",
        "callers are services that sign with IAM, or that the author's own authorizer lets in; nobody logs in here",
    ),
    Accepted(
        "APIG2",
        "Endpoint/Rest/Api/Resource",
        "the function checks every request and names the place of a fault; [api.rest] validate lets API Gateway do it "
        "before, for the bodies that have a schema",
    ),
    Accepted(
        "APIG3",
        "Endpoint/Rest/Api/DeploymentStage.live/Resource",
        "a firewall costs more than a small model does: [api.rest] waf_rate asks for one",
    ),
    Accepted(
        "APIG6",
        "Endpoint/Rest/Api/DeploymentStage.live/Resource",
        "the access log has a line for each request; execution logs would add what users sent, at CloudWatch's price",
    ),
)


def check(app: App) -> None:
    """Add the rules to the app's validation and acknowledge what is accepted; the synthesis then fails by the rest.

    Raises ModelError where cdk-nag is not installed.
    """
    from aws_cdk import Acknowledgment, Stack, Validations

    try:
        from cdk_nag import AwsSolutionsChecks
    except ModuleNotFoundError as error:
        raise ModelError("context nag=true needs cdk-nag: pip install 'cdk-nag>=3'") from error
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for stack in (child for child in app.node.children if isinstance(child, Stack)):
        elements = dict(_elements(stack))
        for accepted in ACCEPTED:
            for path, element in elements.items():
                if fnmatchcase(path, accepted.path) and (rule := _named(accepted, elements, stack)):
                    Validations.of(element).acknowledge(Acknowledgment(id=rule, reason=accepted.reason))


def _elements(stack: Stack) -> Iterator[tuple[str, CfnElement]]:
    """The resources of a stack by their path in it."""
    from aws_cdk import CfnElement

    for construct in stack.node.find_all():
        if CfnElement.is_cfn_element(construct):
            yield construct.node.path.partition("/")[2], construct  # type: ignore[misc]


def _named(accepted: Accepted, elements: dict[str, CfnElement], stack: Stack) -> str | None:
    """The rule with logical ids in place of paths; None in a stack that lacks one of them."""
    paths = {name: elements.get(f"{name}/Resource") for name in re.findall(r"\{([^}]+)\}", accepted.rule)}
    rule = f"{PACK}::{PACK}-{accepted.rule}"
    for name, element in paths.items():
        if element is None:
            return None
        rule = rule.replace(f"{{{name}}}", str(stack.get_logical_id(element)))
    return rule
