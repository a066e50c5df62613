"""The command line: `ranklet COMMAND`.

Commands are imported when used, so that `ranklet --help` is quick and a missing optional library fails only the
command that needs it. Results go to stdout (JSON alone with `--json`), progress and warnings to stderr. Exit codes:
0 done; 2 wrong usage or model.toml; the others stand in `ranklet.errors`, one per class of error.
"""

from __future__ import annotations

import importlib
import sys

import click

from ranklet.errors import RankletError

COMMANDS = {
    "new": ("ranklet.cli.new:new", "Make a folder for a model of one's own."),
    "import": ("ranklet.cli.import_:import_", "Make a folder for an exported model."),
    "build": ("ranklet.cli.build:build", "Bundle models and prove their scores."),
    "serve": ("ranklet.cli.serve:serve", "Run the cloud on this machine."),
    "invoke": ("ranklet.cli.invoke:invoke", "Put one event through one function."),
    "deploy": ("ranklet.cli.deploy:deploy", "Build, push, deploy, and ask what was deployed."),
    "rollback": ("ranklet.cli.rollback:rollback", "Go back to the version before."),
    "status": ("ranklet.cli.status:status", "Show what is deployed."),
    "destroy": ("ranklet.cli.destroy:destroy", "Take a model away again."),
    "tables": ("ranklet.cli.tables:tables", "Write, list, check and prune embedding tables."),
    "items": ("ranklet.cli.items:items", "Add and remove items of a model that finds some, without a build."),
    "demo": ("ranklet.cli.demo:demo", "Go the whole way on real models."),
    "evaluate": ("ranklet.cli.evaluate:evaluate", "Tell how good a funnel is, and each of its stages."),
    "estimate": ("ranklet.cli.estimate:estimate", "Tell what a model costs, before it is deployed."),
    "sbom": ("ranklet.cli.sbom:sbom", "List what a model ships, for auditors."),
    "split": ("ranklet.cli.split:split", "Tell how a graph is split, and why."),
    "bench": ("ranklet.cli.bench:bench", "Measure what it costs, beside what it replaces."),
    "load": ("ranklet.cli.load:load", "Send requests at a fixed rate, and tell how long they took."),
    "doctor": ("ranklet.cli.doctor:doctor", "Say what this machine lacks."),
}
"""Command name → where it is, and its line in `ranklet --help`; imported when used."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table above: click would import every command for its help line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ranklet")
def ranklet() -> None:
    """One recommendation model, one AWS Lambda function.

    \b
    ranklet demo                      the whole way, on real models
    ranklet new my-ranker             a folder for a model of your own
    ranklet import m.onnx --name x    a folder for a model that you exported
    ranklet build my-ranker           bundle it and prove its scores
    ranklet serve                     the cloud on this machine
    ranklet deploy my-ranker          into your own AWS account
    ranklet doctor                    what this machine lacks
    """


def main() -> None:
    """Run the command line; a `RankletError` becomes its message and its exit code."""
    try:
        ranklet.main(standalone_mode=True)
    except RankletError as error:
        click.echo(f"ranklet: {error}", err=True)
        sys.exit(error.exit_code)
