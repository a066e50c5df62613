"""PMML files behind Openscoring's batches answer as JPMML does: outputs by name, and a message for each bad record."""

from __future__ import annotations

from pathlib import Path

import orjson
import pmml_kit as kit
import pytest

from ranklet import draft, pipeline
from ranklet.importers.proposal import Wishes
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

CASES = {
    "s_domain_strict": None,
    "s_hot_forest": "probability(setosa)",
    "s_hot_logistic": None,
    "s_ordinal_logistic": None,
    "cluster_matching": "far_0",
    "card_pointsAbove_all": None,
    "chain_classes": None,
}
"""File → the output that ranks, where there is a choice."""


@pytest.mark.parametrize("name", CASES)
def test_a_batch_is_answered_record_by_record_as_by_jpmml(name: str, tmp_path: Path) -> None:
    stored, output = kit.stored(name), CASES[name]
    (tmp_path / "model.pmml").write_bytes(stored.text)
    folder = tmp_path / "functions" / "ranker"
    draft.draft(tmp_path / "model.pmml", folder, wishes=Wishes(options={"output": output} if output else {}))
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda said: None)
    assert {"openscoring-batch"} <= set(built.certificate.paths)
    rows = [dict(zip(stored.rows, values, strict=True)) for values in zip(*stored.rows.values(), strict=True)]
    body = orjson.dumps({"requests": [{"id": str(at), "arguments": row} for at, row in enumerate(rows)]})
    event = event_v2("POST", "/model/ranker/batch", headers={"content-type": "application/json"}, body=body)
    answer = Function.open(built.folder, {})(event, None)
    assert answer["statusCode"] == 200
    responses = orjson.loads(answer["body"])["responses"]
    assert len(responses) == stored.count
    refused = [at for at, one in enumerate(responses) if "message" in one]
    assert set(stored.refused) <= set(refused)
    for at in (at for at in range(stored.count) if at not in stored.errors and at not in refused):
        results = responses[at]["results"]
        assert list(results) == [*stored.answers, "score"]
        for field, wanted in stored.answers.items():
            assert kit.differs(results[field], wanted[at], 1e-9) is None, (at, field)
    assert len(refused) < stored.count
