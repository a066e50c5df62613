"""What a peer is made of for one run: its folder, what starts it, and its function where it has one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ranklet.bench.base import Progress, Setting
from ranklet.bench.peers import environments, folders, functions, http_servers, packaged
from ranklet.bench.peers.bodies import Asked
from ranklet.bench.peers.environments import Runtime
from ranklet.bench.peers.functions import Loop
from ranklet.bench.peers.table import Peer
from ranklet.bench.peers.timing import Opener
from ranklet.local.environment import Launch


@dataclass(frozen=True)
class Contender:
    """A peer that can be started. label: with its version. launch: None for one that is no Lambda function."""

    label: str
    opener: Opener
    launch: Launch | None = None


@dataclass(frozen=True)
class Run:
    """What the contenders of one run have in common."""

    setting: Setting
    progress: Progress
    runtime: Runtime
    loop: Loop
    scratch: Path

    def contender(self, name: str, peer: Peer, asked: Asked) -> Contender:
        """A peer. asked: its first request. Raises Absent, and NotStarted where it cannot prepare."""
        python = environments.of_peer(name, peer, self.setting, self.progress)
        label = environments.label(name, peer)
        folder = folders.make(peer, self.scratch / name, python)
        if not peer.handler:
            opener = partial(http_servers.started, name, peer, python=python, folder=folder, asked=asked)
            return Contender(label, opener)
        launch = packaged.of_peer(name, peer, self.runtime, python=python, folder=folder)
        opener = partial(functions.started, name, peer.path, launch=launch, asked=asked, loop=self.loop)
        return Contender(label, opener, launch)
