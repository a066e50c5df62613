"""Hand-written PMML files, a few words each: fields, a mining schema, and one model over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

BITS = '<Value value="0"/><Value value="1"/>'
FIELDS: Mapping[str, str] = {
    "x": '<DataField name="x" optype="continuous" dataType="double"/>',
    "z": '<DataField name="z" optype="continuous" dataType="double"/>',
    "w": '<DataField name="w" optype="continuous" dataType="double"/>',
    "i": '<DataField name="i" optype="continuous" dataType="integer"/>',
    **{
        name: f'<DataField name="{name}" optype="continuous" dataType="integer">{BITS}</DataField>'
        for name in ("m", "n", "o")
    },
    "c": '<DataField name="c" optype="categorical" dataType="string"/>',
    "d": '<DataField name="d" optype="categorical" dataType="string"/>',
    "b": '<DataField name="b" optype="categorical" dataType="boolean"/>',
    "y": '<DataField name="y" optype="continuous" dataType="double"/>',
    "k2": '<DataField name="k2" optype="categorical" dataType="string"><Value value="no"/><Value value="yes"/></DataField>',  # noqa: E501
    "k3": '<DataField name="k3" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/>'
    '<Value value="c"/></DataField>',
    "o3": '<DataField name="o3" optype="ordinal" dataType="string"><Value value="a"/><Value value="b"/>'
    '<Value value="c"/></DataField>',
    "o2": '<DataField name="o2" optype="ordinal" dataType="string"><Value value="no"/><Value value="yes"/></DataField>',
}
CLASSES: Mapping[str, Sequence[str]] = {"k2": ("no", "yes"), "o2": ("no", "yes"), "k3": "abc", "o3": "abc"}


def tag(name: str, body: str = "", /, **attributes: object) -> str:
    """An element; `_` behind an attribute's name is left out."""
    written = "".join(f' {key.rstrip("_").replace("__", "-")}="{value}"' for key, value in attributes.items())
    return f"<{name}{written}>{body}</{name}>" if body else f"<{name}{written}/>"


def schema(fields: str, target: str | None = None, **treatments: str) -> str:
    """fields: names apart by blanks. treatments: field → its further attributes, as they are written."""
    lines = [f'<MiningField name="{name}" {treatments.get(name, "")}/>' for name in fields.split()]
    lines += [f'<MiningField name="{target}" usageType="target"/>'] if target else []
    return f"<MiningSchema>{''.join(lines)}</MiningSchema>"


def model(
    kind: str,
    function: str,
    body: str,
    *,
    fields: str = "x z",
    target: str | None = "y",
    output: str = "",
    targets: str = "",
    derived: str = "",
    more: str = "",
    attributes: str = "",
    treatments: Mapping[str, str] | None = None,
) -> str:
    """One model element. more: its further attributes; body: what stands behind its schema."""
    inside = (
        schema(fields, target, **(treatments or {}))
        + (f"<Output>{output}</Output>" if output else "")
        + (f"<Targets>{targets}</Targets>" if targets else "")
        + (f"<LocalTransformations>{derived}</LocalTransformations>" if derived else "")
        + body
    )
    return f'<{kind} functionName="{function}" {more}{attributes}>{inside}</{kind}>'


def whole(
    made: str,
    *,
    fields: str = "x z",
    target: str | None = "y",
    version: str = "4.4",
    transformations: str = "",
    own: Mapping[str, str] | None = None,
) -> str:
    """A file. own: DataField elements other than FIELDS."""
    known = {**FIELDS, **(own or {})}
    names = [*fields.split(), *([target] if target else [])]
    data = "".join(known[name] for name in names)
    more = f"<TransformationDictionary>{transformations}</TransformationDictionary>" if transformations else ""
    return (
        f'<PMML xmlns="http://www.dmg.org/PMML-{version.replace(".", "_")}" version="{version}"><Header/>'
        f"<DataDictionary>{data}</DataDictionary>{more}{made}</PMML>"
    )


def file(
    kind: str,
    function: str,
    body: str,
    *,
    fields: str = "x z",
    target: str | None = "y",
    version: str = "4.4",
    transformations: str = "",
    own: Mapping[str, str] | None = None,
    **options: str,
) -> str:
    """A file of one model."""
    made = model(kind, function, body, fields=fields, target=target, **options)  # type: ignore[arg-type]
    return whole(made, fields=fields, target=target, version=version, transformations=transformations, own=own)


def chances(target: str, name: str = "p_{}") -> str:
    """Output fields with the probability of each class."""
    return "".join(
        tag(
            "OutputField",
            name=name.format(one),
            optype="continuous",
            dataType="double",
            feature="probability",
            value=one,
        )
        for one in CLASSES[target]
    )


def told(name: str, feature: str, kind: str = "string", body: str = "", /, **more: object) -> str:
    """One output field."""
    optype = "continuous" if kind in ("double", "integer") else "categorical"
    return tag("OutputField", body, name=name, optype=optype, dataType=kind, feature=feature, **more)


def test(field: str, operator: str, value: object = None) -> str:
    """A simple predicate."""
    more = {} if value is None else {"value": value}
    return tag("SimplePredicate", field=field, operator=operator, **more)


def inside(field: str, words: str, *, negated: bool = False) -> str:
    """A set predicate."""
    array = f'<Array type="string" n="{len(words.split())}">{words}</Array>'
    return tag("SimpleSetPredicate", array, field=field, booleanOperator="isNotIn" if negated else "isIn")


def compound(operator: str, *parts: str) -> str:
    """Several predicates in one."""
    return tag("CompoundPredicate", "".join(parts), booleanOperator=operator)


def derived(name: str, body: str, kind: str = "double") -> str:
    """A derived field."""
    optype = "continuous" if kind in ("double", "integer", "float") else "categorical"
    return tag("DerivedField", body, name=name, optype=optype, dataType=kind)
