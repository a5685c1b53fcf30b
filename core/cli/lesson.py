"""`fork-explorer lesson`: the lesson of the page Learn, as text, JSON and a worksheet."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.cli.files import check_writable, interruptible, progress, say, write_out, write_result
from core.cli.models import load
from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import ModelOptions, OutputOptions, ProblemOptions, ProblemsFile, path_option
from core.cli.thresholds import entropies_of
from core.errors import ExplorerError
from core.lessons.settings import LessonSettings
from core.models.spec import DEMO, DEMO_TEACHER, ModelSpec
from core.system.json_text import json_text
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.lessons.lesson import Lesson
    from core.models.language_model import LanguageModel
    from core.records import Problem


@grouped
def lesson(
    model: ModelOptions,
    problems: ProblemsFile = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="A model that training made of this one: an adapter's folder, a model of the same "
            'vocabulary, or "demo-teacher".',
            show_default="demo-teacher for the demo",
        ),
    ] = None,
    worksheet: Annotated[
        Path | None, path_option("--worksheet", help="Write the lesson on paper, as HTML.")
    ] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="With answers and notes, for the teacher.")
    ] = False,
    unit: Annotated[Literal["nats", "bits"], typer.Option(help="Of entropies.")] = "nats",
    *,
    settings: Annotated[GivenSettings, SettingOptions(LessonSettings)],
    output: OutputOptions,
) -> None:
    """A lesson of ten minutes on a model: what its chains show, and a check after each step.

    The chains are chosen by what their forks lead to, and the figures measured. --worksheet writes
    the questions with room to answer; --answers adds the answers there, and in the text.
    """
    from core.lessons.worksheet import worksheet as written

    for path in (output.out, worksheet):
        check_writable(path)
    spec, chosen = model.spec(), ProblemOptions(problems)
    asked = chosen.problem_set()
    lm = load(spec)
    how = _settings(settings, lm, spec, asked, chosen.set_name, output.as_json)
    name = teacher or (DEMO_TEACHER if spec.model == DEMO and spec.adapter is None else "")
    made = _prepared(lm, name, asked, how, output.as_json)
    write_result(json_text(made.to_json(unit)), output.as_json, output.out)
    if worksheet is not None:
        write_out(worksheet, written(made, answers=answers, unit=unit))
        say(f"{worksheet}: {'with answers' if answers else 'without answers'}.")
    if not output.as_json and worksheet is None:
        _show(made.to_json(unit), answers)


def _settings(
    given: GivenSettings,
    lm: LanguageModel,
    spec: ModelSpec,
    problems: list[Problem],
    set_name: str,
    quiet: bool,
) -> LessonSettings:
    """The settings, with a threshold that was given as a share of the tokens in nats."""
    if not given.shares:
        return given.changed(LessonSettings())
    measure = entropies_of(spec, problems, set_name, lambda _: lm, quiet=quiet)
    measured = measure(given.without_shares().changed(LessonSettings()))
    nats = {name: measured.threshold(each.share).tau.value for name, each in given.shares.items()}
    return given.replaced(nats).changed(LessonSettings())


def _prepared(
    lm: LanguageModel,
    teacher: str,
    problems: list[Problem],
    settings: LessonSettings,
    quiet: bool,
) -> Lesson:
    from core.lessons.preparing import prepare_lesson
    from core.models.spec import teacher_spec
    from core.models.teacher import load_beside

    if not quiet:
        _say_how_long(lm, teacher, problems, settings)
    tuned = load_beside(lm, teacher_spec(lm.spec, teacher)) if teacher else None
    bar: Any = None
    doing = ""

    def report(part: str, done: int, total: int) -> None:
        nonlocal bar, doing
        if part != doing:
            if bar is not None:
                bar.close()
            say(f"{part}.")
            bar, doing = progress(total, quiet), part
        bar.total = max(total, done)
        bar.update(done - bar.n)

    with interruptible() as stopped:
        made = prepare_lesson(
            lm,
            tuned,
            problems,
            settings,
            teacher_name=teacher,
            report=report,
            cancel=stopped.is_set,
        )
    if bar is not None:
        bar.close()
    if made is None:
        say("Cancelled.")
        raise typer.Exit(130)
    return made


def _say_how_long(
    lm: LanguageModel, teacher: str, problems: list[Problem], settings: LessonSettings
) -> None:
    """Say what the lesson will take. What stands in its way is left to the lesson to say."""
    from core.lessons.estimate import estimate_lesson
    from core.models.teacher import load_beside
    from core.runs.decoding_speed import MeasuringCancelledError
    from core.runs.measurements import Meter

    with contextlib.suppress(ExplorerError, MeasuringCancelledError):
        found = estimate_lesson(
            Meter(lm.spec, lambda: lm, load_beside), problems, settings, teacher
        )
        say(f"This takes {found.words}")


def _show(found: dict[str, Any], answers: bool) -> None:
    for each in found["notices"]:
        print(each)
    for number, step in enumerate(found["steps"], 1):
        print(printable(f"\n{number}. {step['title']}\n{step['says']}"))
        if step["missing"]:
            print(printable(f"   {step['missing']}"))
            continue
        if step["chain"]:
            print(printable(f"   {step['chain']['question']} |{step['chain']['text']}"))
        print(printable(f"   {step['question']}"))
        for option in step["options"]:
            print(printable(f"   [ ] {option}"))
        if answers:
            print(printable(f"   Answer: {step['answer']}"))
            for figure in step["figures"]:
                print(printable(f"   {figure}"))
