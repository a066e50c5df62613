"""The recipe for weights in arrays of functions/README.md: its two blocks make a model that scores as trained."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ranklet import pipeline

PAGE = Path(__file__).parents[3] / "functions" / "README.md"
SECTION = PAGE.read_text(encoding="utf-8").split("## Weights in arrays (format `numpy`)")[1].split("\n## ")[0]
INPUTS = """
name = "recipe"

[inputs]
age = { side = "user", type = "float" }
country = { side = "user", type = "string", default = "" }
price = { side = "item", type = "float" }
movie_id = { side = "item", type = "int" }

[output]
score = "score"
item_key = "movie_id"
"""
COUNTRIES = ["de", "fr", "pl", "xx"]


def test_coefficients_of_scikit_learn_score_as_its_probabilities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (python,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    (toml,) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
    folder = tmp_path / "functions" / "recipe"
    (folder / "export").mkdir(parents=True)
    monkeypatch.chdir(folder)
    random = np.random.default_rng(1)
    age, price, country, movie = random.normal(size=300), random.normal(size=300), *random.integers(0, 4, (2, 300))
    x = np.column_stack([age, price, np.eye(4)[country][:, :3], np.eye(4)[movie]])
    scope = {"x": x, "y": (age + (country == 1) - (movie == 2) > 0.2).astype(int)}
    exec(python, scope)
    trained = scope["model"].predict_proba(x)[:, 1]  # type: ignore[attr-defined]
    (folder / "model.toml").write_text(INPUTS + toml, encoding="utf-8")
    rows = [
        {
            "request": {
                "user": {"age": age[at], "country": COUNTRIES[country[at]]},
                "context": {},
                "items": {"price": [price[at]], "movie_id": [int(movie[at])]},
            },
            "scores": [trained[at]],
        }
        for at in range(40)
    ]
    (folder / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == 40
    assert max(built.certificate.paths.values()) < 1e-6
