"""Compose what was read into a manifest, check that the parts fit each other, and write the bundle."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ranklet.after.parts import NO_STEPS, AfterParts
from ranklet.errors import ModelError
from ranklet.importers.base import Exported
from ranklet.model import Model, StepSource
from ranklet.openapi import document as openapi
from ranklet.retrieving import settling
from ranklet.retrieving.making import Wanted
from ranklet.settings.watch import every
from ranklet.tables import files
from ranklet.tables.pin import Pinned
from ranklet_features.spec import Feature, FeatureSpec
from ranklet_runtime.dialects.native import OPENAPI
from ranklet_runtime.dialects.openscoring import DOCUMENT as PMML
from ranklet_runtime.manifest import FORMAT, Limits, Manifest, Step, Token, Told
from ranklet_runtime.watched import Reference, Watched

MANIFEST = "manifest.json"
PREPARE = "prepare"
"""The dialect of models that give tokens."""
RETRIEVAL = "retrieval"
"""The one dialect of models that find items."""


@dataclass(frozen=True)
class Parts:
    """What a model is made of. vocabularies: feature name → the author's file. pmml: the document to show, if any.

    references: how inputs were distributed in training. after: the steps after the scores. retrieved: the items that
    are searched.
    """

    steps: tuple[tuple[StepSource, Exported], ...]
    tables: tuple[Pinned, ...]
    vocabularies: Mapping[str, Path]
    pmml: Path | None = None
    references: Mapping[str, Reference] = field(default_factory=dict)
    after: AfterParts = NO_STEPS
    retrieved: Wanted | None = None


def compose(model: Model, parts: Parts) -> Manifest:
    """The manifest of a model and its parts.

    Raises ModelError when the output or the item key names nothing.
    """
    steps = tuple(_step(index, *part) for index, part in enumerate(parts.steps))
    made = {tensor for step in steps for tensor in step.outputs.values()}
    if not model.output.ranks and not model.output.tell:
        raise ModelError(f"{model.name}: output.ranks is false and output.tell is empty; then the model tells nothing")
    scores = model.output.ranks and not parts.after.scores and parts.retrieved is None
    named = {"score": model.output.score} if scores else {}
    named |= {f"tell.{name}": one.tensor for name, one in model.output.tell.items()}
    for what, tensor in named.items():
        if tensor not in made:
            raise ModelError(f"{model.name}: output.{what} is {tensor!r}; the steps make {sorted(made)}")
    key = model.output.item_key
    if key is not None and (key not in model.inputs or model.inputs[key].side != "item"):
        items = sorted(name for name, value in model.inputs.items() if value.side == "item")
        raise ModelError(f"{model.name}: output.item_key is {key!r}; it must be an item input: {items}")
    return Manifest(
        model=model.name,
        version=str(model.version),
        spec=FeatureSpec(
            inputs=dict(model.inputs),
            features={name: _feature(name, feature, parts) for name, feature in model.features.items()},
            tables={pinned.table.name: pinned.table for pinned in parts.tables},
        ),
        steps=steps,
        score=model.output.score if parts.retrieved is None else "",
        item_key=key,
        surplus=model.api.surplus,
        dialects=_dialects(model),
        limits=Limits(model.limits.items, model.limits.body_bytes, model.limits.deadline_ms),
        threads=threads(model.function.memory),
        uncut_below=model.split.uncut_below if any(step.candidates == "few" for step in steps) else 0,
        nulls=model.output.nulls or not model.output.ranks,
        ranks=model.output.ranks,
        told={name: Told(one.tensor, one.labels) for name, one in model.output.tell.items()},
        watch=_watched(model, parts),
        after=parts.after.options,
        token=None if model.token is None else Token(model.token.seconds, model.token.bytes),
        retrieve=None if parts.retrieved is None else settling.pinned(parts.retrieved),
    )


def _dialects(model: Model) -> tuple[str, ...]:
    if model.kind == "retrieve":
        return (RETRIEVAL,)
    return (*model.api.dialects, *(() if model.token is None else (PREPARE,)))


def _watched(model: Model, parts: Parts) -> Watched:
    watch = model.watch
    try:
        logged = watch.logged(model.inputs)
    except ValueError as error:
        raise ModelError(f"{model.name}: {error}") from error
    return Watched(watch.phases, every(watch.sample), logged, every(watch.health), parts.references)


def threads(memory: int) -> int:
    """Threads for an engine: whole vCPUs of `memory` MB, as two threads on less than two cores are slower than one."""
    return max(1, memory // 1769)


def write(manifest: Manifest, model: Model, parts: Parts, bundle: Path) -> None:
    """Write manifest.json, the OpenAPI document, artefacts, vocabularies and resident tables into a new folder."""
    bundle.mkdir(parents=True)
    (bundle / MANIFEST).write_bytes(document(manifest))
    (bundle / OPENAPI).write_bytes(openapi.text(manifest, model))
    for step, (_, exported) in zip(manifest.steps, parts.steps, strict=True):
        if step.artefact is not None:
            _write_artefact(exported, bundle / step.artefact)
    for name, path in parts.vocabularies.items():
        target = bundle / _vocabulary(name, path)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
    for name, content in parts.after.files.items():
        (bundle / name).parent.mkdir(exist_ok=True)
        (bundle / name).write_bytes(content)
    if parts.pmml is not None:
        shutil.copyfile(parts.pmml, bundle / PMML)
    for pinned in parts.tables:
        if pinned.table.placement == "resident" and not pinned.fetched:
            files.write_resident(pinned, bundle)


def document(manifest: Manifest) -> bytes:
    """manifest.json's bytes: keys in declaration order where it matters, nothing that varies between builds."""
    fields = dataclasses.asdict(manifest)
    spec: Mapping[str, Any] = fields.pop("spec")
    return orjson.dumps({"format": FORMAT, **fields, **spec}, option=orjson.OPT_INDENT_2)


def _step(index: int, source: StepSource, exported: Exported) -> Step:
    """Where the author names no tensor, the engine's own name is the tensor's."""
    inputs, outputs = ({spec.name for spec in specs} for specs in (exported.inputs, exported.outputs))
    named = (("inputs", source.inputs, inputs), ("outputs", source.outputs, outputs), ("once", source.once, inputs))
    for what, given, known in named:
        if unknown := sorted(set(given) - known):
            raise ModelError(f"steps[{index}].{what} names {unknown}; engine {exported.engine} has {sorted(known)}")
    return Step(
        engine=exported.engine,
        rows=source.rows,
        inputs={spec.name: source.inputs.get(spec.name, spec.name) for spec in exported.inputs},
        outputs={spec.name: source.outputs.get(spec.name, spec.name) for spec in exported.outputs},
        artefact=None if exported.artefact is None else f"steps/{index}-{exported.artefact}",
        once=source.once,
        options=dict(exported.options),
        stored=dict(source.stored),
        keep_seconds=exported.keep[0],
        keep_entries=exported.keep[1],
        candidates=exported.candidates,
    )


def _feature(name: str, feature: Feature, parts: Parts) -> Feature:
    """A vocabulary in a file moves into the bundle under the feature's name."""
    if name not in parts.vocabularies:
        return feature
    vocabulary = _vocabulary(name, parts.vocabularies[name])
    return dataclasses.replace(feature, options={**feature.options, "vocabulary": vocabulary})


def _vocabulary(name: str, path: Path) -> str:
    return f"vocabularies/{name}{path.suffix}"


def _write_artefact(exported: Exported, target: Path) -> None:
    assert exported.content is not None, "an artefact has content"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(exported.content)
    for name, content in exported.beside.items():
        target.with_name(name).write_bytes(content)
