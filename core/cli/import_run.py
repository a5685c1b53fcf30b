"""`import --to-rollouts`: a run of rollouts from a file of another program."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.files import interruptible, progress, say
from core.cli.options import RunsDir
from core.errors import FileError
from core.models.spec import DEMO, DEMO_NOTICE

if TYPE_CHECKING:
    from core.imports.as_run import HowToRead
    from core.imports.listing import Listed
    from core.imports.records import Rollout, RolloutTable
    from core.models.language_model import LanguageModel
    from core.models.spec import ModelSpec
    from core.runs.run import Run


@dataclass(frozen=True)
class RunOfRollouts:
    """The run to make."""

    to_rollouts: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --score: make a run of rollouts with this name, to try gates on and to "
            "fine-tune from (train --rollouts). Its rollouts are those of --where.",
        ),
    ] = None
    correct_from: Annotated[
        float | None,
        typer.Option(
            metavar="REWARD",
            help="With --to-rollouts: the lowest reward that is correct.",
            show_default="1, where rewards are 0 and 1, or -1 and 1",
        ),
    ] = None
    preset: Annotated[
        str | None,
        typer.Option(
            help="With --to-rollouts: the recipe that the run begins with, as of train.",
            show_default="demo for the demo model, else paper",
        ),
    ] = None
    runs_dir: RunsDir = None

    def check(self) -> None:
        """Refuse options of a run where none is made.

        Raises:
            FileError: there are some.
        """
        others = (self.correct_from, self.preset, self.runs_dir)
        if self.to_rollouts is None and any(each is not None for each in others):
            raise FileError(
                "--correct-from, --preset and --runs-dir are of a run of rollouts.",
                "Give --to-rollouts NAME too.",
            )

    def check_before(self, spec: ModelSpec, table: RolloutTable, filtered: bool) -> None:
        """Refuse, before anything is scored, what no score would change.

        Args:
            filtered: conditions may leave rollouts out, whose rewards then don't count.

        Raises:
            ModelError, RunError: as `run_of_rollouts`.
        """
        if self.to_rollouts is None:
            return
        from core.cli.training import starting_recipe
        from core.imports.correctness import check_rewards
        from core.lora.plan import base_fields

        base_fields(spec)
        starting_recipe(spec.model, self.preset)
        if not filtered:
            check_rewards([each.reward for each in table.rollouts], self.correct_from)

    def run(
        self,
        lm: LanguageModel,
        table: RolloutTable,
        items: Sequence[Listed],
        chosen: Collection[Rollout],
        how: HowToRead,
    ) -> Run:
        """The run of the chosen rollouts.

        Args:
            items: the table's rollouts with what scoring made of them, as far as it came.

        Raises:
            ExplorerError: as `run_of_rollouts`.
        """
        from core.cli.training import starting_recipe
        from core.imports.as_run import run_of_rollouts
        from core.imports.scores import RolloutScore
        from core.imports.scoring import NotScored, ScoredRollout
        from core.runs.runs_folder import RunsFolder

        scores = {}
        for number, item in enumerate(items):
            if isinstance(item, ScoredRollout | NotScored):
                scores[number] = RolloutScore.of(item)
            elif isinstance(item, tuple) and item[1] is not None:
                scores[number] = item[1]
        folder = RunsFolder(self.runs_dir)
        folder.check_writable()
        made = run_of_rollouts(
            lm,
            table,
            scores,
            starting_recipe(lm.spec.model, self.preset),
            folder.folder,
            how=how,
            chosen=set(chosen),
            name=self.to_rollouts or "",
        )
        assert made is not None  # nothing cancels it
        return made


def scored_and_kept(
    file: Path, table: RolloutTable, lm: LanguageModel, from_text: bool, *, quiet: bool
) -> list[Listed]:
    """The rollouts of a file with their scores, which are kept as they are made, where the screen
    keeps them: neither a command that is stopped nor a second one scores a rollout twice.

    Raises:
        ExplorerError: as `Scores.score_missing`.
    """
    from core.imports.kept_files import KeptFiles
    from core.imports.scores import Scores, scores_path
    from core.system.durable_files import disk_error

    place = KeptFiles().place_of(file)
    path = scores_path(place, table.mapping, lm.spec, from_text=from_text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(path, error) from error
    scores, count = Scores(path), len(table.rollouts)
    if there := sum(number in scores.found for number in range(count)):
        say(f"{there:,} of {count:,} rollouts are scored already.")
    with interruptible() as stopped, progress(count, quiet) as bar:
        bar.update(there)
        scores.score_missing(
            lm, table.rollouts, done=bar.update, cancel=stopped.is_set, from_text=from_text
        )
    if stopped.is_set():
        done = sum(number in scores.found for number in range(count))
        say(f"Cancelled: {done:,} of {count:,} rollouts are scored.")
    return [(each, scores.found.get(number)) for number, each in enumerate(table.rollouts)]


def forget_scores(file: Path, table: RolloutTable, spec: ModelSpec, from_text: bool) -> None:
    """Delete the scores that `scored_and_kept` has kept, once a run has them, unless a screen keeps
    the file."""
    from core.imports.kept_files import KeptFiles
    from core.imports.scores import scores_path

    files = KeptFiles()
    place = files.place_of(file)
    if files.get(place.id) is None:
        with contextlib.suppress(OSError):
            scores_path(place, table.mapping, spec, from_text=from_text).unlink()
            place.path.parent.rmdir()


def say_run(run: Run) -> None:
    """Print what is in the run, and how to go on from it."""
    from core.reasonmaxxer.task import SAMPLE_ROLLOUTS

    headline, imported = SAMPLE_ROLLOUTS.headline_of(run), run.config.imported
    if headline is not None:
        print(headline.sentence)
    for sentence in () if imported is None else imported.sentences():
        say(sentence)
    if run.config.model.get("model") == DEMO:
        print(DEMO_NOTICE)
    say(f"The run is {run.folder}")
    say(f"Fine-tune from it: fork-explorer train --rollouts {run.folder}")
