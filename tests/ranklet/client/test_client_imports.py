"""A backend that calls pays for httpx, NumPy and msgpack, and for nothing of the build."""

import subprocess
import sys


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_it_imports_nothing_else_of_ranklet_and_nothing_heavy() -> None:
    names = set(_python("import sys, ranklet.client; print(*sys.modules)").split())
    assert {name for name in names if name.startswith("ranklet") and not name.startswith("ranklet.client")} == {
        "ranklet"
    }
    heavy = {"aws_cdk", "boto3", "botocore", "msgspec", "onnx", "onnxruntime", "orjson", "pandas", "trio"}
    assert not {name.partition(".")[0] for name in names} & heavy


def test_without_httpx_it_says_what_to_install() -> None:
    said = _python(
        "import sys\nsys.modules['httpx'] = None\ntry:\n    import ranklet.client\n"
        "except ModuleNotFoundError as error:\n    print(error)"
    )
    assert 'pip install -e ".[client]"' in said


def test_what_it_offers_is_typed_and_told() -> None:
    import ranklet.client

    for name in ranklet.client.__all__:
        assert vars(ranklet.client)[name].__doc__, name
