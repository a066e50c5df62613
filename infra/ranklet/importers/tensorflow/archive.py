"""What a SavedModel is made of, before TensorFlow loads it: loading runs initialisers, and operations can reach files.

Operations without state are let through, all but those that read files or call Python; of the stateful ones only
variables, tables, calls and the savers'. Savers write files: nothing that loading or scoring runs may lead to one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers import files

REACHING = {"ReadFile", "MatchingFiles", "WriteFile", "PyFuncStateless", "CopyHost", "DebugIdentityV2"}
"""Operations without state, as TensorFlow has it, that reach outside the graph all the same."""

STATEFUL = {
    *("VarHandleOp", "ReadVariableOp", "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"),
    *(
        "VarIsInitializedOp",
        "DisableCopyOnRead",
        "Variable",
        "VariableV2",
        "ResourceGather",
        "ResourceGatherNd",
        "DestroyResourceOp",
    ),
    *("HashTable", "HashTableV2", "MutableHashTableV2", "AnonymousHashTable", "AnonymousMutableHashTable"),
    *("LookupTableFindV2", "LookupTableSizeV2", "LookupTableExportV2", "LookupTableImportV2", "LookupTableInsertV2"),
    *("LookupTableRemoveV2", "LookupTableFind", "LookupTableSize", "InitializeTable", "InitializeTableV2"),
    *("InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "IsVariableInitialized"),
    *("PartitionedCall", "StatefulPartitionedCall", "If", "While", "Case", "Assert", "NoOp", "Placeholder"),
    *("RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt", "StatefulUniform"),
    *("SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename", "Save", "Restore"),
}
STATEFUL_FAMILIES = ("ResourceApply", "ResourceSparseApply", "ResourceScatter")
WRITING = {"SaveV2", "MergeV2Checkpoints", "Save", "SaveSlices"}
STARTS = ("saved_model_main_op", "legacy_init_op")
ASSETS = "saved_model_assets"
FROM_FILE = {"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"}


def read(path: Path) -> Any:
    """The MetaGraphDef that serves. TensorFlow must be there.

    Raises ImportRefused for a damaged file, an operation that is not let through, and files outside the folder.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(files.read(path, "saved_model.pb"))
    except (DecodeError, RecursionError) as error:
        raise ImportRefused(f"{path.name}/saved_model.pb is damaged: {error}; export the model again") from error
    for graph in saved.meta_graphs:
        _check_operations(graph)
        _check_files(graph, path)
        _check_writing(graph)
    for graph in saved.meta_graphs:
        if "serve" in graph.meta_info_def.tags:
            return graph
    tags = [sorted(graph.meta_info_def.tags) for graph in saved.meta_graphs]
    raise ImportRefused(f"{path.name} has no graph tagged serve, only {tags}; export it for serving")


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def


def _check_operations(graph: Any) -> None:
    from tensorflow.python.framework import op_def_registry

    own = {function.signature.name for function in graph.graph_def.library.function}
    for node in _nodes(graph):
        known = op_def_registry.get(node.op)
        if known is None and node.op in own:
            continue
        if known is None:
            raise ImportRefused(f"{node.op} {node.name!r} is no operation of TensorFlow itself: custom ones do not run")
        free = not known.is_stateful and node.op not in REACHING and "PyFunc" not in node.op
        if not free and node.op not in STATEFUL and not node.op.startswith(STATEFUL_FAMILIES):
            raise ImportRefused(
                f"{node.op} {node.name!r} reaches outside the graph (files, Python, devices): it is not run; export "
                "the model without it"
            )


def _check_files(graph: Any, path: Path) -> None:
    for found in sorted(path.rglob("*")):
        if found.is_symlink() or not found.is_dir():
            files.resolve(path, str(found.relative_to(path)))
    assets = _assets(graph, path)
    for asset in assets:
        if "/" in asset.filename or "\\" in asset.filename:
            raise ImportRefused(f"asset {asset.filename!r} is not a plain name in {path.name}/assets/")
        files.resolve(path, f"assets/{asset.filename}")
    fed = {asset.tensor_info.name.split(":")[0] for asset in assets}
    for nodes in (graph.graph_def.node, *(one.node_def for one in graph.graph_def.library.function)):
        constants = {node.name for node in nodes if node.op == "Const"}
        for node in nodes:
            if node.op in FROM_FILE and node.input[1].split(":")[0] in constants - fed:
                raise ImportRefused(f"{node.op} {node.name!r} reads a file that is none of the model's assets")


def _assets(graph: Any, path: Path) -> list[Any]:
    """Where TF 2 keeps them and where TF 1 did."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import meta_graph_pb2

    found = list(graph.asset_file_def)
    for packed in graph.collection_def[ASSETS].any_list.value if ASSETS in graph.collection_def else ():
        asset = meta_graph_pb2.AssetFileDef()
        try:
            asset.ParseFromString(packed.value)
        except DecodeError as error:
            raise ImportRefused(f"{path.name}/saved_model.pb: an asset's record is damaged: {error}") from error
        found.append(asset)
    return found


def _check_writing(graph: Any) -> None:
    """Nothing that loading or scoring starts may save."""
    starts = [
        name for key in STARTS if key in graph.collection_def for name in graph.collection_def[key].node_list.value
    ]
    starts += [one.name for sign in graph.signature_def.values() for one in sign.outputs.values()]
    starts.append(graph.saver_def.restore_op_name)
    nodes = {node.name: node for node in graph.graph_def.node}
    functions = {one.signature.name: one for one in graph.graph_def.library.function}
    left = [nodes[name] for name in map(_plain, starts) if name in nodes]
    left += [node for name in graph.object_graph_def.concrete_functions for node in _body(functions, name)]
    seen: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.op in WRITING:
            raise ImportRefused(f"{node.op} {node.name!r} would write a file when the model is loaded or scores")
        left += [nodes[name] for name in map(_plain, node.input) if name in nodes]
        for attr in node.attr.values():
            for name in (attr.func.name, *(one.name for one in attr.list.func)):
                left += _body(functions, name)
        left += _body(functions, node.op)


def _body(functions: Any, name: str) -> list[Any]:
    return list(functions[name].node_def) if name in functions else []


def _plain(name: str) -> str:
    return name.lstrip("^").split(":")[0]
