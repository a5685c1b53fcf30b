"""The words of a run's chains: of a comparison, an evaluation, rollouts or a fine-tune."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.disagreement.records import ComparedChain
from core.disagreement.task import COMPARE
from core.errors import RunError
from core.evaluation.records import ProblemSamples
from core.evaluation.task import EVALUATE
from core.reasonmaxxer.results import ROLLOUTS_TASK, STUDY_TASK, TRAIN_TASK, run_recipe
from core.reasonmaxxer.rollouts import rollout_records
from core.runs.headline import counted
from core.runs.run import Run
from core.tokens.visible import visible
from core.words.settings import MIN_COUNT
from core.words.table import WordTable, word_table
from core.words.tally import UNCHANGED, WordTally

if TYPE_CHECKING:
    from core.tokens.token_text import TokenText

_OF_ROLLOUTS = (ROLLOUTS_TASK, TRAIN_TASK, STUDY_TASK)


def words_of_run(
    run: Run,
    text: TokenText,
    *,
    tau: float | None = None,
    min_count: int = MIN_COUNT,
    teacher: int = 0,
) -> WordTable:
    """The table of a run's words, of what it has done so far.

    Of a comparison the words are the base's first choices along the chains; along its own greedy
    chains these are the tokens themselves. Of an evaluation, rollouts, a fine-tune or a study they
    are the tokens that were sampled.

    Args:
        run: a comparison, or a run that has kept the entropies of its tokens.
        text: of the model's tokens.
        tau: nats; None: the run's own.
        min_count: occurrences of the rarest word.
        teacher: of a comparison, its number.

    Raises:
        RunError: a run without entropies or without that teacher.
        ExplorerError: settings, models or problems of the run can't be read.
    """

    def shown(token_id: int) -> str:
        return visible(text.display(token_id))

    tally = WordTally(own_tau(run) if tau is None else tau)
    if run.config.task == COMPARE.name:
        names = run.config.teachers
        if not 0 <= teacher < len(names):
            raise RunError(
                f"The run {run.id} has {counted(len(names), 'teacher')}.",
                f"Give 1 to {len(names)}.",
            )
        for chain in COMPARE.records_of(run):
            tally.add(chain.argmax, chain.entropy, _replacements(chain, teacher))
        return word_table(tally, shown, min_count=min_count, teacher=names[teacher])
    for record in sampled_records(run):
        nats = _entropies(record)
        if nats is not None:
            tally.add([i for each in record.samples for i in each.token_ids], nats)
    if not tally.problems:
        raise RunError(
            f"The run {run.id} has not kept the entropies of its tokens.",
            "Evaluate again with keep_entropy (Keep entropies), or take a comparison or rollouts.",
        )
    return word_table(tally, shown, min_count=min_count)


def own_tau(run: Run) -> float:
    """The threshold that a run has in its settings, nats.

    Raises:
        RunError: a run of another kind, or settings that can't be read.
    """
    if run.config.task == COMPARE.name:
        return COMPARE.settings_of(run).tau
    if run.config.task == EVALUATE.name:
        return EVALUATE.settings_of(run).fork_tau
    if run.config.task in _OF_ROLLOUTS:
        return run_recipe(run).gate.tau
    raise RunError(
        f"A run of {run.config.task} has no words to count.",
        "Give a comparison, an evaluation, rollouts, a fine-tune or a study.",
    )


def sampled_records(run: Run) -> Sequence[ProblemSamples]:
    """The sampled chains of a run that isn't a comparison, one record a problem.

    Raises:
        ExplorerError: settings or problems of the run can't be read.
    """
    return EVALUATE.records_of(run) if run.config.task == EVALUATE.name else rollout_records(run)


def _replacements(chain: ComparedChain, teacher: int) -> list[int]:
    pairs = zip(chain.argmax, chain.views[teacher].argmax, strict=True)
    return [UNCHANGED if ours == theirs else theirs for ours, theirs in pairs]


def _entropies(record: ProblemSamples) -> list[float] | None:
    """The nats of all tokens of a problem's samples; None where some are not known."""
    found: list[float] = []
    for each in record.samples:
        if each.entropy is None:
            return None
        found += each.entropy
    return found
