"""Where things are in a project: `functions/` with the models, `.build/` with what was made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ranklet.errors import ModelError


@dataclass(frozen=True)
class Project:
    """A checkout. root holds functions/, events/ and cdk.json."""

    root: Path

    @property
    def functions(self) -> Path:
        """One folder a model."""
        return self.root / "functions"

    @property
    def events(self) -> Path:
        """API Gateway events, one folder a model."""
        return self.root / "events"

    @property
    def build(self) -> Path:
        """Everything that is made and can be made again."""
        return self.root / ".build"

    def bundle(self, model: str) -> Path:
        """Where a model's bundle is, or will be."""
        return self.build / "functions" / model

    def models(self, chosen: Sequence[str] = ()) -> list[Path]:
        """The folders of the chosen models, of all of them when none is chosen, by name.

        Raises ModelError for a name that is no model here, naming those that are.
        """
        return self._chosen(chosen, self._present("model.toml"))

    def folders(self, chosen: Sequence[str] = ()) -> list[Path]:
        """As `models`, with the funnels, which come after the models that they are made of."""
        return self._chosen(chosen, self._present("model.toml") | self._present("funnel.toml"))

    def _present(self, file: str) -> dict[str, Path]:
        return {path.parent.name: path.parent for path in sorted(self.functions.glob(f"*/{file}"))}

    def _chosen(self, chosen: Sequence[str], present: Mapping[str, Path]) -> list[Path]:
        if unknown := [name for name in chosen if name not in present]:
            raise ModelError(f"no model {', '.join(unknown)} in functions/; there are: {', '.join(present) or 'none'}")
        if not present:
            raise ModelError("functions/ holds no model yet; `ranklet new NAME` makes one")
        return [present[name] for name in chosen] if chosen else list(present.values())


def find(start: Path | None = None) -> Project:
    """The project around `start` (by default the current folder): the nearest folder with functions/ and cdk.json.

    Raises ModelError outside of any.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "functions").is_dir() and (folder / "cdk.json").is_file():
            return Project(folder)
    raise ModelError("not inside a ranklet project (no folder above has functions/ and cdk.json); change into one")
