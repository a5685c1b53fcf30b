"""`fork-explorer claims`: findings of the papers, checked on a model by its runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.claims_listing import show_claims
from core.cli.claims_measuring import Measuring, report_of
from core.cli.files import check_writable, given_problems, say, write_out, write_result
from core.cli.option_groups import grouped
from core.cli.options import (
    LoadOptions,
    OutputOptions,
    ProblemOptions,
    RunsDir,
    path_option,
)
from core.errors import ExplorerError, FileError
from core.models.spec import DEMO
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.claims.scope import ProblemSet, Scope
    from core.models.spec import ModelSpec
    from core.runs.runs_folder import RunsFolder

_REPORTS = (".html", ".htm", ".md")


@dataclass(frozen=True)
class Wanted:
    """Which claims, and what is done about those that aren't measured."""

    adapter: Annotated[
        Path | None, path_option(help="Folder of a LoRA adapter, as part of the model.")
    ] = None
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Folder of an adapter for the model, or a model of the same vocabulary.",
            show_default="demo-teacher for the demo",
        ),
    ] = None
    train_problems: Annotated[
        Path | None,
        path_option(
            "--train-problems",
            help="Problems to learn from; those that belong to the set when not given.",
        ),
    ] = None
    rows: Annotated[
        str | None, typer.Option(metavar="ID,ID", help="Only these claims, by their ids.")
    ] = None
    size: Annotated[
        str, typer.Option(help="How much is measured: quick, or full, which takes longer.")
    ] = "quick"
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Measure what is missing, run after run; stopped or killed, it continues where "
            "it was.",
        ),
    ] = False
    report: Annotated[
        Path | None,
        path_option("--report", metavar="FILE", help="Write a report, .html or .md."),
    ] = None


@grouped
def claims(
    model: Annotated[
        str,
        typer.Argument(help='"demo", "smollm2", a model folder, a .gguf file, or a hub id.'),
    ],
    wanted: Wanted,
    problems: ProblemOptions,
    load: LoadOptions,
    runs_dir: RunsDir = None,
    *,
    output: OutputOptions,
) -> None:
    """Check the papers' findings on a model: holds, does not hold, can't tell, not measured.

    Every figure is from a finished run of this model on these problems, with its interval and its
    control beside the paper's. --measure makes the runs that are missing.
    """
    from core.claims.measuring import missing_runs
    from core.claims.registry import chosen_claims
    from core.claims.report import table_json
    from core.claims.table import claims_table
    from core.runs.runs_folder import RunsFolder

    ids = None if wanted.rows is None else [each.strip() for each in wanted.rows.split(",")]
    chosen_claims(ids)
    _check_report(wanted.report)
    check_writable(output.out)
    spec, folder = load.spec_of(model, wanted.adapter), RunsFolder(runs_dir)
    look = scope_asked(model, wanted, problems, load, folder)
    scope = look()
    work = Measuring(spec, load, folder, quiet=output.as_json)
    if wanted.measure:
        work.carry_out_missing(look, ids)
        scope = look()
    rows = claims_table(scope, ids)
    missing = missing_runs(scope, rows)
    text = json_text(table_json(scope, rows, missing), indent=1)
    write_result(text, output.as_json, output.out)
    if wanted.report is not None:
        _write_report(wanted.report, scope, ids)
        say(f"The report is in {wanted.report}.")
    if not output.as_json:
        show_claims(scope, rows, missing, work, ids)


def scope_asked(
    model: str, wanted: Wanted, problems: ProblemOptions, load: LoadOptions, folder: RunsFolder
) -> Callable[[], Scope]:
    """Looks at the runs that are there now, for the model and the problems of the options.

    Raises:
        ExplorerError: a model or problems that can't be read.
    """
    from core.claims.scope import scope_of
    from core.claims.sizes import size_for

    spec = load.spec_of(model, wanted.adapter)
    size = size_for(
        wanted.size,
        is_demo=model == DEMO,
        parameters=_parameters(spec),
        on_cpu=_on_cpu(spec),
        problems=problems.sample,
    )
    named, learned = _problem_set(problems.problems), _problem_set(wanted.train_problems)
    return lambda: scope_of(
        folder, spec, size, teacher=wanted.teacher, problems=named, training=learned
    )


def _write_report(path: Path, scope: Scope, ids: Sequence[str] | None) -> None:
    from core.claims.html_report import html_report
    from core.claims.markdown_report import markdown_report
    from core.claims.measuring import missing_runs
    from core.claims.table import claims_table

    rows = claims_table(scope, ids)
    report = report_of(scope, rows, missing_runs(scope, rows), ids)
    text = markdown_report(report) if path.suffix.lower() == ".md" else html_report(report)
    write_out(path, text)


def _problem_set(path: Path | None) -> ProblemSet | None:
    """The problems of a file, or of a set by its name."""
    from core.claims.scope import ProblemSet

    return None if path is None else ProblemSet(str(path), given_problems(path))


def _check_report(path: Path | None) -> None:
    if path is not None and path.suffix.lower() not in _REPORTS:
        raise FileError(
            f"A report can't be written to {path}: its name says no format.",
            f"Give a name that ends in {', '.join(_REPORTS)}.",
        )
    check_writable(path)


def _parameters(spec: ModelSpec) -> int | None:
    """How large a model is, as far as it is known without its weights."""
    from core.models.catalogue import MODELS
    from core.models.facts import read_facts
    from core.models.fetching import is_here

    offered = next((each.parameters for each in MODELS if each.model == spec.model), None)
    if offered is not None or spec.model == DEMO or not is_here(spec):
        return offered
    with contextlib.suppress(ExplorerError):
        return read_facts(spec).parameters
    return None


def _on_cpu(spec: ModelSpec) -> bool:
    from core.models.placement import has_accelerator

    return spec.device == "cpu" or (spec.device == "auto" and not has_accelerator())
