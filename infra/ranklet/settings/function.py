"""`[function]`: the Lambda function itself."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ranklet.settings.network import Vpc

KeyArn = Annotated[
    str,
    msgspec.Meta(pattern=r"^arn:aws[a-z-]*:kms:[a-z]{2}(-[a-z]+)+-\d:\d{12}:key/[0-9A-Za-z-]{1,64}$"),
]


class Function(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[function]`: the Lambda function. memory and tmp in MB, timeout in seconds, logs kept in days.

    tmp: size of /tmp; None for what the tables and artefacts need that are fetched there (512 at least).
    vpc: None for Lambda's own network. kms_key: a key of yours for environment and log, None for AWS's own; its policy
    must let CloudWatch Logs of the region use it. tracing: whether X-Ray samples requests; nothing is imported for it.
    client: who speaks to the Runtime API, we ourselves or awslambdaric's own (`ranklet_runtime.polling`).
    """

    memory: Annotated[int, msgspec.Meta(ge=128, le=10_240)] = 1024
    tmp: Annotated[int, msgspec.Meta(ge=512, le=10_240)] | None = None
    timeout: Annotated[int, msgspec.Meta(ge=1, le=29)] = 10
    reserved: Annotated[int, msgspec.Meta(ge=1)] | None = None
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    log_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365] = 30
    vpc: Vpc | None = None
    kms_key: KeyArn | None = None
    tracing: bool = False
    client: Literal["ranklet", "stock"] = "ranklet"
