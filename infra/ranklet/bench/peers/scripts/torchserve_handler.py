"""A custom handler of TorchServe; its archive holds the graph and scoring.py."""

from pathlib import Path
from typing import Any

import scoring


class Ranker:
    def initialize(self, context: Any) -> None:
        self._session = scoring.opened(folder=Path(context.system_properties["model_dir"]))

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
        return [scoring.answered(self._session, one["body"]["inputs"]) for one in data]
