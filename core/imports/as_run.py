"""Imported rollouts as a finished run of rollouts: to try gates on, and to fine-tune from.

Token ids are the truth: those of the file where they are the model's own, else those of its text,
tokenised once. Rewards say which rollouts are correct, and the entropies are the base's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ExplorerError, RunError
from core.imports.correctness import check_rewards, lowest_correct
from core.imports.judged import Judged, by_prompt, judged, record_of
from core.imports.questions import around
from core.imports.records import Rollout, RolloutTable
from core.imports.scores import RolloutScore
from core.imports.scoring import Ids
from core.lora.plan import base_fields
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import ROLLOUTS_TASK
from core.reasonmaxxer.rollouts import ROLLOUTS
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS
from core.records import Problem, Verdict
from core.runs.config import RunPlan
from core.runs.context import DONE, RunContext, carry_out
from core.runs.imported import ImportedRollouts
from core.runs.models import with_recorded_precision
from core.runs.problem_units import problem_units
from core.runs.run import Run

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_MOST_AROUND = 20_000  # characters of what all prompts share, kept once
_MOST_QUESTION = 20_000  # characters of a question; a longer one keeps its end
_MOST_QUESTIONS = 8_000_000  # of all of them, so that the file of problems can be read again
_MOST_GOLD = 1_000  # of a correct answer; a longer one is none
_NO_REWARD = "they have no reward"
_OTHER_IDS = "their token ids are probably of another tokenizer"


@dataclass(frozen=True)
class HowToRead:
    """What a person decided about the rollouts of a file.

    Attributes:
        correct_from: the lowest reward that is correct; None: 1, where rewards are 0 and 1.
        fields: chosen for roles, instead of the guess.
        where: conditions that the rollouts meet.
        from_text: the text was tokenised even where the file has ids.
    """

    correct_from: float | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    from_text: bool = False


def run_of_rollouts(
    lm: LanguageModel,
    table: RolloutTable,
    scores: Mapping[int, RolloutScore],
    recipe: Recipe,
    runs_dir: Path,
    *,
    how: HowToRead | None = None,
    chosen: Collection[Rollout] | None = None,
    name: str = "",
    folder: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    cancel: Callable[[], bool] = lambda: False,
) -> Run | None:
    """Make a finished run of rollouts; the model computes nothing.

    A problem is what has the same group and the same prompt. Rollouts without a reward, and those
    that the model can't read, are left out, and the run says how many.

    Args:
        lm: the base, which gave the scores.
        table: the file.
        scores: by the rollout's number in the table.
        recipe: of the fine-tune to come; its problems, rollouts and held-out problems don't count.
        runs_dir: where the run gets its own folder.
        chosen: rollouts of the table; None: all.
        name: of the run.
        folder: use this folder instead; it must be new or empty.
        on_progress: called with (rollouts checked, all of them).
        cancel: asked between rollouts.

    Returns:
        The run; None when cancelled.

    Raises:
        RunError: rollouts that aren't scored; none has a reward, or the model can read none; which
            rewards are correct isn't clear; no problem has correct and wrong rollouts; the run
            can't be made.
        ModelError: the model has an adapter, and a fine-tune starts from a base.
        ProblemError, ResourceError: the disk is full, or the answer checker doesn't start.
    """
    how = how or HowToRead()
    model = base_fields(lm.spec)
    numbers = [n for n, each in enumerate(table.rollouts) if chosen is None or each in chosen]
    _check_scored(numbers, scores)
    check_rewards([table.rollouts[n].reward for n in numbers], how.correct_from)
    why_not = {n: _why_not(table.rollouts[n], scores[n]) for n in numbers}
    left_out = Counter(why for why in why_not.values() if why is not None)
    usable = [n for n, why in why_not.items() if why is None]
    if not usable:
        raise _nothing_usable(len(numbers), left_out)
    rewards = [table.rollouts[n].reward or 0.0 for n in usable]
    lowest = lowest_correct(rewards, how.correct_from)
    read = judged(lm, [(table.rollouts[n], scores[n]) for n in usable], lowest, how.from_text,
                   on_progress, cancel)  # fmt: skip
    if read is None:
        return None
    groups = by_prompt(read)
    _check_contrast(groups)
    imported = _facts(table, read, groups, how, lowest, left_out)
    own = recipe.model_copy(
        update={
            "problems": None,
            "rollouts": recipe.rollouts.model_copy(
                update={"samples": min(max(imported.most, 2), 1024)}
            ),
            "held_out": recipe.held_out.model_copy(update={"problems": 0}),
        }
    )
    problems = _problems(lm, groups, table.name, imported)
    plan = RunPlan(
        settings=own.model_dump(mode="json"),
        model=model,
        seed=recipe.seed,
        problems=problems,
        imported=imported,
    )
    name = name or f"Rollouts of {table.name}"
    run = Run.create(runs_dir, ROLLOUTS_TASK, plan, name=name, folder=folder)
    return _finished(run, lm, problems, groups)


def _check_scored(numbers: Sequence[int], scores: Mapping[int, RolloutScore]) -> None:
    missing = sum(n not in scores for n in numbers)
    if not numbers:
        raise RunError("No rollout is chosen.", "Leave conditions out, or give others.")
    if missing:
        raise RunError(
            f"{missing:,} of {len(numbers):,} rollouts are not scored, so the entropies of their "
            "tokens aren't known.",
            "Score all of them first; what is scored is kept.",
        )


def _why_not(rollout: Rollout, score: RolloutScore) -> str | None:
    """Why a rollout can't be used; None where it can."""
    if not len(score.entropy):
        return f"the model can't read them ({score.doubt.rstrip('.')})"
    if score.unlikely and score.ids == Ids.UNCHECKED:
        return _OTHER_IDS
    return _NO_REWARD if rollout.reward is None else None


def _nothing_usable(count: int, left_out: Counter[str]) -> RunError:
    why = left_out.most_common(1)[0][0]
    return RunError(
        f"None of the {count:,} rollouts can be used: {why}.",
        "Choose the model whose tokenizer made them, or give a file that has their texts.",
    )


def _check_contrast(groups: Mapping[str, Sequence[Judged]]) -> None:
    shares = [sum(each.correct for each in group) / len(group) for group in groups.values()]
    if any(0 < share < 1 for share in shares):
        return
    always = sum(share == 1 for share in shares)
    single = " Every problem has one rollout." if max(map(len, groups.values())) == 1 else ""
    raise RunError(
        "No problem has both correct and wrong rollouts, so none says which decisions matter: "
        f"{always:,} of {len(shares):,} are always correct and {len(shares) - always:,} always "
        f"wrong.{single}",
        "Give a file with several rollouts of each problem whose rewards differ; name the field "
        "that they share with --fields group=FIELD.",
    )


def _facts(
    table: RolloutTable,
    read: Sequence[Judged],
    groups: Mapping[str, Sequence[Judged]],
    how: HowToRead,
    lowest: float,
    left_out: Mapping[str, int],
) -> ImportedRollouts:
    rollouts = [each.rollout for each in read]
    steps = [each.step for each in rollouts if each.step is not None]
    known = [each for each in read if each.checked is not Verdict.NO_GOLD]
    before, after = around([each.question for each in rollouts], _MOST_AROUND)
    return ImportedRollouts(
        file=table.name,
        shape=table.shape,
        fields=dict(how.fields),
        where=how.where,
        limit=len(table.rollouts) if table.unread else None,
        from_text=how.from_text,
        correct_from=lowest,
        chosen=how.correct_from is not None,
        ids=dict(Counter(str(each.ids) for each in read)),
        left_out=dict(left_out),
        chains=len(read),
        fewest=min(map(len, groups.values())),
        most=max(map(len, groups.values())),
        steps=(min(steps), max(steps)) if steps else None,
        written_by=tuple(sorted({each.model for each in rollouts if each.model})),
        temperatures=tuple(
            sorted({each.temperature for each in rollouts if each.temperature is not None})
        ),
        ends_known=any(each.stop_reason is not None for each in rollouts),
        checked=len(known),
        differ=sum((each.checked is Verdict.CORRECT) is not each.correct for each in known),
        unlikely=sum(each.unlikely for each in read),
        before=before,
        after=after,
    )


def _problems(
    lm: LanguageModel,
    groups: Mapping[str, Sequence[Judged]],
    file: str,
    imported: ImportedRollouts,
) -> list[Problem]:
    found = []
    start, end = len(imported.before), len(imported.after)
    for name, group in groups.items():
        first = group[0]
        whole = first.rollout.question
        question = whole[start : len(whole) - end] if whole else lm.text.decode(first.prompt_ids)
        golds = (each.rollout.gold for each in group if each.rollout.gold)
        gold = next((each for each in golds if len(each) <= _MOST_GOLD), None)
        text = question[-min(_MOST_QUESTION, _MOST_QUESTIONS // len(groups)) :]
        found.append(Problem(name, text if text.strip() else f"Problem {name}", gold, file))
    return found


def _finished(
    run: Run,
    lm: LanguageModel,
    problems: Sequence[Problem],
    groups: Mapping[str, Sequence[Judged]],
) -> Run:
    def work(at: RunContext) -> None:
        with_recorded_precision(at, lm)
        for unit in problem_units(problems, ROLLOUTS):
            records = [record_of(each.id, groups[each.id], lm.eos_ids) for each in unit.problems]
            at.keep(unit.key, [each.to_json() for each in records])
        SAMPLE_ROLLOUTS.carry_out(at)

    if carry_out(run, work, bar=False) == DONE:
        return run
    status = run.status()
    with suppress(ExplorerError):  # else it is listed under Runs, with what went wrong
        run.delete()
    raise RunError(
        f"The run of these rollouts could not be finished. {status.error or ''}".strip(),
        "Import the file again.",
    )
