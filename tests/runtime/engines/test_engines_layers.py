"""Every engine gives the same bits with the layers as they are packed as with the libraries as they are installed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
from layers_kit import alone
from test_engines_conformance import CASES

from ranklet_runtime.engines import ENGINES, open_engine
from ranklet_runtime.manifest import Step

SCRIPT = """
import hashlib, json, sys
from pathlib import Path
import numpy as np
assert "numpy.random" not in sys.modules and not Path(np.__path__[0], "random").exists()
from ranklet_runtime.engines import open_engine
from ranklet_runtime.manifest import Step
folder, told = Path(sys.argv[1]), {}
for number, fields in enumerate(json.loads((folder / "steps.json").read_text())):
    engine = open_engine(Step(**fields), folder, threads=1)
    given = np.load(folder / f"{number}.given.npz")
    outputs = engine.run({name: given[name] for name in given.files})
    told[number] = {name: hashlib.sha256(value.tobytes()).hexdigest() for name, value in outputs.items()}
print(json.dumps(told))
"""


def test_every_engine_gives_the_same_bits_with_the_packed_layers(tmp_path: Path) -> None:
    steps, expected = [], {}
    for number, (name, case) in enumerate(CASES.items()):
        artefact = None
        if case.graph is not None:
            artefact = f"{number}.onnx"
            (tmp_path / artefact).write_bytes(case.graph.SerializeToString())
        elif case.arrays:
            artefact = f"{number}.npz"
            np.savez(tmp_path / artefact, **case.arrays)
        wired = {tensor: tensor for tensor in (*case.user, *case.item)}
        outputs = {"score": "s", "logit": "l"}
        step = Step(name.split(" ")[0], "item", wired, outputs, artefact, options=case.options)
        tensors = case.tensors(17, users=1, items=33)
        np.savez(tmp_path / f"{number}.given.npz", **tensors)
        found = open_engine(step, tmp_path, threads=1).run(tensors)
        expected[str(number)] = {name: hashlib.sha256(value.tobytes()).hexdigest() for name, value in found.items()}
        steps.append(dataclasses.asdict(step))
    (tmp_path / "steps.json").write_text(json.dumps(steps))
    assert {step["engine"] for step in steps} == set(ENGINES)
    assert json.loads(alone(["features", "inference", "onnx"], SCRIPT, str(tmp_path))) == expected
