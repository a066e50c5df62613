"""A user computed once: `:prepare` runs the user's part of a model and gives its outputs as a token, and `:rank` takes
that in the place of user and context.

    keys      what signs, and where it comes from        signing  bytes ↔ text that nobody else can make
    parts     which steps and features are the user's    packing  tensors ↔ bytes, held to the manifest
    resumed   the rest of the model, going on from a token's tensors

A token is signed, not encrypted: whoever holds it can read what the model made of the user. It is good for the model's
very version and bundle, and for some seconds; nothing is remembered of it here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ranklet_features.stores.base import EmbeddingStore
from ranklet_runtime.errors import BadRequest, Conflict, PayloadTooLarge, Unauthorized
from ranklet_runtime.lookup import Lookup
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.messages import Issued, RankRequest, RankResult
from ranklet_runtime.paths import Part
from ranklet_runtime.phases import ASSEMBLE, RUN
from ranklet_runtime.scorer import Scorer
from ranklet_runtime.tokens import packing
from ranklet_runtime.tokens.keys import Keys
from ranklet_runtime.tokens.packing import Layout, Of, Packed
from ranklet_runtime.tokens.parts import Parts
from ranklet_runtime.tokens.resumed import Resumed
from ranklet_runtime.tokens.signing import Signing

BUNDLE = "RANKLET_BUNDLE"
"""The hash of the deployed bundle; as `ranklet_runtime.function` has it."""
PATH = "$.token"


class Tokens:
    """One model's. whole: the scorer that needs no token. counts: what engines counted. clock: seconds since 1970."""

    def __init__(
        self,
        whole: Scorer,
        manifest: Manifest,
        parts: Parts,
        *,
        keys: Keys,
        bundle: str,
        counts: Callable[[], Mapping[str, int]],
    ) -> None:
        assert manifest.token is not None, "a model that gives tokens"
        self._setting, self._parts, self._counts = manifest.token, parts, counts
        self._keys, self._signing = keys, Signing(keys)
        self._mine = (manifest.model, manifest.version, bundle)
        self._surplus, self._phases = manifest.surplus, whole.phases
        self._resumed, self._layout = Resumed(parts, whole), Layout(self._setting.held)
        self.clock: Callable[[], float] = time.time

    @classmethod
    def open(
        cls,
        whole: Scorer,
        manifest: Manifest,
        folder: Path,
        environ: Mapping[str, str],
        *,
        stores: Mapping[str, EmbeddingStore],
        engines: Sequence[Part],
        counts: Callable[[], Mapping[str, int]],
    ) -> Tokens:
        """Of an opened scorer. Raises ManifestError where the manifest does not know what a token holds."""
        parts = Parts.of(manifest, folder, stores, engines)
        bundle = environ.get(BUNDLE) or _digest(folder / "manifest.json")
        return cls(whole, manifest, parts, keys=Keys(environ), bundle=bundle[:32], counts=counts)

    def score(self, request: RankRequest, deadline: float | None) -> RankResult | None:
        """The answer to a request for a token, or with one; None for all others.

        Raises as `Scorer.score`, and Unauthorized, Conflict, BadRequest and PayloadTooLarge of the token.
        """
        assert request.more is not None, "only then is it asked"
        if request.more.prepare:
            return self._prepare(request, deadline)
        if request.more.token is not None:
            return self._resume(request, request.more.token, deadline)
        return None

    def ready(self) -> None:
        """Fetch keys where nobody waits; without them the first request does."""
        self._keys.ready()

    def renew(self) -> None:
        """Let go of keys and connections."""
        self._keys.renew()

    def _prepare(self, request: RankRequest, deadline: float | None) -> RankResult:
        assembled = self._parts.user.assemble(
            request.user, request.context, {}, surplus=self._surplus, deadline=deadline
        )
        if self._phases.on:
            self._phases.lap(ASSEMBLE)
        tensors, degraded = dict(assembled.tensors), dict(assembled.degraded)
        for part in self._parts.before:
            if isinstance(part, Lookup):
                rows, defaulted = part.read(tensors, deadline)
                tensors.update(rows)
                degraded.update(defaulted)
            else:
                tensors.update(part.run(tensors))
        sent = {**request.user, **request.context}
        inputs = {name: sent[name] for name in self._parts.inputs if sent.get(name) is not None}
        expires = int(self.clock()) + self._setting.seconds
        shapes, block = self._layout.write(tensors)
        content = packing.pack(Packed(self._mine, expires, degraded, inputs, shapes, block))
        token = self._signing.sealed(content, deadline)
        if len(token) > self._setting.bytes:
            raise PayloadTooLarge(
                f"the user's part makes a token of {len(token)} bytes, this model allows {self._setting.bytes}: "
                "[token] bytes of model.toml"
            )
        if self._phases.on:
            self._phases.lap(RUN)
        counts = {**self._counts(), "Prepared": 1}
        return RankResult(np.empty(0, np.float32), degraded, counts, issued=Issued(token, self._setting.seconds))

    def _resume(self, request: RankRequest, token: str, deadline: float | None) -> RankResult:
        if len(token) > self._setting.bytes:
            raise BadRequest(f"has {len(token)} characters; at most {self._setting.bytes}", path=PATH)
        content = self._signing.opened(token, deadline)
        packed = None if content is None else packing.unpack(content)
        if packed is None:
            raise _unauthorised("is none of ours, or was changed; ask `:prepare` for one")
        if packed.of != self._mine:
            raise Conflict(f"{self._other(packed.of)}; ask `:prepare` again", path=PATH)
        if self.clock() >= packed.expires:
            raise _unauthorised("has expired; ask `:prepare` for another")
        tensors = self._layout.read(packed.shapes, packed.block)
        if tensors is None:
            raise Conflict(f"{self._other(packed.of)}; ask `:prepare` again", path=PATH)
        return self._resumed.go_on(packed, tensors, request, deadline)

    def _other(self, of: Of) -> str:
        (model, version, _), (mine, own, _) = of, self._mine
        if (model, version) == (mine, own):
            return f"is of another build of {mine!r} version {own!r}"
        return f"is of {model!r} version {version!r}, this is {mine!r} version {own!r}"


def _digest(path: Path) -> str:
    import hashlib  # a bundle that is deployed has its hash from the stack

    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unauthorised(message: str) -> Unauthorized:
    return Unauthorized(message, path=PATH, headers={"www-authenticate": "RankletToken"})
