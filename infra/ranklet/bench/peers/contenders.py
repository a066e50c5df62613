"""What ours and a peer are made of for one run: folders, what starts them, and functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ranklet import pipeline
from ranklet.bench.base import Progress, Setting
from ranklet.bench.dialects import ranker
from ranklet.bench.peers import bodies, catalogue, environments, folders, functions, http_servers, packaged
from ranklet.bench.peers.bodies import Asked
from ranklet.bench.peers.environments import Runtime
from ranklet.bench.peers.functions import Loop
from ranklet.bench.peers.pairs import Reference
from ranklet.bench.peers.table import Peer
from ranklet.bench.peers.timing import Opener
from ranklet.local.environment import Launch
from ranklet.local.function import Layer


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


class Ours:
    """Our functions. asked: requests for the model whose user comes once."""

    def __init__(self, this: Run, bundle: Path, layers: tuple[Layer, ...], asked: Mapping[int, Reference]) -> None:
        self._this, self._layers = this, layers
        self.launch, self.asked = packaged.ours(bundle, layers, this.runtime), asked

    def opener(self) -> Opener:
        """What starts it."""
        first = bodies.request("v2", *self.asked[min(self.asked)])
        return partial(functions.started, "ours", bodies.OURS, launch=self.launch, asked=first, loop=self._this.loop)

    def split(self, first: Reference) -> Opener:
        """The same model, brought as one graph and a catalogue; built here."""
        folder = catalogue.write(self._this.scratch / "catalogue" / ranker.NAME)
        bundle = pipeline.build(folder, out=self._this.scratch / "split").folder
        launch = packaged.ours(bundle, self._layers, self._this.runtime)
        asked = bodies.named(*first)
        return partial(functions.started, "ours, split", bodies.RANK, launch=launch, asked=asked, loop=self._this.loop)
