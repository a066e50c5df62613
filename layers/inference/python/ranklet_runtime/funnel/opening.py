"""The stages of a funnel, opened: all of them in this process, or by the functions that they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ranklet_features.lean import dataclass, field
from ranklet_features.stores.counts import Counts
from ranklet_runtime.funnel.facts import Facts
from ranklet_runtime.funnel.messages import Invoke, Ranker, Retriever
from ranklet_runtime.funnel.plan import STAGES, Plan
from ranklet_runtime.manifest import Manifest

Hook = Callable[[], None]


@dataclass(frozen=True)
class Opened:
    """first: retrieves. others: rank, in their order. tables: what reading each table counts, by `<model>/<table>`.

    verifying, renewing and closing: what is called of the stages at INIT, around a snapshot, and at the end.
    """

    first: Retriever
    others: tuple[Ranker, ...]
    tables: Mapping[str, Counts] = field(default_factory=dict)
    verifying: tuple[Hook, ...] = ()
    renewing: tuple[Hook, ...] = ()
    closing: tuple[Hook, ...] = ()

    def verify(self) -> None:
        """Read a row of each table. Raises TableMismatch."""
        for verify in self.verifying:
            verify()

    def renew(self) -> None:
        """Let go of connections and credentials."""
        for renew in self.renewing:
            renew()

    def close(self) -> None:
        """Give back what the stores hold."""
        for close in self.closing:
            close()


def open_stages(plan: Plan, folder: Path, environ: Mapping[str, str]) -> Opened:
    """Open what the bundle in `folder` has. Raises ManifestError, SpecError or StoreError."""
    return _here(plan, folder, environ) if plan.layout == "one" else _there(plan, folder, environ)


def _here(plan: Plan, folder: Path, environ: Mapping[str, str]) -> Opened:
    # Imported here: the front of functions apart opens no model.
    from ranklet_runtime.funnel.here import RankerHere
    from ranklet_runtime.funnel.retrieving import RetrieverHere
    from ranklet_runtime.scorer import Scorer

    facts = Facts.open(folder)
    first, *rest = plan.stages
    retriever = RetrieverHere.open(first, folder / STAGES / first.model, environ)
    scorers: dict[str, Scorer] = {}
    for stage in rest:
        if stage.model not in scorers:
            home = folder / STAGES / stage.model
            scorers[stage.model] = Scorer.open(_manifest(home), home, environ)
    tables = {f"{model}/{name}": one for model, scorer in scorers.items() for name, one in scorer.tables.items()}
    return Opened(
        retriever,
        tuple(RankerHere(stage, scorers[stage.model], facts) for stage in rest),
        tables | {f"{first.model}/{name}": one for name, one in retriever.tables.items()},
        (retriever.verify, *(scorer.verify for scorer in scorers.values())),
        (retriever.renew, *(scorer.renew for scorer in scorers.values())),
        (retriever.close, *(scorer.close for scorer in scorers.values())),
    )


def _there(plan: Plan, folder: Path, environ: Mapping[str, str]) -> Opened:
    # Imported here: where all stages are in one function, nobody is invoked.
    from ranklet_runtime.funnel.there import Lambdas

    lambdas = Lambdas(environ)
    return of_functions(plan, lambdas.invoke, Facts.open(folder), renewing=(lambdas.renew,))


def of_functions(plan: Plan, invoke: Invoke, facts: Facts, *, renewing: tuple[Hook, ...] = ()) -> Opened:
    """The stages by the functions that they have."""
    from ranklet_runtime.funnel.there import RankerThere, RetrieverThere

    first, *rest = plan.stages
    rankers = tuple(RankerThere(stage, invoke, facts) for stage in rest)
    return Opened(RetrieverThere(first, invoke), rankers, renewing=renewing)


def _manifest(home: Path) -> Manifest:
    return Manifest.read(home / "manifest.json")
