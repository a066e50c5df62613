"""The function as a whole: faults of ours, deadlines, stores that fail, scores that are no numbers."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_kit import (
    REQUEST,
    WEIGHTS,
    Context,
    document,
    expected,
    json_of,
    predict,
    rank,
    rank_packed,
    table,
    write_bundle,
)

from ranklet_features.errors import SpecError, TableMismatch
from ranklet_features.plan import FeaturePlan
from ranklet_features.spec import Table
from ranklet_features.stores.base import FOUND, UNAVAILABLE, Keys, Rows
from ranklet_runtime.engines import open_engine
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.function import RESERVE_MS, Function
from ranklet_runtime.manifest import from_document
from ranklet_runtime.scorer import Scorer
from ranklet_runtime.telemetry import Telemetry


class FakeStore:
    """A table in memory that answers with one status, and remembers the deadlines it was given."""

    def __init__(self, record: Table, status: int = FOUND, error: Exception | None = None) -> None:
        self.table, self._status, self._error = record, status, error
        self.deadlines: list[float | None] = []
        self.closed = False

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        self.deadlines.append(deadline)
        if self._error is not None:
            raise self._error
        return Rows(np.zeros((len(keys), self.table.dim), np.float32), np.full(len(keys), self._status, np.uint8))

    def close(self) -> None:
        self.closed = True


def with_store(folder: Path, *, unavailable: str = "zero", **store: Any) -> tuple[Function, FakeStore]:
    """The kit's model over a fake store."""
    manifest = from_document(document(tables={"films": table(unavailable=unavailable)}))
    bundle = write_bundle(folder / "bundle")
    fake = FakeStore(manifest.spec.tables["films"], **store)
    plan = FeaturePlan.compile(manifest.spec, bundle, {"films": fake})
    engines = tuple(open_engine(step, bundle, threads=1) for step in manifest.steps)
    scorer = Scorer(manifest, plan, engines, {"films": fake})
    return Function(manifest, scorer, Telemetry(manifest.model, manifest.version)), fake


SECRETS = ("secret-key", "/var/task/inside.py", "RuntimeError", "Traceback")


@pytest.mark.parametrize("ask", [rank, rank_packed])
@pytest.mark.parametrize("error", [RuntimeError, MemoryError, TypeError, KeyError, OSError, RecursionError])
def test_a_fault_of_ours_says_nothing_but_its_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ask: Callable[..., Any], error: type[Exception]
) -> None:
    films, _ = with_store(tmp_path, error=error("secret-key in /var/task/inside.py"))
    answer = films(ask(REQUEST), Context(request_id="id-17"))
    assert answer["statusCode"] == 500
    assert json_of(answer) == {"error": "internal error, request id-17"}
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(logged) == 1
    assert logged[0]["level"] == "ERROR"
    assert logged[0]["request_id"] == "id-17"
    assert logged[0]["exception_name"] == error.__name__
    assert "secret-key" in logged[0]["exception"]
    assert "Traceback" in logged[0]["exception"]


def test_without_a_context_the_gateways_id_is_given(tmp_path: Path) -> None:
    films, _ = with_store(tmp_path, error=RuntimeError())
    assert json_of(films(rank(REQUEST), None)) == {"error": "internal error, request gateway-id"}
    without = {**rank(REQUEST), "requestContext": {"http": {"method": "POST"}}}
    assert json_of(films(without, None)) == {"error": "internal error, request unknown"}


def test_the_function_answers_after_a_fault(tmp_path: Path) -> None:
    films, fake = with_store(tmp_path, error=RuntimeError())
    assert films(rank(REQUEST), None)["statusCode"] == 500
    fake._error = None
    assert films(rank(REQUEST), None)["statusCode"] == 200


@pytest.mark.parametrize("ask", [rank, lambda body: predict({"inputs": {"age": [31], **body["items"]}})])
def test_store_that_must_answer_and_does_not_is_503_with_retry_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ask: Callable[..., Any]
) -> None:
    films, _ = with_store(tmp_path, unavailable="error", status=UNAVAILABLE)
    answer = films(ask(REQUEST), Context())
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "1"
    assert json_of(answer) == {"error": "an embedding table does not answer; try again"}
    assert json.loads(capsys.readouterr().err)["request_id"] == "lambda-id"


def test_store_that_may_be_defaulted_is_counted(tmp_path: Path) -> None:
    films, _ = with_store(tmp_path, status=UNAVAILABLE)
    answer = films(rank(REQUEST), Context())
    assert answer["statusCode"] == 200
    assert json_of(answer)["degraded"] == {"unavailable_rows:films": 3}


@pytest.mark.parametrize(
    ("remaining", "allowed"),
    [(60_000, 1000), (1000 + RESERVE_MS, 1000), (300, 300 - RESERVE_MS), (0, -RESERVE_MS)],
)
def test_deadline_is_the_manifests_or_lambdas(tmp_path: Path, remaining: int, allowed: int) -> None:
    films, fake = with_store(tmp_path)
    before = time.monotonic()
    films(rank(REQUEST), Context(remaining))
    after = time.monotonic()
    (deadline,) = fake.deadlines
    assert deadline is not None
    assert before + allowed / 1000 <= deadline <= after + allowed / 1000


def test_deadline_without_a_context_is_the_manifests(tmp_path: Path) -> None:
    films, fake = with_store(tmp_path)
    before = time.monotonic()
    films(rank(REQUEST), None)
    assert fake.deadlines[0] is not None
    assert fake.deadlines[0] >= before + 1


def test_scorer_closes_its_stores(tmp_path: Path) -> None:
    films, fake = with_store(tmp_path)
    films.scorer.close()
    assert fake.closed


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_refused(tmp_path: Path, weight: float) -> None:
    bundle = write_bundle(
        tmp_path / "bundle", document(steps=[{**document()["steps"][0], "outputs": {"logit": "score"}}])
    )
    np.savez(
        bundle / "weights.npz", **{k: np.array(v, np.float32) for k, v in {**WEIGHTS, "w.rating": [weight]}.items()}
    )
    films = Function.open(bundle, {})
    for ask in (rank, rank_packed):
        answer = films(ask({**REQUEST, "items": {**REQUEST["items"], "rating": [0.0, 0.0, 2.0]}}), None)
        assert answer["statusCode"] == 422
        assert "scores candidate" in json_of(answer)["error"]


PRODUCT = {"engine": "dot", "rows": "item", "outputs": {"logit": "score"}}


def test_values_too_large_for_the_model_are_the_callers_fault(open_films: Callable[..., Function]) -> None:
    films = open_films(steps=[{**PRODUCT, "inputs": {"user": "price", "item": "price"}}])
    request = {**REQUEST, "items": {**REQUEST["items"], "price": [1.0, 3e38, 1.0]}}
    # To TensorFlow Serving's clients it is an invalid argument.
    ways = [(rank, 422), (rank_packed, 422), (lambda body: predict({"inputs": {"age": [31], **body["items"]}}), 400)]
    for ask, status in ways:
        answer = films(ask(request), None)
        assert answer["statusCode"] == status
        assert "the model scores candidate 1 with inf" in json_of(answer)["error"]


def test_a_score_of_another_shape_is_a_fault_of_ours(tmp_path: Path) -> None:
    films, _ = with_store(tmp_path)

    class Wrong:
        def run(self, tensors: Any) -> dict[str, Any]:
            return {"score": np.zeros((3, 2), np.float32)}

    films.scorer._engines = (Wrong(),)  # type: ignore[assignment]
    answer = films(rank(REQUEST), Context())
    assert (answer["statusCode"], json_of(answer)) == (500, {"error": "internal error, request lambda-id"})


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 1, 1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_scores_of_a_column_are_scores(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    films, _ = with_store(tmp_path)

    class Fixed:
        def run(self, tensors: Any) -> dict[str, Any]:
            return {"score": np.array([0.25, 0.5, 0.75], dtype).reshape(shape)}

    films.scorer._engines = (Fixed(),)  # type: ignore[assignment]
    assert json_of(films(rank(REQUEST), None)) == {"scores": [0.25, 0.5, 0.75]}


def test_steps_run_in_order_and_read_what_came_before(open_films: Callable[..., Function]) -> None:
    first = {**document()["steps"][0], "outputs": {"score": "first"}}
    films = open_films(steps=[first, {**PRODUCT, "inputs": {"user": "first", "item": "first"}}])
    wanted = [score**2 for score in expected(REQUEST)]
    assert json_of(films(rank(REQUEST), None))["scores"] == pytest.approx(wanted, abs=1e-6)


def test_no_candidates_run_no_engine(tmp_path: Path) -> None:
    films, _ = with_store(tmp_path)

    class Never:
        def run(self, tensors: Any) -> dict[str, Any]:
            raise AssertionError("an engine ran")

    films.scorer._engines = (Never(),)  # type: ignore[assignment]
    assert json_of(films(rank({**REQUEST, "items": {"id": [], "price": []}}), None)) == {"scores": []}


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"format": 2}, ManifestError, "format 2"),
        (
            {"score": None, "steps": [{"engine": "abacus", "rows": "item", "inputs": {}, "outputs": {}}]},
            ManifestError,
            "abacus",
        ),
        ({"limits": {"item": 1}}, ManifestError, "item"),
        ({"features": {"age": {"kind": "magic", "of": ["age"]}}}, SpecError, "magic"),
        ({"tables": {"films": table(rows=9)}}, TableMismatch, "films"),
    ],
)
def test_a_bundle_that_cannot_be_served_does_not_open(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        Function.open(write_bundle(tmp_path / "bundle", document(**changes)), {})


def test_a_folder_without_a_manifest_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        Function.open(tmp_path, {})


def test_logs_and_answers_never_hold_a_body(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, _ = with_store(tmp_path, error=RuntimeError("broken"))
    films(rank({**REQUEST, "user": {"age": 31, "country": "private-country"}}), Context())
    written = capsys.readouterr().err
    assert "broken" in written
    assert "private-country" not in written
