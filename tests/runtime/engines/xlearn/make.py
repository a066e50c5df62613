"""Writes the files beside it: data, models as text, and xLearn's own predictions (probabilities) for the same rows.

Run in this folder with xlearn 0.40a1 installed and USER set in the environment. Not run by the tests: the
package is no longer maintained and has no wheel, its answers are kept instead.
Rows hold two ids of one field (4-8 and 9-11 are both of field 1) and a number (id 12).
"""

import random
from pathlib import Path

import xlearn

random.seed(1)


def row() -> str:
    user, movie, genre, price = random.randrange(4), 4 + random.randrange(5), 9 + random.randrange(3), random.random()
    liked = int(random.random() < 0.2 + 0.15 * user)
    return f"{liked} 0:{user}:1 1:{movie}:1 1:{genre}:1 2:12:{price:.3f}\n"


Path("data.ffm").write_text("".join(row() for _ in range(40)))
for kind, make in {"linear": xlearn.create_linear, "fm": xlearn.create_fm, "ffm": xlearn.create_ffm}.items():
    for norm in ("raw", "normed"):
        model = make()
        model.setTrain("data.ffm")
        model.setTXTModel(f"{kind}-{norm}.model.txt")
        if norm == "raw":
            model.disableNorm()
        model.fit({"task": "binary", "lr": 0.3, "lambda": 0.0002, "k": 4, "epoch": 30}, "model.bin")
        model.setTest("data.ffm")
        model.setSigmoid()
        model.predict("model.bin", f"{kind}-{norm}.predictions.txt")
for left in (Path("model.bin"), *Path().glob("*.ffm.bin")):
    left.unlink(missing_ok=True)
