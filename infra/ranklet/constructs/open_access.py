"""What is said when a model lets anybody in."""

from __future__ import annotations

from aws_cdk import Annotations
from constructs import Construct

from ranklet.model import Model


def warn(scope: Construct, model: Model) -> None:
    """A warning that `cdk` prints at every synthesis, where [api] auth is none."""
    if model.api.auth != "none":
        return
    inside = model.api.rest is not None and (model.api.rest.vpc_endpoints or model.api.rest.cidrs)
    where = "TO EVERYBODY WITHIN ITS NETWORK" if inside else "TO THE INTERNET"
    Annotations.of(scope).add_warning_v2(
        "ranklet:open", f"{model.name} is OPEN {where}: [api] auth is none; anyone may call and you pay"
    )
