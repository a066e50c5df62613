"""certificate.json: the proof that a bundle gives the trainer's scores, bound to the bundle's very bytes.

The pipeline writes it after the golden replay; the CDK app deploys nothing without it. Since it names the hash of
all other files, a bundle that was edited, mixed or cut off after its proof is told from the one that was proven.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import orjson

from ranklet import tree
from ranklet.errors import BundleError
from ranklet.precision import Precision
from ranklet.retrieving.record import Recall
from ranklet_runtime.integrity import Sealed, seal

FILE = "certificate.json"


@dataclass(frozen=True)
class Narrowed:
    """What was proven of a model whose tables are packed as f16 or int8.

    bound and paths: as a certificate's, with the exact rows in the place of the packed ones; the certificate's own
    bound is this one and what the tables are allowed. tables: name → what its packing does.
    """

    bound: Annotated[float, msgspec.Meta(gt=0)]
    paths: Mapping[str, Annotated[float, msgspec.Meta(ge=0)]]
    tables: Mapping[str, Precision]


@dataclass(frozen=True)
class Split:
    """What was proven of a graph that was split, or whose tables left it.

    shipped: the compiler's candidate. uncut: the worst difference from the uncut graph's own scores of the golden
    requests, with exact rows, and the bound of it; relative where a score is above 1; None of a graph that is too large
    to be run uncut. trials and worst: of the acceptance test with drawn inputs, before any of the features.
    """

    shipped: str
    uncut: Annotated[float, msgspec.Meta(ge=0)] | None
    bound: Annotated[float, msgspec.Meta(gt=0)]
    trials: int
    worst: float


@dataclass(frozen=True)
class Lists:
    """What was proven of the lists that steps after the scores make.

    steps: by name. rows: golden requests for the best. trained: those with the trainer's own order, which was met.
    regret: how much more another candidate was worth in some place; gap: of a propensity from its formula's.
    """

    steps: tuple[str, ...]
    rows: int
    trained: int
    regret: Annotated[float, msgspec.Meta(ge=0)]
    gap: Annotated[float, msgspec.Meta(ge=0)]


@dataclass(frozen=True)
class Certificate:
    """What was proven.

    bundle: `digest` of the folder. rows: golden rows replayed. bound: the difference that was allowed.
    paths: each way a request can take (`native-json`, `store`, …) → its worst difference from the trainer's scores.
    narrowed: of a model with tables in f16 or int8, None without. split: of a graph that was cut, None without.
    recall: of a model that finds items, None of others. lists: where more than scores makes them, None elsewhere.
    """

    bundle: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    rows: Annotated[int, msgspec.Meta(ge=1)]
    bound: Annotated[float, msgspec.Meta(gt=0)]
    paths: Annotated[Mapping[str, Annotated[float, msgspec.Meta(ge=0)]], msgspec.Meta(min_length=1)]
    narrowed: Narrowed | None = None
    split: Split | None = None
    recall: Recall | None = None
    lists: Lists | None = None


class _Listing(msgspec.Struct, frozen=True):
    """What a certificate says beside the proof: a list that is none of its fields, as `files` makes it again."""

    files: dict[str, Sealed] = {}


def digest(folder: Path) -> str:
    """SHA-256, in hex, over every file of a bundle but its certificate: sorted relative path and content."""
    return tree.digest(folder, skip=frozenset({FILE}))


def files(folder: Path) -> dict[str, Sealed]:
    """Every file of a bundle but its certificate, as the function finds them again; `seal` of it is `digest`."""
    return {name: Sealed(path.stat().st_size, _hash(path)) for name, path in tree.files(folder) if name != FILE}


def _hash(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def write(certificate: Certificate, folder: Path) -> None:
    """Put the certificate into its bundle, with the same bytes for the same proof.

    The list of files goes with it (`ranklet_runtime.integrity`): it is no proof, it says which file was changed.
    """
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    document = {**asdict(certificate), "files": files(folder)}
    (folder / FILE).write_bytes(orjson.dumps(document, option=options))


def read(folder: Path) -> Certificate:
    """The certificate of a bundle; BundleError when it is absent or is none."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Certificate)
    except FileNotFoundError as error:
        raise BundleError(f"{folder} has no {FILE}, so nothing proves its scores; {_again(folder)}") from error
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder / FILE}: {error}; {_again(folder)}") from error


def verify(folder: Path) -> Certificate:
    """The certificate of a bundle whose files are those that were proven, within the bound.

    Raises BundleError for a certificate that is absent, that belongs to other files or does not list them, or that
    records a difference above its own bound.
    """
    certificate = read(folder)
    _verify_files(folder, certificate)
    path, worst = max(certificate.paths.items(), key=lambda item: item[1])
    if not worst <= certificate.bound:
        raise BundleError(
            f"{folder}: path {path!r} differs from the trainer's scores by {worst:g}, allowed is "
            f"{certificate.bound:g}; mend the model, then build it again"
        )
    _verify_narrowed(folder, certificate)
    _verify_recall(folder, certificate.recall)
    split = certificate.split
    if split is not None and split.uncut is not None and not split.uncut <= split.bound:
        raise BundleError(
            f"{folder}: split as {split.shipped}, scores differ from the uncut graph's by {split.uncut:g}, allowed is "
            f"{split.bound:g}; {_again(folder)}"
        )
    return certificate


def _verify_files(folder: Path, certificate: Certificate) -> None:
    listed, found = _listed(folder), files(folder)
    if (actual := seal(found)) != certificate.bundle:
        changed = [name for name in sorted(listed | found) if listed.get(name) != found.get(name)] if listed else []
        raise BundleError(
            f"{folder} was changed after it was proven: its files hash to {actual[:12]}…, its certificate names "
            f"{certificate.bundle[:12]}…{''.join(f'; another is {name}' for name in changed[:3])}; {_again(folder)}"
        )
    if listed != found:
        raise BundleError(f"{folder / FILE} does not list the bundle's files, or others; {_again(folder)}")


def _listed(folder: Path) -> dict[str, Sealed]:
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=_Listing).files
    except msgspec.MsgspecError as error:
        raise BundleError(f"{folder / FILE}: {error}; {_again(folder)}") from error


def _verify_narrowed(folder: Path, certificate: Certificate) -> None:
    """Raise BundleError where tables move scores by more than they may, or scores are off before any packing."""
    narrowed = certificate.narrowed
    if narrowed is None:
        return
    if not (worst := max(narrowed.paths.values(), default=0.0)) <= narrowed.bound:
        raise BundleError(f"{folder}: with exact rows scores differ by {worst:g}, allowed is {narrowed.bound:g}")
    for name, found in narrowed.tables.items():
        allowed = narrowed.bound if found.allowed is None else found.allowed
        if not found.max_score_change <= allowed:
            raise BundleError(
                f"{folder}: table {name} as {found.dtype} moves scores by {found.max_score_change:g}, allowed is "
                f"{allowed:g}; {_again(folder)}"
            )


def _verify_recall(folder: Path, recall: Recall | None) -> None:
    if recall is not None and recall.reached < recall.target:
        raise BundleError(
            f"{folder}: its index finds {recall.reached:.4f} of what exact search finds, {recall.target:g} is wanted; "
            f"{_again(folder)}"
        )


def _again(folder: Path) -> str:
    return f"run `ranklet build functions/{folder.name}`"
