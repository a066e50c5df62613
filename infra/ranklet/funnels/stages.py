"""Whether the models of a funnel go together, and what each of them reads: funnel.toml's stages become a plan's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ranklet.after import formula
from ranklet.deployable import Deployable
from ranklet.errors import ModelError
from ranklet.funnels.settings import FILE, Funnel
from ranklet_features.spec import Input
from ranklet_runtime.funnel.plan import Stage
from ranklet_runtime.manifest import Manifest

LISTING = ("cap", "diversify")
"""Steps after the scores that make a list by more than them. What `explore` draws could not be held to the stages."""


def stages(funnel: Funnel, models: Sequence[Deployable], *, facts: frozenset[str]) -> tuple[Stage, ...]:
    """The stages as the function runs them. models: one a stage. facts: the columns of [items], but its keys.

    Raises ModelError naming the stage and what to do for models that do not go together.
    """
    manifests = [one.manifest for one in models]
    _check_first(funnel, manifests[0])
    for at, manifest in enumerate(manifests[1:], start=1):
        _check_ranker(funnel, at, manifests[0], manifest, facts)
    _check_counts(funnel, manifests)
    _check_inputs(funnel, manifests)
    return tuple(_stage(funnel, at, manifest, facts if at else frozenset()) for at, manifest in enumerate(manifests))


def inputs(manifests: Sequence[Manifest]) -> dict[str, Input]:
    """What callers may send of the user and the context: the inputs of all stages, by name.

    One that some stage cannot do without is required.
    """
    found: dict[str, Input] = {}
    for manifest in manifests:
        for name, one in manifest.spec.inputs.items():
            if one.side != "item" and not one.unread and (name not in found or one.default is None):
                found[name] = one
    return found


def _stage(funnel: Funnel, at: int, manifest: Manifest, facts: frozenset[str]) -> Stage:
    source = funnel.stages[at]
    read = {side: tuple(key for key, one in _read(manifest) if one.side == side) for side in ("user", "context")}
    key = manifest.item_key or "" if manifest.retrieve is None else ""
    return Stage(
        name=funnel.names[at],
        model=source.model,
        version=manifest.version,
        k=source.k,
        deadline_ms=source.deadline_ms,
        on_late=source.on_late,
        portion=source.portion,
        user=read["user"],
        context=read["context"],
        key=key,
        facts=tuple(one for one, declared in _read(manifest) if declared.side == "item" and one in facts - {key}),
        orders=_lists(manifest),
        order=_order(funnel, at, manifest),
    )


def _order(funnel: Funnel, at: int, manifest: Manifest) -> tuple[tuple[str, object], ...]:
    """The formula of a stage, taken apart. Raises ModelError for one that reads what is not there by then."""
    text = funnel.stages[at].order
    if text is None:
        return ()
    if not at:
        raise _error(funnel, at, "order is for stages that rank; the first one's order is its index's")
    if _lists(manifest):
        raise _error(funnel, at, f"{manifest.model} makes a list by its own [after]; drop order")
    try:
        operations = formula.parse(text)
    except ValueError as error:
        raise _error(funnel, at, f"order: {error}") from error
    known = [name.replace("-", "_") for name in funnel.names[: at + 1]]
    if unknown := sorted(set(formula.heads(operations)) - set(known)):
        raise _error(funnel, at, f"order reads {unknown[0]!r}; scores so far are {', '.join(known)}")
    if known[-1] not in formula.heads(operations):
        raise _error(funnel, at, f"order does not read {known[-1]!r}, which this stage is there for")
    return tuple(operations)


def _lists(manifest: Manifest) -> bool:
    """Whether a model makes a list of the best by more than its scores."""
    return any(manifest.after.get(name) for name in LISTING)


def _read(manifest: Manifest) -> Iterator[tuple[str, Input]]:
    return ((name, one) for name, one in manifest.spec.inputs.items() if not one.unread)


def _check_first(funnel: Funnel, manifest: Manifest) -> None:
    if manifest.retrieve is None:
        raise _error(
            funnel, 0, f'{manifest.model} ranks what it is given; the first stage is a model with kind = "retrieve"'
        )
    if manifest.retrieve.query is None and manifest.retrieve.history is None:
        raise _error(
            funnel, 0, f"{manifest.model} finds items for items alone; its [retrieve] needs query or history for a user"
        )


def _check_ranker(funnel: Funnel, at: int, first: Manifest, manifest: Manifest, facts: frozenset[str]) -> None:
    if manifest.retrieve is not None:
        raise _error(funnel, at, f"{manifest.model} retrieves; stages after the first rank")
    if not manifest.ranks:
        raise _error(funnel, at, f"{manifest.model} tells no scores ([output] ranks = false), so none is best")
    if manifest.after.get("explore"):
        raise _error(
            funnel,
            at,
            f"{manifest.model} explores ([after.explore]): what is drawn cannot be held to the stages one by one; rank "
            "with a model that does not",
        )
    key = manifest.item_key
    if key is None:
        raise _error(funnel, at, f"{manifest.model} has no [output] item_key, the input that takes a candidate's id")
    kind, wanted = manifest.spec.inputs[key].type, first.retrieve.index.key if first.retrieve else ""
    if kind != wanted:
        raise _error(funnel, at, f"{manifest.model} takes ids of type {kind} as {key!r}, {first.model} finds {wanted}")
    needed = [
        name
        for name, one in _read(manifest)
        if one.side == "item" and name != key and one.default is None and one.nan != "allow"
    ]
    if missing := sorted(set(needed) - facts):
        raise _error(
            funnel,
            at,
            f"{manifest.model} needs {', '.join(missing)} of an item, and retrieval finds ids alone: give a file with "
            f"these columns in [items], or the inputs a default in {manifest.model}/model.toml",
        )


def _check_counts(funnel: Funnel, manifests: Sequence[Manifest]) -> None:
    for at, (before, after) in enumerate(zip(funnel.stages, funnel.stages[1:], strict=False), start=1):
        if after.k > before.k:
            raise _error(funnel, at, f"k = {after.k} is more than the {before.k} that come from the stage before")
    for at, manifest in enumerate(manifests):
        most = max(funnel.limits.items, funnel.stages[max(at - 1, 0)].k)
        if most > manifest.limits.items:
            raise _error(
                funnel,
                at,
                f"up to {most} candidates reach {manifest.model}, which takes {manifest.limits.items}: lower k or "
                f"[limits] items, or raise [limits] items in {manifest.model}/model.toml",
            )


def _check_inputs(funnel: Funnel, manifests: Sequence[Manifest]) -> None:
    """One name means one thing in all stages."""
    seen: dict[str, tuple[str, Input]] = {}
    for at, manifest in enumerate(manifests):
        for name, one in _read(manifest):
            other, declared = seen.setdefault(name, (manifest.model, one))
            if "item" in (one.side, declared.side) and one.side == declared.side:
                continue  # an item's inputs do not come from the caller
            shape, known = ((x.side, x.type, x.list, x.length) for x in (one, declared))
            if shape != known:
                raise _error(
                    funnel,
                    at,
                    f"{manifest.model} reads {name!r} as {_words(one)}, {other} as {_words(declared)}; rename one",
                )


def _words(one: Input) -> str:
    plain = f"{one.type} of the {one.side}"
    return f"list of {plain}" if one.list else f"{one.length} x {plain}" if one.length else plain


def _error(funnel: Funnel, at: int, message: str) -> ModelError:
    return ModelError(f"{funnel.name}/{FILE}: $.stages[{at}]: {message}")
