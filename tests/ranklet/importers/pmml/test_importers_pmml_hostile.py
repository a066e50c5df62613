"""PMML files that would do harm, or are damaged, are refused in words, without a path of the machine."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pmml_kit as kit
import pytest
from pmml_writing import derived, file, tag
from pmml_writing import test as simple

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers import pmml
from ranklet.importers.pmml import diagrams, sources
from ranklet.importers.proposal import Wishes

PLAIN = tag("RegressionTable", tag("NumericPredictor", name="x", coefficient=2), intercept=1)
TEXT = file("RegressionModel", "regression", PLAIN, fields="x")
LAUGHS = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))


def refused(content: str | bytes, folder: Path) -> str:
    path = folder / "model.pmml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ImportRefused) as caught:
        pmml.propose(path, Wishes())
    assert str(folder) not in str(caught.value)
    assert len(str(caught.value)) < 700
    return str(caught.value)


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE PMML>",
        '<!DOCTYPE PMML SYSTEM "http://example.invalid/pmml.dtd">',
        '<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        f'<!DOCTYPE PMML [<!ENTITY l0 "ha">{LAUGHS}]>',
    ],
)
def test_document_types_and_entities_are_refused(doctype: str, tmp_path: Path) -> None:
    content = doctype + TEXT.replace("<Header/>", "<Header>&l9;</Header>")
    assert "line 1: has a document type" in refused(content, tmp_path)


def test_an_unknown_entity_is_refused(tmp_path: Path) -> None:
    assert "no XML (undefined entity)" in refused(TEXT.replace("<Header/>", "<Header>&x;</Header>"), tmp_path)


@pytest.mark.parametrize(
    "content", ["", "<", "<PMML", "PMML", "{}", "<html/>", "\0" * 100, "<PMML/>", "<a><PMML/></a>"]
)
def test_what_is_no_pmml_is_refused(content: str, tmp_path: Path) -> None:
    refused(content, tmp_path)


def test_other_versions_are_refused(tmp_path: Path) -> None:
    assert "version '5.0'" in refused(TEXT.replace('version="4.4"', 'version="5.0"'), tmp_path)
    assert "namespace" in refused(TEXT.replace("www.dmg.org", "example.invalid"), tmp_path)


@pytest.mark.parametrize("element", ["Extension", "Node", "Apply", "Segmentation"])
def test_what_is_nested_too_deep_is_refused(element: str, tmp_path: Path) -> None:
    deep = f"<{element}>" * 100_000 + f"</{element}>" * 100_000
    assert "lies below 2000 others" in refused(TEXT.replace("<Header/>", f"<Header>{deep}</Header>"), tmp_path)


def test_expressions_that_are_nested_deep_are_refused(tmp_path: Path) -> None:
    body = '<FieldRef field="x"/>'
    for _ in range(900):
        body = f'<Apply function="abs">{body}</Apply>'
    content = file("RegressionModel", "regression", PLAIN.replace('"x"', '"e"'), derived=derived("e", body))
    assert "nested deeper than" in refused(content, tmp_path)


def test_trees_deeper_than_the_tree_core_takes_are_refused(tmp_path: Path) -> None:
    node = '<Node score="1"><True/></Node>'
    for at in range(900):
        node = f'<Node score="{at}"><True/><Node score="{at}">{simple("x", "lessThan", at)}</Node>{node}</Node>'
    assert "is more than 512 deep" in refused(file("TreeModel", "regression", node), tmp_path)


def test_fields_that_double_with_each_step_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_PARTS", 2_000)
    steps = derived("d0", '<FieldRef field="x"/>') + "".join(
        derived(f"d{at}", f'<Apply function="+"><FieldRef field="d{at - 1}"/><FieldRef field="d{at - 1}"/></Apply>')
        for at in range(1, 60)
    )
    content = file("RegressionModel", "regression", PLAIN.replace('"x"', '"d59"'), derived=steps)
    assert "of more than" in refused(content, tmp_path)


def test_functions_that_double_with_each_step_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_CALLS", 2_000)
    functions = "".join(
        tag(
            "DefineFunction",
            f'<ParameterField name="a"/><Apply function="+"><Apply function="f{at + 1}"><FieldRef field="a"/></Apply>'
            f'<Apply function="f{at + 1}"><FieldRef field="a"/></Apply></Apply>',
            name=f"f{at}",
            optype="continuous",
        )
        for at in range(60)
    )
    last = tag("DefineFunction", '<ParameterField name="a"/><FieldRef field="a"/>', name="f60", optype="continuous")
    used = derived("e", '<Apply function="f0"><FieldRef field="x"/></Apply>')
    content = file(
        "RegressionModel", "regression", PLAIN.replace('"x"', '"e"'), transformations=functions + last + used
    )
    assert "of more than" in refused(content, tmp_path)


def test_what_is_made_of_itself_is_refused(tmp_path: Path) -> None:
    loop = derived("e", '<FieldRef field="g"/>') + derived("g", '<FieldRef field="e"/>')
    table = PLAIN.replace('"x"', '"e"')
    assert "made of itself" in refused(file("RegressionModel", "regression", table, derived=loop), tmp_path)
    calls = "".join(
        tag(
            "DefineFunction",
            f'<ParameterField name="a"/><Apply function="{other}"><FieldRef field="a"/></Apply>',
            name=one,
            optype="continuous",
        )
        for one, other in (("one", "two"), ("two", "one"))
    )
    used = derived("e", '<Apply function="one"><FieldRef field="x"/></Apply>')
    content = file("RegressionModel", "regression", table, transformations=calls + used)
    assert "which calls itself" in refused(content, tmp_path)


def test_huge_numbers_of_things_are_refused(tmp_path: Path) -> None:
    sparse = '<REAL-SparseArray n="1000000000000"><Indices>1</Indices><REAL-Entries>1</REAL-Entries></REAL-SparseArray>'
    vectors = tag(
        "VectorDictionary", '<VectorFields><FieldRef field="x"/></VectorFields>' + tag("VectorInstance", sparse, id="v")
    )
    machine = "<SupportVectorMachine><Coefficients/></SupportVectorMachine>"
    body = "<LinearKernelType/>" + vectors + machine
    assert "1000000000000" in refused(file("SupportVectorMachineModel", "regression", body), tmp_path)
    clusters = tag("Cluster", '<Array n="99999999999" type="real">1</Array>', id="1")
    body = '<ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure><ClusteringField field="x"/>' + clusters
    assert "99999999999" in refused(file("ClusteringModel", "clustering", body, target=None), tmp_path)


def test_predicates_that_double_with_each_part_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagrams, "MAX_NODES", 10_000)
    parts = "".join(simple("x", "lessThan", at) for at in range(40))
    xor = f'<CompoundPredicate booleanOperator="xor">{parts}</CompoundPredicate>'
    body = tag("Node", "<True/>" + tag("Node", xor, score=1) + tag("Node", "<True/>", score=2))
    assert "tests" in refused(file("TreeModel", "regression", body), tmp_path)


@pytest.mark.parametrize("value", ["NaN", "INF", "1e999", "1_0", "", "one"])
def test_a_number_that_is_none_is_refused(value: str, tmp_path: Path) -> None:
    content = TEXT.replace('coefficient="2"', f'coefficient="{value}"')
    assert "line 1: <NumericPredictor> has coefficient" in refused(content, tmp_path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    content = kit.stored("s_xgb2").text
    for size in range(1, len(content), len(content) // 40):
        refused(content[:size].rstrip()[: size - 1] if size > 1 else b"<", tmp_path)


@pytest.mark.parametrize("name", ["s_xgb2", "s_tree", "mining_missing_sum_skipSegment_1", "card_complex", "svm_rbf_one",
                                  "bayes_all_001", "knn_ids", "s_imputed_logistic", "nn_3_softmax", "glm_ordinal_logit",
                                  "cluster_told", "rules_weightedSum_nested_none", "text_s_sublinear", "text_groups",
                                  "text_allHits_false_near2", "tree_aggregate_deep", "tree_weighted_surrogate",
                                  "svm_rbf_shares", "rules_sure_weightedSum_default"])  # fmt: skip
def test_damaged_files_are_refused_in_words_or_read_as_what_they_say(name: str, tmp_path: Path) -> None:
    text, chance = kit.stored(name).text.decode(), random.Random(name)
    path = tmp_path / "model.pmml"
    for _ in range(40):
        path.write_text(damaged(text, chance))
        try:
            importers.propose("pmml", path, Wishes())
        except ImportRefused as error:
            assert str(tmp_path) not in str(error)


def damaged(text: str, chance: random.Random) -> str:
    """An attribute without its value, or with another's; an element gone, twice, or by another name."""
    for _ in range(chance.randint(1, 3)):
        how = chance.randrange(5)
        if how < 2:
            found = chance.choice(list(re.finditer(r'([\w-]+)="([^"]*)"', text)))
            value = chance.choice(
                ("", "-1", "0", "1e400", "NaN", "x", "zzz", "99999999", *re.findall(r'="([^"]*)"', text))
            )
            text = text[: found.start()] + (f'{found[1]}="{value}"' if how else "") + text[found.end() :]
        elif how < 4:
            found = chance.choice(list(re.finditer(r"<(\w+)[^<>]*/>", text)))
            text = text[: found.start()] + (found[0] * 2 if how == 2 else "") + text[found.end() :]
        else:
            found = chance.choice(list(re.finditer(r"<(\w+)([ />])", text)))
            other = chance.choice(re.findall(r"<(\w+)[ />]", text))
            text = re.sub(rf"(</?){found[1]}(?=[ />])", rf"\g<1>{other}", text)
    return text


def test_it_reads_nothing_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "other.xml").write_text("<x/>")
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="other.xml"/>'
    path = tmp_path / "model.pmml"
    path.write_text(TEXT.replace("<Header/>", f"<Header>{include}</Header>"))
    assert pmml.propose(path, Wishes()).tell  # as any element that no model looks at
