"""What a request costs here, beside every server that people serve a ranker with.

    v2-json-vs-<peer>       CPU time of a request, of all processes of the server: ours over the peer's
    v2-json-p50-vs-<peer>   the median time until the answer
    cold-vs-<peer>          from exec to the first right answer, page cache warm
    handler-vs-<peer>       CPU time of Lambda handlers alone, without the runtime client that both need
    tfs-rows-unsplit        items of a catalogue: their ids and the user once to our split model, over TF Serving's rows
                            through FastAPI, the user copied into every row, and the graph as a trainer writes it
    <peer>-us, <peer>-p50-us, <peer>-cold-ms   the peer's own figures; v2-json-us and so on are ours

All serve the same graph, with one worker and one thread, and answer the same request with the same scores, before any
of it is timed. Ours is the packaged function: its layers' modules alone, under the stock runtime client. table.py has
the peers. Each is measured beside ours in turns, and beside a twin of ours, which is the control.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ranklet.bench import base, dialects, machine
from ranklet.bench.base import Found, Progress, Report, Setting
from ranklet.bench.dialects import ranker
from ranklet.bench.peers import bodies, catalogue, environments, handlers, packaged, pairs
from ranklet.bench.peers.contenders import Ours, Run
from ranklet.bench.peers.environments import Absent
from ranklet.bench.peers.functions import Loop
from ranklet.bench.peers.pairs import Pair, Reference
from ranklet.bench.peers.servers import NotStarted
from ranklet.bench.peers.table import Peer, chosen
from ranklet_runtime.engines.ort import open_session

NUMBERS = (100, 500)
PACKAGES = ("awslambdaric", "numpy", "onnxruntime")


def run(setting: Setting, progress: Progress) -> Report:
    """Measure every peer that is there. Raises BenchError where an answer was wrong."""
    described = machine.describe(PACKAGES)
    setting.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="peers-", dir=setting.folder) as scratch, Loop() as loop:
        progress("build the ranker")
        _, bundle = dialects.built(Path(scratch))
        this = Run(setting, progress, environments.runtime(setting, progress), loop, Path(scratch))
        layers = packaged.linked(this.runtime, setting, scratch=this.scratch, progress=progress)
        found, reasons = _all(this, Ours(this, bundle, layers, references()))
    return Report(
        rows=[row for part in found for row in part.rows],
        noisy=base.noisy([control for part in found for control in part.controls]),
        machine={**described, "function": this.runtime.target.name, "absent": reasons},
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def references() -> dict[int, Reference]:
    """Requests, and what the session makes of them here."""
    session = open_session(ranker.graph(), threads=1)
    found = {}
    for n in NUMBERS:
        golden = ranker.request(n)
        found[n] = Reference(golden, session.run(None, ranker.feeds(golden))[0].reshape(-1))
    return found


def _all(this: Run, ours: Ours) -> tuple[list[Found], dict[str, str]]:
    """Ours alone, then beside each peer; and why some are absent."""
    this.progress("ours")
    found, reasons = [pairs.alone(ours.opener(), ours.asked, this.setting)], {}
    for name, peer in chosen(this.setting.peers, quick=this.setting.quick).items():
        this.progress(name)
        try:
            found += _peer(this, name, peer, ours)
        except (Absent, NotStarted) as reason:
            reasons[name] = str(reason)
            this.progress(f"{name} is absent: {reason}")
            found.append(pairs.absent(name, peer, list(ours.asked)))
    return found, reasons


def _peer(this: Run, name: str, peer: Peer, ours: Ours) -> list[Found]:
    """Raises Absent, or NotStarted."""
    other = this.contender(name, peer, bodies.request(peer.form, *ours.asked[min(ours.asked)]))
    pair = Pair(name, peer, other.label, this.setting)
    found = [pairs.measure(pair, ours.opener(), other.opener, ours.asked)]
    if other.launch is not None:
        found.append(handlers.measure(pair, ours.launch, other.launch, ours.asked, folder=this.scratch))
    if peer.rows:
        this.progress("build the split ranker")
        named = {n: catalogue.scored(n) for n in NUMBERS}
        found.append(pairs.unsplit(pair, ours.split(named[min(NUMBERS)]), other.opener, named))
    return found
