"""`export --claims MODEL`: the table of claims, or one claim, as a file to hand out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import LoadOptions, ProblemOptions, path_option
from core.errors import FileError

if TYPE_CHECKING:
    from core.export.document import Handout


@dataclass(frozen=True)
class ClaimsOptions:
    """Which claims, on which model."""

    claims: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Export the table of claims of this model."),
    ] = None
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="ID,ID", help="With --claims: only these; of one, all its figures and its runs."
        ),
    ] = None
    teacher: Annotated[
        str | None,
        typer.Option(
            help="With --claims: the teacher, as of `claims`.",
            show_default="demo-teacher for the demo",
        ),
    ] = None
    adapter: Annotated[
        Path | None, path_option(help="With --claims: folder of a LoRA adapter.")
    ] = None
    problems: Annotated[
        Path | None, path_option(help="With --claims: the problems of the runs, as of `claims`.")
    ] = None
    train_problems: Annotated[
        Path | None,
        path_option("--train-problems", help="With --claims: the problems to learn from."),
    ] = None

    def check(self) -> None:
        """Refuse what belongs to claims where none are exported.

        Raises:
            FileError: there is something.
        """
        others = (self.rows, self.teacher, self.adapter, self.problems, self.train_problems)
        if self.claims is None and any(each is not None for each in others):
            raise FileError(
                "--rows, --teacher, --adapter, --problems and --train-problems are of claims.",
                "Give --claims MODEL too.",
            )

    def handout(self, runs_dir: Path | None) -> Handout:
        """What is handed out; no run is made.

        Raises:
            ExplorerError: an unknown claim; a model, problems or runs that can't be read.
        """
        from core.claims.measuring import missing_runs
        from core.claims.registry import chosen_claims
        from core.claims.table import claims_table
        from core.cli.claims import Wanted, scope_asked
        from core.cli.claims_measuring import report_of
        from core.export.of_claims import claim_handout, claims_handout
        from core.runs.runs_folder import RunsFolder

        ids = None if self.rows is None else [each.strip() for each in self.rows.split(",")]
        chosen_claims(ids)
        wanted = Wanted(
            adapter=self.adapter, teacher=self.teacher, train_problems=self.train_problems
        )
        problems, folder = ProblemOptions(self.problems), RunsFolder(runs_dir)
        scope = scope_asked(self.claims or "", wanted, problems, LoadOptions(), folder)()
        rows = claims_table(scope, ids)
        report = report_of(scope, rows, missing_runs(scope, rows), ids)
        return claim_handout(report, rows[0]) if len(rows) == 1 else claims_handout(report, rows)
