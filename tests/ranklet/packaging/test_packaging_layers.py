"""Layers from pins: what goes in, what is kept, what a failure leaves behind. pip is the real one, off line."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ranklet import tree
from ranklet.errors import PackagingError
from ranklet.packaging import bytecode, layers
from ranklet.packaging.targets import host_target, lambda_target

HOST = host_target()
Snapshot = dict[str, tuple[int, int, bytes]]


def snapshot(folder: Path) -> Snapshot:
    """Everything a reader of the folder can see: path, mode, time, content."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mode,
            int(path.stat().st_mtime),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
    }


def names(folder: Path) -> set[str]:
    return {name for name, _ in tree.files(folder)}


def run(place: Path, code: str) -> str:
    """Run code with the layer alone on the path."""
    script = f"import sys; sys.path[:0] = [{str(place / 'python')!r}]; {code}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def built(make_wheel: Callable[..., Path], sources: Path, tmp_path: Path) -> Path:
    make_wheel("tiny")
    return layers.build("alpha", HOST, tmp_path / "out", sources=sources)


def test_layer_holds_pins_and_our_code_and_runs_alone(built: Path, tmp_path: Path) -> None:
    assert built == tmp_path / "out" / f"alpha-{HOST.name}"
    assert run(built, "import ours; print(ours.double())") == "84"


def test_layer_holds_nothing_that_tells_of_the_machine_that_built_it(built: Path, tmp_path: Path) -> None:
    minor = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"
    assert names(built / "python") == {
        "ours/__init__.py",
        f"ours/__pycache__/__init__.{minor}.pyc",
        "ours/py.typed",
        "tiny-1.0.dist-info/METADATA",
        "tiny-1.0.dist-info/WHEEL",
        "tiny-1.0.dist-info/entry_points.txt",
        "tiny-1.0.dist-info/licenses/LICENSE",
        "tiny/__init__.py",
        f"tiny/__pycache__/__init__.{minor}.pyc",
    }
    assert all(str(tmp_path).encode() not in path.read_bytes() for _, path in tree.files(built / "python"))


def test_layer_without_code_of_ours_is_third_party_alone(
    make_wheel: Callable[..., Path], sources: Path, tmp_path: Path
) -> None:
    make_wheel("tiny")
    place = layers.build("bare", HOST, tmp_path / "out", sources=sources)
    assert run(place, "import tiny; print(tiny.ANSWER)") == "42"


def test_two_builds_are_byte_identical(built: Path, sources: Path, tmp_path: Path) -> None:
    again = layers.build("alpha", HOST, tmp_path / "elsewhere" / "deeper", sources=sources)
    assert snapshot(again) == snapshot(built)
    assert layers.digest(again) == layers.digest(built)


def test_finished_layer_is_taken_as_it_is(built: Path, shelf: Path, sources: Path, tmp_path: Path) -> None:
    before = built.stat().st_ino
    for wheel in shelf.iterdir():
        wheel.unlink()
    said: list[str] = []
    assert layers.build("alpha", HOST, tmp_path / "out", sources=sources, progress=said.append) == built
    assert built.stat().st_ino == before
    assert said == []


def test_our_code_is_always_fresh_and_needs_no_network(built: Path, shelf: Path, sources: Path, tmp_path: Path) -> None:
    for wheel in shelf.iterdir():
        wheel.unlink()
    (sources / "alpha" / "python" / "ours" / "__init__.py").write_text("def double():\n    return 'new'\n")
    (sources / "alpha" / "python" / "ours" / "more.py").write_text("")
    before = layers.digest(built)
    again = layers.build("alpha", HOST, tmp_path / "out", sources=sources)
    assert run(again, "import ours, ours.more; print(ours.double())") == "new"
    assert layers.digest(again) != before
    (sources / "alpha" / "python" / "ours" / "more.py").unlink()
    assert "ours/more.py" not in names(layers.build("alpha", HOST, tmp_path / "out", sources=sources) / "python")


def test_leavings_in_our_sources_do_not_count(built: Path, sources: Path, tmp_path: Path) -> None:
    before = snapshot(built)
    cache = sources / "alpha" / "python" / "ours" / "__pycache__"
    cache.mkdir()
    (cache / "__init__.cpython-38.pyc").write_bytes(b"stale")
    (cache.parent / "notes.txt~").write_text("")
    assert snapshot(layers.build("alpha", HOST, tmp_path / "out", sources=sources)) == before


def test_changed_pin_gives_another_layer(
    built: Path, make_wheel: Callable[..., Path], sources: Path, tmp_path: Path
) -> None:
    make_wheel("tiny", version="2.0", code="ANSWER = 50\n")
    (sources / "alpha" / "requirements.txt").write_text("tiny==2.0\n")
    again = layers.build("alpha", HOST, tmp_path / "out", sources=sources)
    assert run(again, "import ours; print(ours.double())") == "100"
    assert not any(name.startswith("tiny-1.0") for name in names(again / "python"))


def test_wheel_of_the_targets_machine_is_taken(make_wheel: Callable[..., Path], sources: Path, tmp_path: Path) -> None:
    make_wheel("tiny", tag="cp313-cp313-manylinux_2_28_aarch64", code="ANSWER = 'arm64'\n")
    make_wheel("tiny", tag="cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64", code="ANSWER = 'x86_64'\n")
    make_wheel("tiny", tag="cp311-cp311-manylinux_2_17_x86_64", code="ANSWER = 'too old'\n")
    for architecture in ("arm64", "x86_64"):
        place = layers.build("bare", lambda_target(architecture), tmp_path / "out", sources=sources)
        assert (place / "python" / "tiny" / "__init__.py").read_text() == f"ANSWER = {architecture!r}\n"


def test_missing_wheel_names_pin_and_target_and_what_to_do(
    make_wheel: Callable[..., Path], sources: Path, tmp_path: Path
) -> None:
    make_wheel("tiny", tag="cp313-cp313-manylinux_2_28_aarch64")
    make_wheel("other")
    (sources / "bare" / "requirements.txt").write_text("other==1.0\ntiny==1.0\n")
    with pytest.raises(PackagingError) as caught:
        layers.build("bare", lambda_target("x86_64"), tmp_path / "out", sources=sources)
    message = str(caught.value)
    assert "pip found no tiny==1.0 for python3.13-manylinux_2_28_x86_64" in message
    assert "other" not in message
    assert "run the same command again" in message


def test_version_that_does_not_exist_is_told_from_a_network_that_fails(
    make_wheel: Callable[..., Path], sources: Path, tmp_path: Path
) -> None:
    make_wheel("tiny")
    (sources / "bare" / "requirements.txt").write_text("tiny==9.9\n")
    with pytest.raises(PackagingError, match=r"no tiny==9\.9 (.|\n)*Change the pin in the layer's requirements\.txt"):
        layers.build("bare", HOST, tmp_path / "out", sources=sources)


def test_failed_build_leaves_the_layer_that_was_there(built: Path, sources: Path, tmp_path: Path) -> None:
    before = snapshot(built)
    (sources / "alpha" / "requirements.txt").write_text("tiny==9.9\n")
    with pytest.raises(PackagingError):
        layers.build("alpha", HOST, tmp_path / "out", sources=sources)
    assert snapshot(built) == before
    left = {path.name for path in built.parent.iterdir()} | {
        path.name for path in (built.parent / ".third-party").iterdir()
    }
    assert not any(name.startswith(".making") for name in left)


def test_killed_build_leaves_no_half_layer_and_does_not_hinder_the_next(
    make_wheel: Callable[..., Path], sources: Path, tmp_path: Path
) -> None:
    make_wheel("tiny")
    arguments = f"'alpha', host_target(), Path({str(tmp_path / 'out')!r}), sources=Path({str(sources)!r})"
    script = (
        "import os, signal; from pathlib import Path; from ranklet.packaging import bytecode, layers; "
        "from ranklet.packaging.targets import host_target; "
        "bytecode.compile_packages = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        f"layers.build({arguments})"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert not list((tmp_path / "out").rglob("alpha-*/python"))
    place = layers.build("alpha", HOST, tmp_path / "out", sources=sources)
    assert run(place, "import ours; print(ours.double())") == "84"


def test_failed_compilation_leaves_no_half_layer(
    make_wheel: Callable[..., Path], sources: Path, tmp_path: Path
) -> None:
    make_wheel("tiny")
    (sources / "alpha" / "python" / "ours" / "broken.py").write_text("def (:\n")
    with pytest.raises(PackagingError, match="could not compile"):
        layers.build("alpha", HOST, tmp_path / "out", sources=sources)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".third-party"]


def test_without_a_python_of_that_minor_the_layer_says_so_and_has_no_bytecode(
    make_wheel: Callable[..., Path], sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel("tiny")
    monkeypatch.setattr(bytecode, "compiler", lambda python: None)
    said: list[str] = []
    place = layers.build("alpha", lambda_target("x86_64"), tmp_path / "out", sources=sources, progress=said.append)
    assert not [name for name in names(place) if name.endswith(".pyc")]
    assert any("no python3.13 on this machine, so no bytecode" in line for line in said)
    monkeypatch.undo()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    if bytecode.compiler((3, 13)):
        place = layers.build("alpha", lambda_target("x86_64"), tmp_path / "out", sources=sources)
        assert [name for name in names(place) if name.endswith("cpython-313.pyc")]


def test_unknown_layer_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=r"no .*requirements\.txt.*there are features, inference, onnx"):
        layers.build("torch", HOST, tmp_path)


def test_builds_at_the_same_time_end_with_one_whole_layer(
    make_wheel: Callable[..., Path], sources: Path, tmp_path: Path
) -> None:
    make_wheel("tiny")
    failures: list[BaseException] = []

    def work() -> None:
        try:
            layers.build("alpha", HOST, tmp_path / "out", sources=sources)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    place = tmp_path / "out" / f"alpha-{HOST.name}"
    assert run(place, "import ours; print(ours.double())") == "84"
    assert {path.name for path in place.parent.iterdir()} == {place.name, ".third-party"}
