"""`fork-explorer`: everything the screens do, headless.

Results go to stdout, messages to stderr; bad input ends with exit code 2 and one line.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from core.cli import adapter, chains, findings, runs, serving
from core.cli.checking import check
from core.cli.claims import claims
from core.cli.classroom import classroom
from core.cli.compare import compare
from core.cli.distill_study import distill_study
from core.cli.distillation import distill
from core.cli.engine import engine
from core.cli.evaluation import evaluate
from core.cli.expansion import align, expand
from core.cli.export import export
from core.cli.files import say
from core.cli.getting import get
from core.cli.imports import import_rollouts
from core.cli.interventions import interventions
from core.cli.launching import check_launched, with_the_others
from core.cli.lesson import lesson
from core.cli.models import download, model
from core.cli.notes import notes
from core.cli.overruling import overrule
from core.cli.paper_table import paper_table
from core.cli.problems import problems
from core.cli.prompt import prompt
from core.cli.protocol import protocol
from core.cli.study import study
from core.cli.thresholds import thresholds
from core.cli.training import rollouts, train
from core.cli.words import words
from core.errors import ExplorerError
from core.system.environment import versions

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="See where a language model's reasoning forks, and force another token.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(versions()["decision-fork-explorer"])
        raise typer.Exit


@app.callback()
def _program(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    check_launched(ctx.invoked_subcommand)


app.command()(serving.app)
app.command()(classroom)
app.command()(chains.generate)
app.command()(chains.force)
app.command()(chains.score)
app.command()(prompt)
app.command()(check)
app.command()(overrule)
app.command()(notes)
app.command()(findings.find_fix)
app.command()(findings.pivotality)
app.command()(expand)
app.command()(align)
app.command()(thresholds)
app.command()(interventions)
app.command()(compare)
app.command()(evaluate)
app.command()(protocol)
app.command()(rollouts)
app.command()(train)
app.command()(study)
app.command()(distill)
app.command()(distill_study)
app.command()(words)
app.command()(paper_table)
app.command()(claims)
app.command()(lesson)
app.command()(model)
app.command()(download)
app.command()(get)
app.command()(engine)
app.command()(problems)
app.command()(export)
app.command("import")(import_rollouts)
app.add_typer(adapter.app, name="adapter")
app.add_typer(runs.app, name="runs")


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # tokens are any text at all
    sys.exit(with_the_others(_exit_code))


def _exit_code() -> int:
    """Carry out the command line; says what is wrong with it."""
    try:
        return app(standalone_mode=False) or 0
    except ExplorerError as error:
        say(str(error))
        return 2
    except typer.Exit as end:
        return end.exit_code
    except (typer.Abort, KeyboardInterrupt):
        say("Cancelled.")
        return 130
    except Exception as error:
        if not hasattr(error, "format_message"):  # an error of typer's own parser
            raise
        say(f"{error.format_message()} See `fork-explorer --help`.")
        return 2
