"""One environment with the stock runtime client: what works, each way to fail, and that no process is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_helpers import HANDLERS, eventually, gone, invocation

from ranklet.local import memory
from ranklet.local.environment import Environment, InitFailed, Launch
from ranklet.local.function import Invoked, Layer
from ranklet.local.logs import LogLine

Launcher = Callable[..., Launch]


def invoke(launch: Launch, *events: Any, timeout_s: float | None = None) -> tuple[list[Invoked], int]:
    """Run events one after the other in one environment; the answers and the child's process id."""

    async def run() -> tuple[list[Invoked], int]:
        environment = Environment(launch)
        limit = timeout_s or launch.function.timeout_s
        try:
            await environment.start(10)
            answers = [await environment.invoke(invocation(event), limit) for event in events]
            assert environment.pid is not None
            return answers, environment.pid
        finally:
            await environment.stop()

    answers, pid = asyncio.run(run())
    assert gone(pid)
    return answers, pid


def error(invoked: Invoked) -> dict[str, Any]:
    assert (invoked.status, invoked.error) == (200, "Unhandled")
    document: dict[str, Any] = json.loads(invoked.payload)
    return document


def test_events_are_answered_by_one_process(launch: Launcher) -> None:
    (first, second), pid = invoke(launch("tiny.pid"), None, None)
    assert first.payload == second.payload == str(pid).encode()
    assert first.error is None
    assert first.duration_ms > 0


def test_unicode_event_comes_back(launch: Launcher) -> None:
    (answer,), _ = invoke(launch("tiny.echo"), {"title": "Amélie 🎬"})
    assert json.loads(answer.payload) == {"title": "Amélie 🎬"}


def test_initialisation_is_measured(launch: Launcher) -> None:
    async def run() -> tuple[float, float]:
        environment = Environment(launch("slow.handler"))
        took = await environment.start(10)
        await environment.stop()
        return took, environment.init_ms

    took, kept = asyncio.run(run())
    assert took == kept
    assert took > 1400  # the handler's module sleeps for 1.5 s


def test_child_sees_code_layers_client_and_the_standard_library_alone(launch: Launcher, tmp_path: Path) -> None:
    folders = [tmp_path / name / "python" for name in ("one", "two")]
    for folder in folders:
        folder.mkdir(parents=True)
    layers = tuple(Layer(folder.parent.name, folder.parent) for folder in folders)
    started = launch("tiny.path", layers=layers)
    (answer,), _ = invoke(started, None)
    seen = json.loads(answer.payload)
    expected = [str(HANDLERS), str(folders[1]), str(folders[0]), str(started.runtime)]
    assert seen["path"][:4] == expected
    assert seen["cwd"] == str(HANDLERS)
    assert not [entry for entry in seen["path"][4:] if "site-packages" in entry or "dist-packages" in entry]
    assert not {"site", "numpy", "ranklet"} & set(seen["modules"])
    assert {Path(entry).name for entry in seen["path"][4:]} <= {
        f"python{sys.version_info.major}{sys.version_info.minor}.zip",
        f"python{sys.version_info.major}.{sys.version_info.minor}",
        "lib-dynload",
    }


def test_later_layer_hides_an_earlier_one(launch: Launcher, tmp_path: Path) -> None:
    for name in ("early", "late"):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "layered.py").write_text(f"WHO = {name!r}\n")
    layers = tuple(Layer(name, tmp_path / name) for name in ("early", "late"))
    (answer,), _ = invoke(launch("tiny.importing", layers=layers), None)
    assert json.loads(answer.payload) == "late"


def test_no_bytecode_is_written_into_an_asset(launch: Launcher, tmp_path: Path) -> None:
    (tmp_path / "layer" / "python").mkdir(parents=True)
    (tmp_path / "layer" / "python" / "layered.py").write_text("WHO = 'clean'\n")
    invoke(launch("tiny.importing", layers=(Layer("layer", tmp_path / "layer"),)), None)
    assert list(tmp_path.rglob("*.pyc")) == []


def test_environment_is_lambdas_and_nothing_of_ours(launch: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")
    own = launch(
        "tiny.environ", memory_mb=777, environment={"MODEL": "films", "AWS_REGION": "eu-west-1", "_HANDLER": "x"}
    )
    (answer,), _ = invoke(replace(own, extra={"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}), None)
    seen = json.loads(answer.payload)
    assert "SECRET_OF_THE_SHELL" not in seen
    assert {
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "777",
        "AWS_LAMBDA_FUNCTION_NAME": "tiny",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/tiny",
        "AWS_REGION": "eu-west-1",
        "LAMBDA_TASK_ROOT": str(HANDLERS),
        "MODEL": "films",
        "TZ": ":UTC",
        "_HANDLER": "tiny.environ",
    }.items() <= seen.items()
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= set(seen)
    assert seen["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert "[$LATEST]" in seen["AWS_LAMBDA_LOG_STREAM_NAME"]


def test_context_tells_the_invocation(launch: Launcher) -> None:
    (answer,), _ = invoke(launch("tiny.context", memory_mb=300), None, timeout_s=5)
    seen = json.loads(answer.payload)
    assert seen["request_id"] == answer.request_id
    assert seen["arn"].endswith(":function:tiny")
    assert (seen["name"], seen["version"], seen["memory"]) == ("tiny", "$LATEST", "300")
    assert 0 < seen["left_ms"] <= 5000
    assert seen["trace"].startswith("Root=1-")


def test_exception_is_told_and_the_process_lives_on(launch: Launcher, lines: list[LogLine]) -> None:
    (first, second), _ = invoke(launch("tiny.boom"), 1, 2)
    assert error(first)["errorType"] == "ValueError"
    assert error(first)["errorMessage"] == "no such film"
    assert error(second)["requestId"] == second.request_id
    assert "[ERROR] ValueError: no such film" in [line.text for line in lines]


def test_answer_that_is_no_json_value_is_a_marshalling_error(launch: Launcher) -> None:
    (answer,), _ = invoke(launch("tiny.unserialisable"), None)
    assert error(answer)["errorType"] == "Runtime.MarshalError"


def test_bytes_are_handed_on_as_they_are(launch: Launcher) -> None:
    (answer,), _ = invoke(launch("tiny.raw"), None)
    assert (answer.payload, answer.error) == (b"not json", None)


def test_function_past_its_time_is_killed(launch: Launcher, lines: list[LogLine]) -> None:
    (answer,), _ = invoke(launch("tiny.sleep", timeout_s=0.3), 30)
    assert error(answer) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 0.30 seconds",
    }
    assert any("Task timed out after 0.30 seconds" in line.text for line in lines if line.platform)


@pytest.mark.parametrize(
    ("code", "text"),
    [(1, "Runtime exited with error: exit status 1"), (0, "Runtime exited without providing a reason")],
)
def test_function_that_exits_is_told_apart(launch: Launcher, code: int, text: str) -> None:
    (answer,), _ = invoke(launch("tiny.leave"), code)
    assert error(answer) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: {text}",
    }


def test_crash_is_named_by_its_signal(launch: Launcher) -> None:
    (answer,), _ = invoke(launch("tiny.crash"), None)
    assert error(answer)["errorMessage"].endswith("Runtime exited with error: signal: segmentation fault")


def test_answer_above_six_megabytes_is_refused(launch: Launcher) -> None:
    async def run() -> tuple[Invoked, Invoked, bool]:
        environment = Environment(launch("tiny.big"))
        await environment.start(10)
        fits = await environment.invoke(invocation(6_291_554), 10)  # two quotes more
        above = await environment.invoke(invocation(6_291_555), 10)
        usable = environment.usable
        await environment.stop()
        return fits, above, usable

    fits, above, usable = asyncio.run(run())
    assert len(fits.payload) == 6_291_556
    assert error(above) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }
    assert not usable


@pytest.mark.skipif(not memory.enforceable(), reason="this system does not tell the memory of a process")
def test_function_above_its_memory_is_killed(launch: Launcher, lines: list[LogLine]) -> None:
    (within, above), _ = invoke(launch("tiny.hog", memory_mb=128, timeout_s=30), 20, 2000)
    assert within.payload == b"20"
    assert error(above)["errorType"] == "Runtime.ExitError"
    assert error(above)["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert any("128 MB allowed" in line.text for line in lines)


@pytest.mark.parametrize("handler", ["absent.handler", "tiny.absent", "broken.handler", "nodot"])
def test_function_that_cannot_be_initialised_says_why(launch: Launcher, handler: str) -> None:
    expected = {
        "absent.handler": "Runtime.ImportModuleError",
        "tiny.absent": "Runtime.HandlerNotFound",
        "broken.handler": "RuntimeError",
        "nodot": "Runtime.MalformedHandlerName",
    }
    failure = init_failure(launch(handler), 10)
    assert failure.reason == "error"
    assert json.loads(failure.payload or b"")["errorType"] == expected[handler]


def test_function_that_exits_while_initialised_is_told(launch: Launcher) -> None:
    failure = init_failure(launch("leaving.handler"), 10)
    assert failure.reason == "exit"
    assert json.loads(failure.payload or b"") == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: r-1 Error: Runtime exited with error: exit status 3",
    }


def test_initialisation_past_its_time_is_ended(launch: Launcher) -> None:
    assert init_failure(launch("slow.handler"), 0.2).reason == "timeout"


def init_failure(launch: Launch, limit_s: float) -> InitFailed:
    async def run() -> tuple[InitFailed, int | None]:
        environment = Environment(launch)
        with pytest.raises(InitFailed) as failed:
            await environment.start(limit_s, request_id="r-1")
        return failed.value, environment.pid

    failure, pid = asyncio.run(run())
    assert pid is not None and gone(pid)
    return failure


def test_cancelled_start_leaves_no_process(launch: Launcher) -> None:
    async def run() -> int | None:
        environment = Environment(launch("slow.handler"))
        start = asyncio.ensure_future(environment.start(10))
        assert await eventually(lambda: environment.pid is not None)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        return environment.pid

    pid = asyncio.run(run())
    assert pid is not None and gone(pid)


def test_output_is_taken_line_by_line_into_the_invocation_that_wrote_it(launch: Launcher, lines: list[LogLine]) -> None:
    (first, second), _ = invoke(launch("tiny.talk"), 1, 2)
    own = [line.text for line in lines if not line.platform]
    assert own[:2] == ["to stdout", "to stderr"]
    assert len(own[2]) == 262_144  # one event of CloudWatch has at most 256 KB
    assert own.count("without an endto stdout") == 1
    assert own[-1] == "without an end"
    for answer in (first, second):
        assert len(answer.log) <= 4096
        assert answer.log.splitlines()[-1].startswith(f"REPORT RequestId: {answer.request_id} Duration: ".encode())


def test_trace_is_shown_in_lines_and_blanks(launch: Launcher, lines: list[LogLine]) -> None:
    invoke(launch("tiny.boom"), 1)
    shown = [line.text for line in lines if not line.platform]
    assert shown[1] == "Traceback (most recent call last):"
    assert shown[2].startswith('  File "')


def test_stop_ends_what_the_function_started(launch: Launcher) -> None:
    (answer,), _ = invoke(launch("tiny.spawn"), None)
    assert gone(int(answer.payload))


def test_stop_is_harmless_twice_and_before_the_start(launch: Launcher) -> None:
    async def run() -> None:
        environment = Environment(launch("tiny.echo"))
        await environment.stop()
        started = Environment(launch("tiny.echo"))
        await started.start(10)
        await asyncio.gather(started.stop(), started.stop())
        await started.stop()
        assert not started.usable

    asyncio.run(run())


def test_function_that_ignores_the_request_to_end_is_killed(launch: Launcher, tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef handler(event, context):\n    return 1\n"
    )
    invoke(launch("stubborn.handler", code=tmp_path), 1)


def test_child_that_dies_while_idle_is_not_usable(launch: Launcher) -> None:
    async def run() -> None:
        environment = Environment(launch("tiny.echo"))
        await environment.start(10)
        assert environment.usable
        assert environment.pid is not None
        os.kill(environment.pid, signal.SIGKILL)
        assert await eventually(lambda: not environment.usable)
        await environment.stop()

    asyncio.run(run())


ORPHAN = """
import asyncio, sys
from pathlib import Path
from ranklet.local.environment import Environment, Launch
from ranklet.local.function import Function

async def main():
    environment = Environment(Launch(Function("tiny", "tiny.echo", Path(sys.argv[1])), Path(sys.argv[2])))
    await environment.start(10)
    print(environment.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_child_ends_when_its_parent_is_killed(runtime: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(HANDLERS), str(runtime)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    parent.kill()
    parent.wait(10)
    assert gone(child)
