"""Templates as another program sees them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cdk_project import Assembly

# The CDK makes a function wait for its role and the role's policy, although naming the role does half of it.
IGNORED = "W3005"


def lint(folder: Path) -> None:
    """Hold every template of an assembly to cfn-lint."""
    templates = sorted(map(str, folder.glob("*.template.json")))
    options = ["--ignore-checks", IGNORED, "--regions", "us-east-1", "eu-central-1", "--"]
    script = "import sys; from cfnlint.runner import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script, *options, *templates], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_cfn_lint_finds_nothing_in_any_template(assembly: Assembly) -> None:
    assert len(list(assembly.folder.glob("*.template.json"))) == 4
    lint(assembly.folder)


def test_cfn_lint_finds_nothing_in_any_kind_of_api(doors_on_a_domain: Assembly) -> None:
    assert len(list(doors_on_a_domain.folder.glob("*.template.json"))) == 9
    lint(doors_on_a_domain.folder)
