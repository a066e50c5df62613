"""What an API answers to a browser, as its template says: to the question before a call, and with the call's answer.

An HTTP API and a function URL do both; a REST API answers the question alone, from a mock integration, and leaves the
answer's header to the function. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from ranklet.local.assembly import Json
from ranklet.local.http1.message import Response

HEADER: Final = "method.response.header."
OTHERS: Final = re.compile(r'\$origin == "([^"]+)"')
"""How the template of a REST API's answer names further origins."""


@dataclass(frozen=True)
class Cors:
    """Who may call from a browser. answers: whether the API adds the header to the function's answers too."""

    origins: tuple[str, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    max_age: int | None = None
    answers: bool = True

    def preflight(self, origin: str | None) -> Response:
        """The answer to OPTIONS; without its header an origin is told nothing, and the browser does not call."""
        told = [
            ("Access-Control-Allow-Methods", ",".join(self.methods)),
            ("Access-Control-Allow-Headers", ",".join(self.headers)),
            ("Access-Control-Max-Age", "" if self.max_age is None else str(self.max_age)),
        ]
        return Response(204, (*self._allowed(origin), *(pair for pair in told if pair[1])))

    def shown(self, response: Response, origin: str | None) -> Response:
        """An answer as a page of the origin may read it; the API's word goes before the function's."""
        if not self.answers or origin is None:
            return response
        kept = tuple(pair for pair in response.headers if not pair[0].lower().startswith("access-control-"))
        return replace(response, headers=(*kept, *self._allowed(origin)))

    def _allowed(self, origin: str | None) -> tuple[tuple[str, str], ...]:
        if "*" in self.origins:
            return (("Access-Control-Allow-Origin", "*"),)
        if origin in self.origins and origin is not None:
            return (("Access-Control-Allow-Origin", origin), ("Vary", "Origin"))
        return ()


def of_settings(settings: Json | None) -> Cors | None:
    """`CorsConfiguration` of an HTTP API, `Cors` of a function URL; None where there is none."""
    if not settings:
        return None
    age = settings.get("MaxAge")
    return Cors(
        origins=tuple(settings.get("AllowOrigins", ())),
        methods=tuple(settings.get("AllowMethods", ())),
        headers=tuple(settings.get("AllowHeaders", ())),
        max_age=None if age is None else int(age),
    )


def of_mock(method: Json) -> Cors | None:
    """The OPTIONS method of a REST API; None for one that does not answer from a mock integration."""
    integration = method.get("Integration", {})
    answers = integration.get("IntegrationResponses", ())
    if method.get("HttpMethod") != "OPTIONS" or integration.get("Type") != "MOCK" or not answers:
        return None
    told: dict[str, Any] = {
        name.removeprefix(HEADER).lower(): str(value).strip("'")
        for name, value in answers[0].get("ResponseParameters", {}).items()
    }
    templates = answers[0].get("ResponseTemplates", {}).values()
    others = [origin for text in templates for origin in OTHERS.findall(text)]
    return Cors(
        origins=(told.get("access-control-allow-origin", ""), *others),
        methods=tuple(told.get("access-control-allow-methods", "").split(",")),
        headers=tuple(told.get("access-control-allow-headers", "").split(",")),
        max_age=int(told["access-control-max-age"]) if "access-control-max-age" in told else None,
        answers=False,
    )
