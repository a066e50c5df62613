"""A run from its first request to its report: the local cloud where no URL is given, the requests, the sending."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ranklet import certificate
from ranklet.bench import machine
from ranklet.deployable import Deployable
from ranklet.dialects import forms
from ranklet.errors import LoadError
from ranklet.load.plan import Candidates, plan
from ranklet.load.requests import Asked, Checker, prepare
from ranklet.load.sending import Sender, Watch
from ranklet.load.serving import Counts, served
from ranklet.load.told import Run
from ranklet.load.wire import Target

if TYPE_CHECKING:
    import httpx

MOST_CONNECTIONS = 900
"""select() knows 1024 files."""


@dataclass(frozen=True)
class Load:
    """What is asked for. form: None for the model's first. url: of what is served already, or None. auth: who calls."""

    rps: float
    duration_s: float
    warmup_s: float = 5.0
    form: str | None = None
    candidates: Candidates = Candidates()  # noqa: RUF009 it is frozen
    poisson: bool = False
    connections: int = 256
    timeout_s: float = 30.0
    environments: int = 10
    seed: int = 0
    url: str | None = None
    auth: httpx.Auth | None = None


def run(load: Load, built: Deployable, asked: Sequence[Asked], assembly: Path | None, watch: Watch) -> Run:
    """Put the load on a model. assembly: of the local cloud, where there is no URL. Raises LoadError."""
    manifest = built.manifest
    known = {name: form for name, form in forms(manifest.dialects).items() if not form.tensors}
    name = load.form or next(iter(known), "")
    if (form := known.get(name)) is None:
        raise LoadError(f"{manifest.model} is not asked as {name!r}; there are: {', '.join(known)}")
    with ExitStack() as stack:
        url, here = load.url, None
        if url is None:
            assert assembly is not None
            tables = built.bundle.parents[1] / "tables"
            here = stack.enter_context(served(assembly, tables, manifest.model, cap=load.environments))
            url = here.url
        target = Target(url)
        requests = prepare(asked, form, manifest, candidates=load.candidates, base=target.path, seed=load.seed)
        checker = Checker(form, manifest, certificate.read(built.bundle).bound)
        before = [here.counts()] if here else []
        sender = Sender(
            target,
            requests,
            checker,
            load.auth,
            most=min(load.connections, MOST_CONNECTIONS),
            timeout_s=load.timeout_s,
            warmed=lambda: before.append(here.counts()) if here else None,
        )
        planned = plan(
            load.rps,
            load.duration_s,
            warmup_s=load.warmup_s,
            kinds=len(requests),
            poisson=load.poisson,
            seed=load.seed,
        )
        described = machine.describe()
        sent = sender.run(planned, watch)
        after: Counts | None = here.counts() if here else None
    counts = [one.candidates for one in requests if one.candidates is not None] or [0]
    return Run(
        model=manifest.model,
        url=url if load.url else "the local cloud",
        form=name,
        rps=load.rps,
        plan=planned,
        sent=sent,
        checker=checker,
        candidates=(min(counts), max(counts)),
        counts=after,
        before=before[-1] if before else None,
        machine=described,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )
