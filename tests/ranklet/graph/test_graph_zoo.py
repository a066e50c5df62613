"""A zoo of ranking models from torch, by both exporters: the compiled graphs give the uncut graph's scores.

The quick ones run always where torch is; all of them, compiled and timed in full, with `-m slow`.
"""

from __future__ import annotations

import pytest
from graph_hand import accepted, accepted_rest, load, three

from ranklet.graph.compiler import compile
from ranklet.graph.records import Options

pytest.importorskip("torch.nn")  # a folder of tests is called torch
pytest.importorskip("onnxscript")

from graph_zoo import ZOO, export

QUICK = ("two-tower", "wide-deep", "din")
EXPORTERS = ("dynamo", "legacy")
pytestmark = pytest.mark.filterwarnings("ignore")  # the exporters warn of their own parts


@pytest.mark.parametrize("name", QUICK)
def test_split_of_a_torch_model_gives_its_scores(name):
    content, sides = export(name, "legacy")
    for variant in ("A", "B"):
        found = three(content, sides, variant)
        assert accepted(content, sides, found).worst <= 1e-5
        assert accepted_rest(content, sides, found).worst <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", ZOO)
def test_compiled_zoo_gives_the_scores(name, exporter):
    content, sides = export(name, exporter)
    done = compile(load(content), sides, Options(mode="force", candidates=(3,), cut_rows=500, row_bytes=1 << 16))
    assert done.report.shipped != "uncut", done.report.reason
    assert done.report.trials >= 12
    assert done.report.worst <= 1e-5
    only = done.report.shipped
    few = compile(load(content), sides, Options(only=only, below=4, cut_rows=500, row_bytes=1 << 16))
    assert few.rest is not None, few.report.reason
    assert few.report.trials > done.report.trials and few.report.worst <= 1e-5
