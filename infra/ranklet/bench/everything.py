"""All benches in turn, each in a process of its own: none pays for what another left in memory, or falls with it.

What each found is kept below the build's folder as it ends, so that a run that is cut off still has what it measured.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from tempfile import TemporaryFile

import msgspec

from ranklet.bench import documents
from ranklet.bench.base import Progress, Setting
from ranklet.bench.documents import Document

RESULTS, LOOKS = "results", "looks"
"""Folders of the reports and of quick runs', beside what benches keep."""

Run = Callable[[str, Setting], tuple[int, bytes, str]]
"""Bench and setting → exit code, stdout, what it said last on stderr."""


def run(names: Sequence[str], setting: Setting, progress: Progress, *, one: Run | None = None) -> Iterator[Document]:
    """Each bench's document; a bench that fails has its error in it, and the next one begins."""
    results = setting.folder / (LOOKS if setting.quick else RESULTS)
    results.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names, 1):
        progress(f"{name} ({number} of {len(names)})")
        started = time.monotonic()
        code, content, said = (one or child)(name, setting)
        document = _document(name, code, content, said)
        if document.error is None:
            (results / f"{name}.json").write_bytes(content)
        yield replace(document, seconds=round(time.monotonic() - started, 1), quick=setting.quick)


def child(name: str, setting: Setting) -> tuple[int, bytes, str]:
    """The bench as its own command; its progress goes to our stderr."""
    options = [*(["--quick"] if setting.quick else []), *(["--install-peers"] if setting.install_peers else [])]
    command = [sys.executable, "-c", "from ranklet.cli import main; main()", "bench", name, "--json", *options]
    with TemporaryFile() as output, subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        last = b""
        for line in process.stderr:
            sys.stderr.buffer.write(line)
            sys.stderr.flush()
            last = line.strip() or last
        code = process.wait()
        output.seek(0)
        return code, output.read(), last.decode("utf-8", "replace")


def _document(name: str, code: int, content: bytes, said: str) -> Document:
    try:
        (found,) = documents.parse(content, name)
    except msgspec.MsgspecError:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Document(name, [], date=now, error=said or f"it ended with exit code {code} and said nothing")
    return found
