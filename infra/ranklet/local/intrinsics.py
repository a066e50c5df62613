"""CloudFormation's intrinsic functions, as far as a function's settings use them: references and joined texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ranklet.errors import LocalError
from ranklet.local.assembly import Stack
from ranklet.local.function import ACCOUNT

SUBSTITUTED: Final = re.compile(r"\$\{(!?)([^}]+)\}")
NAMES: Final = ("TableName", "FunctionName", "LayerName", "BucketName", "LogGroupName", "Name")
"""Properties by which a template names a resource itself."""

Lookup = Callable[[str], str]
"""The value of an SSM parameter by its name."""


def references(value: Any) -> Iterator[str]:
    """The logical ids that an expression refers to, in the order in which it names them."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref":
                yield str(item)
            elif key == "Fn::GetAtt":
                yield str(item[0]) if isinstance(item, list) else str(item).split(".")[0]
            elif key == "Fn::Sub" and isinstance(item, str):
                yield from (match[2].split(".")[0] for match in SUBSTITUTED.finditer(item) if not match[1])
            else:
                yield from references(item)


def text(value: Any, stack: Stack, *, region: str, parameter: Lookup) -> str:
    """The text that an expression stands for. Raises LocalError for one that only a deployment could tell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Mapping) and len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref":
            return _ref(str(argument), stack, region=region, parameter=parameter)
        if function == "Fn::Join":
            separator, parts = argument
            return str(separator).join(text(part, stack, region=region, parameter=parameter) for part in parts)
        if function == "Fn::Sub":
            return _sub(argument, stack, region=region, parameter=parameter)
    raise LocalError(f"{value!r} has a value only after a deployment")


def ssm_parameter(value: Any, stack: Stack) -> str | None:
    """The name of the SSM parameter that an expression reads at deployment, None when it reads none."""
    if isinstance(value, str) and (match := re.fullmatch(r"\{\{resolve:ssm:([^:}]+)(?::\d+)?\}\}", value)):
        return match[1]
    if isinstance(value, Mapping) and isinstance(name := value.get("Ref"), str):
        declared = stack.template.get("Parameters", {}).get(name, {})
        if str(declared.get("Type", "")).startswith("AWS::SSM::Parameter::Value<"):
            return str(declared.get("Default"))
    return None


def _ref(name: str, stack: Stack, *, region: str, parameter: Lookup) -> str:
    pseudo = {
        "AWS::AccountId": ACCOUNT,
        "AWS::NoValue": "",
        "AWS::Partition": "aws",
        "AWS::Region": region,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
    if name in pseudo:
        return pseudo[name]
    if (of_ssm := ssm_parameter({"Ref": name}, stack)) is not None:
        return parameter(of_ssm)
    declared = stack.template.get("Parameters", {}).get(name, {})
    if "Default" in declared:
        return str(declared["Default"])
    resource = stack.resources.get(name, {})
    properties = resource.get("Properties", {})
    if resource.get("Type") == "AWS::Lambda::Alias":
        # As `template` calls the functions of a stack that has several.
        function = next(references(properties.get("FunctionName")), "")
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{stack.name}/{function}:{properties.get('Name')}"
    if given := next((properties[key] for key in NAMES if isinstance(properties.get(key), str)), None):
        return str(given)
    if resource.get("Type") == "AWS::S3::Bucket":
        # CloudFormation makes a name up; so do we, and who plays S3 here says what it is called.
        return f"{stack.name}-{name}".lower()
    if resource.get("Type") == "AWS::SecretsManager::Secret":
        return f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{stack.name}-{name}"
    raise LocalError(f"{name} of the stack {stack.name} has a value only after a deployment; give it a name")


def _sub(argument: Any, stack: Stack, *, region: str, parameter: Lookup) -> str:
    template, own = (argument, {}) if isinstance(argument, str) else argument

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return f"${{{match[2]}}}"
        return text(own.get(match[2], {"Ref": match[2]}), stack, region=region, parameter=parameter)

    return SUBSTITUTED.sub(one, template)
