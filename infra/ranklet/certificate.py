"""certificate.json: the proof that a bundle gives the trainer's scores, bound to the bundle's very bytes.

The pipeline writes it after the golden replay; the CDK app deploys nothing without it. Since it names the hash of
all other files, a bundle that was edited, mixed or cut off after its proof is told from the one that was proven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import orjson

from ranklet import tree
from ranklet.errors import BundleError
from ranklet.precision import Precision

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
class Certificate:
    """What was proven.

    bundle: `digest` of the folder. rows: golden rows replayed. bound: the difference that was allowed.
    paths: each way a request can take (`native-json`, `store`, …) → its worst difference from the trainer's scores.
    narrowed: of a model with tables in f16 or int8, None without. split: of a graph that was cut, None without.
    """

    bundle: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    rows: Annotated[int, msgspec.Meta(ge=1)]
    bound: Annotated[float, msgspec.Meta(gt=0)]
    paths: Annotated[Mapping[str, Annotated[float, msgspec.Meta(ge=0)]], msgspec.Meta(min_length=1)]
    narrowed: Narrowed | None = None
    split: Split | None = None


def digest(folder: Path) -> str:
    """SHA-256, in hex, over every file of a bundle but its certificate: sorted relative path and content."""
    return tree.digest(folder, skip=frozenset({FILE}))


def write(certificate: Certificate, folder: Path) -> None:
    """Put the certificate into its bundle, with the same bytes for the same proof."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    (folder / FILE).write_bytes(orjson.dumps(asdict(certificate), option=options))


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

    Raises BundleError for a certificate that is absent, that belongs to other files, or that records a
    difference above its own bound.
    """
    certificate = read(folder)
    if (actual := digest(folder)) != certificate.bundle:
        raise BundleError(
            f"{folder} was changed after it was proven: its files hash to {actual[:12]}…, its certificate names "
            f"{certificate.bundle[:12]}…; {_again(folder)}"
        )
    path, worst = max(certificate.paths.items(), key=lambda item: item[1])
    if not worst <= certificate.bound:
        raise BundleError(
            f"{folder}: path {path!r} differs from the trainer's scores by {worst:g}, allowed is "
            f"{certificate.bound:g}; mend the model, then build it again"
        )
    _verify_narrowed(folder, certificate)
    split = certificate.split
    if split is not None and split.uncut is not None and not split.uncut <= split.bound:
        raise BundleError(
            f"{folder}: split as {split.shipped}, scores differ from the uncut graph's by {split.uncut:g}, allowed is "
            f"{split.bound:g}; {_again(folder)}"
        )
    return certificate


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


def _again(folder: Path) -> str:
    return f"run `ranklet build functions/{folder.name}`"
