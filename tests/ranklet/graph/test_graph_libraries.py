"""Models of torch-rechub and deepctr-torch, by both exporters: the compiled graphs give the uncut graph's scores.

Their pins clash with torch's present: `pip install --no-deps deepctr-torch torch-rechub`, and tqdm.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from graph_hand import load

from ranklet.graph.compiler import compile
from ranklet.graph.records import Options

NEEDED = ("torch", "onnxscript", "pandas", "tqdm", "sklearn", "deepctr_torch", "torch_rechub")
EXPORTERS = ("dynamo", "legacy")
NAMES = (
    "deepctr-wdl", "deepctr-deepfm", "deepctr-xdeepfm", "deepctr-dcn", "deepctr-dcn-matrix", "deepctr-autoint",
    "deepctr-fibinet", "deepctr-nfm", "deepctr-din", "rechub-widedeep", "rechub-deepfm", "rechub-dcn", "rechub-dcnv2",
    "rechub-autoint", "rechub-fibinet", "rechub-dssm", "rechub-mmoe", "rechub-din", "rechub-bst",
)  # fmt: skip
REFUSED = ("deepctr-dcnmix",)
"""It squeezes the batch away at N = 1, where its scores are not its own any more."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(absent := [name for name in NEEDED if not find_spec(name)], reason=f"absent: {absent}"),
    pytest.mark.filterwarnings("ignore"),  # the libraries and exporters warn of their own parts
]
FAST = Options(mode="force", candidates=(3,), row_bytes=1 << 16)


def test_every_model_is_tried() -> None:
    from graph_libraries import LIBRARIES

    assert set(LIBRARIES) == {*NAMES, *REFUSED}


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", NAMES)
def test_compiled_model_gives_its_scores(name: str, exporter: str) -> None:
    from graph_libraries import LIBRARIES

    content, sides = LIBRARIES[name](exporter)
    done = compile(load(content), sides, FAST)
    assert done.report.shipped != "uncut", done.report.reason
    assert done.report.trials >= 12
    assert done.report.worst <= 1e-5


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", REFUSED)
def test_model_that_breaks_at_one_candidate_is_refused_with_the_reason(name: str, exporter: str) -> None:
    from graph_libraries import LIBRARIES

    content, sides = LIBRARIES[name](exporter)
    done = compile(load(content), sides, FAST)
    assert done.report.shipped == "uncut" and "the uncut graph itself refuses N = 1" in done.report.reason
