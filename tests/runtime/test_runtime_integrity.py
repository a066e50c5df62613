"""A function runs the bundle that was proven, or none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import orjson
import pytest
from runtime_kit import write_bundle

from ranklet import certificate
from ranklet.certificate import Certificate
from ranklet_runtime import integrity
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.function import PINNED, Function

LARGE = integrity.AT_ONCE + 1


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return prove(write_bundle(tmp_path / "bundle"))


def prove(folder: Path) -> Path:
    certificate.write(Certificate(certificate.digest(folder), 1, 1e-6, {"native-json": 0.0}), folder)
    return folder


def opened(bundle: Path, pinned: str) -> Function:
    return Function.open(bundle, {PINNED: pinned})


def test_stack_and_function_mean_the_same_variable() -> None:
    assert integrity.VARIABLE == PINNED
    assert integrity.CERTIFICATE == certificate.FILE


def test_list_gives_the_hash_of_the_certificate(bundle: Path) -> None:
    assert integrity.seal(certificate.files(bundle)) == certificate.digest(bundle) == certificate.read(bundle).bundle


def test_proven_bundle_opens(bundle: Path) -> None:
    assert opened(bundle, certificate.digest(bundle)).manifest.model


def test_without_a_pinned_hash_nothing_is_compared(bundle: Path) -> None:
    (bundle / certificate.FILE).unlink()
    assert Function.open(bundle, {}).manifest.model


CHANGES = {
    "edited": r"weights\.npz hashes to [0-9a-f]{12}…, [0-9a-f]{12}… was proven",
    "cut": r"weights\.npz has \d+ bytes, \d+ were proven",
    "removed": r"weights\.npz is missing",
    "added": r"tables/more\.npy was added",
    "renamed": r"tables/films\.npy is missing",
    "unlisted": r"certificate\.json is missing",
    "unreadable": r"certificate\.json cannot be read \(JSONDecodeError",
    "old": r"certificate\.json cannot be read \(KeyError: 'files'\)",
    "proven again": r"certificate\.json lists files that hash to [0-9a-f]{12}…, the stack pinned [0-9a-f]{12}…",
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_bundle_ends_init_naming_the_file(bundle: Path, change: str) -> None:
    pinned, weights, table = certificate.digest(bundle), bundle / "weights.npz", bundle / "tables" / "films.npy"
    content = weights.read_bytes()
    match change:
        case "edited":
            weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "cut":
            weights.write_bytes(content[:-1])
        case "removed":
            weights.unlink()
        case "added":
            (table.parent / "more.npy").write_bytes(b"")
        case "renamed":
            table.rename(table.with_name("other.npy"))
        case "unlisted":
            (bundle / certificate.FILE).unlink()
        case "unreadable":
            (bundle / certificate.FILE).write_bytes(b"{")
        case "old":
            document = orjson.loads((bundle / certificate.FILE).read_bytes())
            del document["files"]
            (bundle / certificate.FILE).write_bytes(orjson.dumps(document))
        case "proven again":
            weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            prove(bundle)
    with pytest.raises(ManifestError, match=CHANGES[change]) as refused:
        opened(bundle, pinned)
    assert str(bundle) not in str(refused.value)


@pytest.mark.parametrize("files", [[], {"a": 1}, {"a": {"size": 1}}, {"a": {"size": 1, "sha256": "no hex"}}, None])
def test_list_of_another_form_is_refused(bundle: Path, files: object) -> None:
    (bundle / certificate.FILE).write_bytes(orjson.dumps({"files": files}))
    with pytest.raises(ManifestError, match=r"certificate\.json (cannot be read|lists files)"):
        opened(bundle, certificate.digest(bundle))


def large(folder: Path) -> tuple[Path, str]:
    """A bundle with a file that INIT leaves to the thread, and its hash before the file was changed within."""
    with (folder / "tables" / "large.npy").open("wb") as file:
        file.truncate(LARGE)
    pinned = certificate.digest(prove(folder))
    with (folder / "tables" / "large.npy").open("r+b") as file:
        file.seek(LARGE // 2)
        file.write(b"\x01")
    return folder, pinned


def test_whole_bundle_is_hashed_where_nobody_waits(tmp_path: Path) -> None:
    folder, pinned = large(write_bundle(tmp_path / "bundle"))
    with pytest.raises(ManifestError, match=r"tables/large\.npy hashes to"):
        Function.open(folder, {PINNED: pinned, "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"})


def test_large_file_that_was_changed_ends_the_process_behind_init(tmp_path: Path) -> None:
    folder, pinned = large(write_bundle(tmp_path / "bundle"))
    script = textwrap.dedent("""
        import threading
        import ranklet_runtime.handler
        print("opened", flush=True)
        [thread.join() for thread in threading.enumerate() if thread.name == "ranklet-integrity"]
        print("went on", flush=True)
    """)
    environ = {**os.environ, "LAMBDA_TASK_ROOT": str(folder), PINNED: pinned}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == integrity.FAILED
    assert "went on" not in done.stdout
    assert "tables/large.npy hashes to" in done.stderr and str(folder) not in done.stderr


def test_large_file_that_is_right_lets_the_process_go_on(tmp_path: Path) -> None:
    folder, _ = large(write_bundle(tmp_path / "bundle"))
    prove(folder)
    opened(folder, certificate.digest(folder))
    for thread in (one for one in threading.enumerate() if one.name == "ranklet-integrity"):
        thread.join(60)
        assert not thread.is_alive()
    shutil.rmtree(folder)
