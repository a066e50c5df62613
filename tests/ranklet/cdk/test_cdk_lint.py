"""Templates as another program sees them."""

from __future__ import annotations

import subprocess
import sys

from cdk_project import Assembly

# The CDK makes a function wait for its role and the role's policy, although naming the role does half of it.
IGNORED = "W3005"


def test_cfn_lint_finds_nothing_in_any_template(assembly: Assembly) -> None:
    templates = sorted(map(str, assembly.folder.glob("*.template.json")))
    assert len(templates) == 4
    options = ["--ignore-checks", IGNORED, "--regions", "us-east-1", "eu-central-1", "--"]
    script = "import sys; from cfnlint.runner import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script, *options, *templates], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
