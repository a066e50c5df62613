"""A peer's folder: its script, the graphs, and what its server wants to find there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ranklet.bench.dialects import ranker
from ranklet.bench.peers import graphs, http_servers
from ranklet.bench.peers.servers import NotStarted
from ranklet.bench.peers.table import Peer

SCRIPTS = Path(__file__).with_name("scripts")
TOLD = 2000


def make(peer: Peer, folder: Path, python: Path) -> Path:
    """Fill a new folder, and let the peer prepare what it serves. Raises NotStarted where it cannot."""
    shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / f"{ranker.NAME}.onnx").write_bytes(graphs.served())
    if peer.rows:
        (folder / "unsplit.onnx").write_bytes(graphs.unsplit())
    for name, text in peer.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    for arguments in (("-m", "compileall", "-q", "."), peer.prepare):
        if arguments:
            _run([str(python), *arguments], folder, python)
    return folder


def _run(command: list[str], folder: Path, python: Path) -> None:
    environ = http_servers.environment(folder, python)
    done = subprocess.run(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        raise NotStarted(f"{' '.join(command[1:])} fails:\\n{(done.stdout + done.stderr)[-TOLD:]}")
