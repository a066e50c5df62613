"""The faster reader of events and writer of answers against those they stand before, in the real awslambdaric."""

import json
import re
import subprocess
import sys
import textwrap
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient
from awslambdaric.lambda_runtime_exception import FaultException
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from hypothesis import assume, given
from hypothesis import strategies as st
from runtime_kit import REQUEST, rank

from ranklet_runtime import marshaller

EVENTS = Path(__file__).parent / "events"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """awslambdaric's marshaller as a function's process has it after INIT."""
    monkeypatch.setattr(BaseLambdaRuntimeClient, "marshaller", LambdaMarshaller())
    assert marshaller.install()
    return BaseLambdaRuntimeClient.marshaller


def both(request: bytes) -> list[Any]:
    """What the stock reader and ours make of a request: a value, or the type of the refusal."""
    found = []
    for reader in (LambdaMarshaller(), _patched()):
        try:
            found.append(repr(reader.unmarshal_request(request, "application/json")))
        except FaultException as fault:
            found.append((type(fault), fault.exception_type))
    return found


@pytest.mark.parametrize("name", ["http-api-v2.json", "rest-api-v1.json"])
def test_real_events_read_the_same(name: str) -> None:
    stock, ours = both((EVENTS / name).read_bytes())
    assert stock == ours


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"{}", b"[1, 1.0, -0.0, 1e5]", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'["\\ud800"]', b'"\xff"', b"01",
     b"[" * 2000 + b"]" * 2000, b"[" * 100_000, b'{"id": 18446744073709551615}', b"\xef\xbb\xbf{}", b'"\\u0000"'],
)  # fmt: skip
def test_odd_texts_are_read_or_refused_the_same(text: bytes) -> None:
    stock, ours = both(text)
    assert stock == ours


TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
BEYOND = re.compile(rb"\d{19}")
"""What may be an integer beyond 64 bits, the one thing that is not read the same."""

LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20)


@given(VALUES, st.booleans())
def test_every_json_value_within_64_bits_reads_the_same(value: Any, ascii_only: bool) -> None:
    stock, ours = both(json.dumps(value, ensure_ascii=ascii_only).encode())
    assert stock == ours


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_the_same(content: bytes) -> None:
    assume(not BEYOND.search(content))
    stock, ours = both(content)
    assert stock == ours


def test_other_content_types_pass_through(installed: Any) -> None:
    assert installed.unmarshal_request(b"{", "text/plain") == b"{"


TEXT_OR_FLAG = TEXTS | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.none()
ANSWERS = st.fixed_dictionaries({"statusCode": st.integers(100, 599), "body": TEXTS, "isBase64Encoded": st.booleans()},
                                optional={"headers": st.dictionaries(TEXTS, TEXT_OR_FLAG)})  # fmt: skip


@given(ANSWERS)
def test_answers_say_the_same_as_those_of_the_original(answer: dict[str, Any]) -> None:
    stock, ours = LambdaMarshaller().marshal_response(answer), _patched().marshal_response(answer)
    assert (json.loads(ours[0]), ours[1]) == (json.loads(stock[0]), stock[1])
    assert isinstance(ours[0], bytes)  # which the client posts as they are


@pytest.mark.parametrize(
    "answer",
    [b"raw", "text", None, [1], {"a": "é"}, {"status": float("nan")}, Decimal("1.5"), {"statusCode": Decimal("200")},
     {"statusCode": 200, "body": "\ud800"}, {"statusCode": 200, 5: "x"}, {"statusCode": 2**70}],
)  # fmt: skip
def test_what_is_no_answer_or_refused_by_orjson_is_written_by_the_original(answer: Any) -> None:
    assert _patched().marshal_response(answer) == LambdaMarshaller().marshal_response(answer)


def test_what_nobody_can_write_is_the_originals_fault() -> None:
    with pytest.raises(FaultException, match="Unable to marshal response"):
        _patched().marshal_response({"statusCode": 200, "body": object()})


def _patched() -> Any:
    """awslambdaric's marshaller with ours in it."""
    ours = LambdaMarshaller()
    holder = types.SimpleNamespace(marshaller=ours)
    modules = {
        marshaller.CLIENT: types.SimpleNamespace(BaseLambdaRuntimeClient=holder),
        marshaller.MARSHALLER: types.SimpleNamespace(LambdaMarshaller=LambdaMarshaller),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)  # type: ignore[arg-type]
        assert marshaller.install()
    assert {"unmarshal_request", "marshal_response"} <= vars(ours).keys()
    return ours


def test_installed_once_it_stays(installed: Any) -> None:
    assert marshaller.install()
    event = rank(REQUEST)
    assert installed.unmarshal_request(json.dumps(event).encode(), "application/json") == event


def test_a_client_that_looks_different_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Another(LambdaMarshaller):
        pass

    other = Another()
    monkeypatch.setattr(BaseLambdaRuntimeClient, "marshaller", other)
    assert not marshaller.install()
    assert "unmarshal_request" not in vars(other)
    monkeypatch.setattr(BaseLambdaRuntimeClient, "marshaller", None)
    assert not marshaller.install()


def test_without_a_client_nothing_is_imported() -> None:
    script = textwrap.dedent("""
        import sys
        from ranklet_runtime import marshaller
        assert not marshaller.install()
        assert not any(name.startswith("awslambdaric") for name in sys.modules)
    """)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
