"""What people read of a run: the figures in words, and what is to be warned of."""

from __future__ import annotations

from ranklet.load.histogram import Histogram
from ranklet.load.tally import LATE_US, Tally
from ranklet.load.told import Run


def lines(run: Run) -> list[tuple[str, str]]:
    """(what, figure)."""
    tally, sent = run.sent.run, run.sent
    least, most = run.candidates
    return [
        ("sent a second", f"{run.achieved:.1f} of {run.rps:g}, {tally.sent} in all"),
        ("answered right a second", f"{run.answered:.1f}"),
        ("candidates, or items", f"{least}" if least == most else f"{least} to {most}"),
        ("answers", _answers(tally)),
        ("scores", _scores(run)),
        ("refused", f"{tally.refused}: {tally.throttled} × 429, {tally.broken} × 5xx{_throttled(run)}"),
        ("without an answer", _reasons(tally)),
        ("warm-up", f"{sent.warmup.sent} sent, {sent.warmup.refused + sent.warmup.lost} of them refused or lost"),
        ("cold starts", _cold(run)),
        ("generator", _generator(run)),
    ]


def warnings(run: Run) -> list[str]:
    """What makes the figures worth less than they look."""
    tally, found = run.sent.run, []
    if run.sent.interrupted:
        found.append(f"Interrupted after {run.sent.seconds:.1f} s: these are the figures so far.")
    if tally.behind:
        found.append(
            f"The generator could not keep up: {tally.late.above(LATE_US)} of {tally.sent} requests left more than "
            f"{LATE_US / 1000:g} ms late (p99 {_ms(tally.late)}; {run.sent.cpu:.0%} of a core). "
            "Too much was asked of it, or this machine is busy: the latencies hold its own delay. Ask for fewer "
            "requests a second, or send from another machine."
        )
    if run.sent.waited:
        found.append(
            f"{run.sent.waited} requests waited for a connection, as all were in use; that is in their latency. "
            "--connections raises the number."
        )
    if run.checker.fault:
        found.append(f"Wrong: {run.checker.fault}")
    if tally.verdicts["unchecked"]:
        found.append(f"{tally.verdicts['unchecked']} answers were not compared: their requests come without scores.")
    return found


def _answers(tally: Tally) -> str:
    told = [f"{tally.verdicts[name]} {name}" for name in ("right", "wrong", "degraded", "unchecked")]
    return ", ".join(one for one in told if not one.startswith("0 ")) or "none"


def _scores(run: Run) -> str:
    return f"at most {run.checker.worst:.1e} from the trainer's, {run.checker.bound:.0e} allowed"


def _throttled(run: Run) -> str:
    """An HTTP API says 503 where Lambda says 429; only Lambda itself tells them apart."""
    if run.counts is None or run.before is None or not (count := run.counts.throttled - run.before.throttled):
        return ""
    return f"; Lambda throttled {count}, above {run.counts.environments} environments"


def _reasons(tally: Tally) -> str:
    told = ", ".join(f"{count} × {reason}" for reason, count in tally.failures.most_common(3))
    return f"{tally.lost}" + (f": {told}" if told else "")


def _cold(run: Run) -> str:
    if run.counts is None or run.before is None:
        return "not told by a URL; CloudWatch has them as Init Duration"
    inits = run.counts.inits_ms
    took = f"; an environment took {min(inits):.0f} to {max(inits):.0f} ms" if inits else ""
    warm, all_of_them = run.before.cold_starts, run.counts.cold_starts
    return f"{all_of_them - warm}, {warm} more in the warm-up; {run.counts.environments} environments{took}"


def _generator(run: Run) -> str:
    tally, sent = run.sent.run, run.sent
    return (
        f"requests left {_ms(tally.late, 0.5)} late, p99 {_ms(tally.late)}; {sent.cpu:.0%} of a core, "
        f"{sent.connections} connections"
    )


def _ms(histogram: Histogram, share: float = 0.99) -> str:
    return f"{histogram.quantile(share) / 1000:.2f} ms"
