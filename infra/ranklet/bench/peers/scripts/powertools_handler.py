"""The HTTP resolver of Powertools for AWS Lambda, without its Logger, Metrics and validation."""

from typing import Any

import scoring
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

app = APIGatewayHttpResolver()
session = scoring.opened()


@app.post(f"/v2/models/{scoring.NAME}/infer")
def infer() -> dict[str, Any]:
    return scoring.answered(session, app.current_event.json_body["inputs"])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
