"""What importing the handler and answering a request imports: every module more is a slower cold start.

The list below is the guard. Whoever makes it longer says there what the module is worth.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invocations_kit import npy
from runtime_kit import (
    ONNX_REQUEST,
    REQUEST,
    document,
    event,
    predict,
    rank,
    rank_packed,
    table,
    write_bundle,
    write_onnx_bundle,
)

OURS = {"ranklet_features", "ranklet_runtime"}

STANDARD = {
    "__future__", "atexit", "binascii", "copy", "dataclasses", "functools", "importlib", "itertools", "json", "math",
    "gc", "signal", "threading", "typing", "zlib",
    # numpy.savez files are zip archives; zipfile brings these.
    "zipfile", "shutil", "bz2", "_bz2", "lzma", "_lzma", "_compression", "encodings", "errno", "fnmatch", "struct",
    # numpy.lib.format maps files.
    "mmap",
    "_json", "pwd", "grp", "glob", "ntpath",
}  # fmt: skip

# What came in base64 is decoded 30 times faster, which is worth its 2 ms at the first such body.
BASE64 = {"pybase64"} if sys.version_info >= (3, 12) else set[str]()

# Numbers of JSON become arrays without an object each; imported for the second request, 2 ms.
SIMDJSON = {"csimdjson", "_cython_3_1_2"}

NEVER = {
    "asyncio", "aws_lambda_powertools", "awslambdaric", "boto3", "botocore", "jmespath", "onnx", "pandas", "polars",
    "pydantic", "ranklet", "requests", "simplejson", "sqlite3", "torch", "typing_extensions", "unittest", "urllib3",
    "xml",
}  # fmt: skip

# Counted from what the runtime stands on, with whatever that imports itself.
SCRIPT = textwrap.dedent("""
    import json, sys
    import numpy, orjson, msgpack, pathlib
    before = set(sys.modules)
    import ranklet_runtime.handler as entry
    statuses = [entry.handler(event, None)["statusCode"] for event in json.load(open(sys.argv[1]))]
    after = set(sys.modules)
    found = {"statuses": statuses, "new": sorted(after - before), "all": sorted(after)}
    sys.stderr.write(json.dumps(found))
""")


def imported(folder: Path, bundle: Path, events: list[Any], **environ: str) -> dict[str, Any]:
    """What a fresh process has imported after INIT and these events."""
    (folder / "events.json").write_text(json.dumps(events))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder / "events.json")],
        env={**os.environ, "LAMBDA_TASK_ROOT": str(bundle), **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return found


def tops(names: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


EVENTS = [rank(REQUEST), rank_packed(REQUEST), rank("{"), predict({"inputs": {"age": [31], **REQUEST["items"]}})]


def test_numpy_model_imports_only_what_is_listed(tmp_path: Path) -> None:
    found = imported(tmp_path, write_bundle(tmp_path / "bundle"), EVENTS)
    assert found["statuses"] == [200, 200, 400, 200]
    assert tops(found["new"]) - OURS - STANDARD == {"numpy", *BASE64, *SIMDJSON}
    assert {name for name in found["new"] if name.startswith("numpy")} <= {
        "numpy._typing._add_docstring",
        "numpy.typing",
    }
    assert not tops(found["all"]) & (NEVER | {"onnxruntime"})


def test_bodies_of_text_do_not_import_what_decodes_base64(tmp_path: Path) -> None:
    found = imported(tmp_path, write_bundle(tmp_path / "bundle"), [rank(REQUEST), rank("{")])
    assert found["statuses"] == [200, 400]
    assert "pybase64" not in found["all"]


def test_onnx_model_adds_onnxruntime_alone(tmp_path: Path) -> None:
    found = imported(tmp_path, write_onnx_bundle(tmp_path / "bundle"), [rank(ONNX_REQUEST)])
    assert found["statuses"] == [200]
    assert tops(found["new"]) - OURS - STANDARD <= {"numpy", "onnxruntime", "platform", "warnings"}
    assert "onnxruntime" in found["all"]
    assert not tops(found["all"]) & NEVER


def test_dynamodb_table_adds_no_library(tmp_path: Path) -> None:
    manifest = document(tables={"films": table(placement="dynamodb")}, limits={"deadline_ms": 100})
    environ = {
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
    }
    found = imported(tmp_path, write_bundle(tmp_path / "bundle", manifest), [rank(REQUEST)], **environ)
    assert found["statuses"] == [200]
    assert not tops(found["all"]) & (NEVER | {"onnxruntime"})


@pytest.mark.parametrize("name", ["native", "tfserving"])
def test_dialect_that_is_not_served_is_not_imported(tmp_path: Path, name: str) -> None:
    other = ({"native", "tfserving"} - {name}).pop()
    found = imported(tmp_path, write_bundle(tmp_path / "bundle", document(dialects=[other])), [])
    assert f"ranklet_runtime.dialects.{name}" not in found["new"]
    assert f"ranklet_runtime.dialects.{other}" in found["new"]


def test_tables_of_other_protocols_import_the_csv_module_alone(tmp_path: Path) -> None:
    """And that only where something is quoted."""
    table = b"age,country,hour,id,price,rating\n31,%s,20,10,2.5,4.5\n"
    array = npy(np.array([(31, 10, 2.5)], [("age", "<i8"), ("id", "<i8"), ("price", "<f8")]))
    bodies = [(table % b"fr", "text/csv"), (array, "application/x-npy"), (table % b'"fr"', "text/csv")]
    for number, (body, kind) in enumerate(bodies):
        (tmp_path / str(number)).mkdir()
        bundle = write_bundle(tmp_path / f"bundle-{number}", document(dialects=["sagemaker"]))
        found = imported(tmp_path / str(number), bundle, [event("/invocations", body, content_type=kind)])
        assert found["statuses"] == [200]
        assert tops(found["new"]) - OURS - STANDARD - BASE64 == {"numpy", *({"csv", "_csv"} if b'"' in body else ())}
        assert not tops(found["all"]) & (NEVER | {"onnxruntime"})


def test_threads_are_set_before_numpy_is_imported(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, sys
        class Watch:
            def find_spec(self, name, path=None, target=None):
                if name == "numpy":
                    print(os.environ.get("OMP_NUM_THREADS"), os.environ.get("OPENBLAS_NUM_THREADS"), flush=True)
        sys.meta_path.insert(0, Watch())
        import ranklet_runtime.handler
    """)
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environ["LAMBDA_TASK_ROOT"] = str(write_bundle(tmp_path / "bundle"))
    for given, wanted in (({}, "1 1"), ({"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "2"}, "3 2")):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**environ, **given},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.splitlines()[0] == wanted


def test_handler_is_short() -> None:
    import ranklet_runtime

    source = Path(ranklet_runtime.__path__[0], "handler.py").read_text()
    assert len(source.splitlines()) <= 33
