"""Train @NAME@ and write what `ranklet build` reads: export/weights.npz and golden.jsonl.

The data below is made up; replace `log()` by your own. Everything else is what a real trainer does too: the features
are assembled by the very code that runs in Lambda, and golden rows carry this trainer's own scores.
"""

import json
from pathlib import Path

import numpy as np

from ranklet import model
from ranklet_features import FeaturePlan, FeatureSpec

HERE = Path(__file__).parent
SIZES = {"country_id": 4, "hour": 24, "item": 1024, "tag_ids": 256, "country_x_tag": 2048}


def log(rows: int, rng: np.random.Generator) -> dict[str, list]:
    """An access log as columns: what was shown to whom."""
    return {
        "user_id": rng.integers(1, 1000, rows).tolist(),
        "country": rng.choice(["de", "fr", "us", "nz"], rows).tolist(),
        "time": rng.integers(1_750_000_000, 1_760_000_000, rows).tolist(),
        "item_id": rng.integers(1, 500, rows).tolist(),
        "price": rng.uniform(1, 200, rows).round(2).tolist(),
        "tags": [rng.choice(["new", "sale", "red", "blue"], rng.integers(0, 4)).tolist() for _ in range(rows)],
    }


def logits(tensors: dict[str, np.ndarray], weights: dict[str, np.ndarray]) -> np.ndarray:
    """The model, in the trainer's own words: a sum of weights; -1 marks an empty place in a bag."""
    total = np.full(len(tensors["hour"]), weights["bias"][0], dtype=np.float64)
    total += tensors["price_log"][:, 0].astype(np.float64) * weights["w.price_log"][0]
    for name in SIZES:
        ids = tensors[name].reshape(len(total), -1)
        total += np.where(ids < 0, 0.0, weights[f"w.{name}"][ids].astype(np.float64)).sum(axis=1)
    return total


def fit(tensors: dict[str, np.ndarray], clicks: np.ndarray) -> dict[str, np.ndarray]:
    """Logistic regression by gradient descent."""
    epochs, rate = 20, 2.0
    weights = {"bias": np.zeros(1, np.float32), "w.price_log": np.zeros(1, np.float32)}
    weights |= {f"w.{name}": np.zeros(size, np.float32) for name, size in SIZES.items()}
    for _ in range(epochs):
        error = (1 / (1 + np.exp(-logits(tensors, weights))) - clicks) * rate / len(clicks)
        weights["bias"] -= np.float32(error.sum())
        weights["w.price_log"] -= np.float32(error @ tensors["price_log"][:, 0] / 10)
        for name in SIZES:
            ids = tensors[name].reshape(len(clicks), -1)
            row, place = np.nonzero(ids >= 0)
            np.subtract.at(weights[f"w.{name}"], ids[row, place], error[row].astype(np.float32))
    return weights


def main() -> None:
    rng = np.random.default_rng(1)
    described = model.load(HERE)
    plan = FeaturePlan.compile(FeatureSpec(described.inputs, described.features), HERE, {})
    shown = log(5000, rng)
    clicks = (rng.random(5000) < 0.2 + 0.3 * (np.array(shown["price"]) < 50)).astype(float)
    weights = fit(plan.assemble_columns(shown).tensors, clicks)

    (HERE / "export").mkdir(exist_ok=True)
    np.savez(HERE / "export" / "weights.npz", **weights)
    with (HERE / "golden.jsonl").open("w") as file:
        for count in (1, 2, 5, 20, 100):
            rows = log(count, rng)
            rows |= {name: rows[name][:1] * count for name in ("user_id", "country", "time")}
            scores = 1 / (1 + np.exp(-logits(plan.assemble_columns(rows).tensors, weights)))
            request = {
                "user": {"user_id": rows["user_id"][0], "country": rows["country"][0]},
                "context": {"time": rows["time"][0]},
                "items": {name: rows[name] for name in ("item_id", "price", "tags")},
            }
            print(json.dumps({"request": request, "scores": scores.tolist()}), file=file)


if __name__ == "__main__":
    main()
