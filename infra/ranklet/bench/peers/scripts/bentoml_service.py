"""A service of BentoML with one worker."""

from typing import Any

import bentoml
import scoring


@bentoml.service(workers=1, traffic={"timeout": 60})
class Ranker:
    def __init__(self) -> None:
        self._session = scoring.opened()

    @bentoml.api(route=f"/v2/models/{scoring.NAME}/infer")
    def infer(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        return scoring.answered(self._session, inputs)
