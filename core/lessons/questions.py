"""The questions whose answers are measured: what an alternative leads to, what the figures allow,
what a fork decides."""

from __future__ import annotations

from core.components.words import VERDICT_WORDS, token_label, visible
from core.disagreement.headline import changed_share
from core.interventions.results import InterventionResults, SweepCounts
from core.lessons.amounts import Unit, amount
from core.lessons.chains import Ending, TriedFork
from core.lessons.checks import Choice, ChoiceCheck
from core.lessons.measuring import CONTROL_ARMS, Tuning
from core.records import Verdict
from core.runs.headline import counted, interval, points
from core.statistics import BETTER, SAME, WORSE, Estimate
from core.system.percent import percent

NONE_OF_THEM = "None of them"

_BUCKETS = ((0.05, "Up to 5 %"), (0.2, "5 to 20 %"), (0.5, "20 to 50 %"), (1.0, "More than half"))
"""Highest shares, and their words."""


def alternative_label(fork: TriedFork, number: int) -> str:
    """An alternative of a fork with its rank: "2 ␣Posts"."""
    return f"{number + 1} {visible(fork.chain.top_tokens[fork.position][number])}"


def ending_words(ending: Ending) -> str:
    """Where an alternative leads: "28, correct"."""
    answer = ending.outcome.answer or "no answer"
    return f"{answer}, {VERDICT_WORDS[ending.outcome.verdict]}"


def force_check(fork: TriedFork) -> ChoiceCheck:
    """Which alternative leads to the correct answer."""
    choices = [
        Choice(
            alternative_label(fork, number),
            each.outcome.verdict is Verdict.CORRECT,
            f"It leads to {ending_words(each)}.",
        )
        for number, each in enumerate(fork.endings)
    ]
    some = [each for each in choices if each.correct]
    why = (
        f"{counted(len(some), 'token')} of these {len(choices)} "
        f"lead{'s' * (len(some) == 1)} to the correct answer."
        if some
        else "Each of them leads to another answer, or to none."
    )
    gold = fork.chain.problem.answer
    return ChoiceCheck(
        f"Which of these tokens leads to the correct answer{f', {gold}' if gold else ''}?",
        (*choices, Choice(NONE_OF_THEM, not some, why)),
    )


def sweeps(results: InterventionResults) -> tuple[SweepCounts, SweepCounts] | None:
    """Attempts at forks and at random positions; None where no chain is wrong."""
    arms = {each.arm: each.sweep for each in results.arms}
    forks, control = (arms.get(each) for each in CONTROL_ARMS)
    if forks is None or control is None or not forks.attempts or not control.attempts:
        return None
    return forks, control


def control_check(results: InterventionResults) -> ChoiceCheck | None:
    """What the comparison of forks with random positions allows to say; None where no chain is
    wrong."""
    found = sweeps(results)
    compared = {each.arm: each.against_control for each in results.arms}.get(CONTROL_ARMS[0])
    if found is None or compared is None:
        return None
    forks, control = found
    figures = (
        f"At forks {estimate_words(forks.rescues)}, at random positions "
        f"{estimate_words(control.rescues)}; {counted(forks.recovered.n, 'wrong chain')}."
    )
    excludes = "excludes" if compared.word != SAME else "includes"
    tell = f"{figures} The difference, {points(compared.difference)}, {excludes} 0."
    return ChoiceCheck(
        "Which sentence do these figures allow?",
        (
            Choice(
                "A forced token fixes a wrong answer more often at a fork than elsewhere.",
                compared.word == BETTER,
                tell,
            ),
            Choice("These figures can't tell the two apart.", compared.word == SAME, tell),
            Choice(
                "A forced token fixes a wrong answer less often at a fork than elsewhere.",
                compared.word == WORSE,
                tell,
            ),
            Choice(
                "Some tries at forks fixed an answer, so forks matter: no control is needed.",
                False,
                f"Of {forks.attempts:,} tries some succeed by chance: at random positions "
                f"{control.attempts_right:,} of {control.attempts:,} did.",
            ),
        ),
    )


def tuning_check(tuning: Tuning) -> ChoiceCheck:
    """How many tokens the trained model would write differently."""
    found = changed_share(tuning.teacher)
    measured = (
        f"Measured: {estimate_words(found, 2)}, {counted(tuning.teacher.tokens, 'token')} of "
        f"{counted(found.n, 'chain')}."
    )
    bucket = next(words for highest, words in _BUCKETS if found.value <= highest)
    return ChoiceCheck(
        "At how many of the base's tokens does the trained model prefer another one?",
        tuple(Choice(words, words == bucket, measured) for _, words in _BUCKETS),
    )


def idle_check(fork: TriedFork, unit: Unit) -> ChoiceCheck:
    """What a fork decides that all alternatives leave without effect."""
    label = token_label(fork.chain, fork.position)
    answer = fork.judged.outcome.answer or "no answer"
    ends = (
        f"Continued greedily, all {len(fork.endings)} alternatives of “{label}” end in the same "
        f"answer, {answer}: only the words differ."
    )
    high = f"The entropy is {amount(fork.nats, unit)}"
    return ChoiceCheck(
        "What does the model decide at this fork?",
        (
            Choice(
                "The answer: the entropy is high, so this choice matters.",
                not fork.decides_nothing,
                f"{high}, but {ends[0].lower()}{ends[1:]}",
            ),
            Choice("Only the words: the answer stays the same.", fork.decides_nothing, ends),
            Choice(
                "Nothing: the model was sure of this token.",
                False,
                f"{high}, above the threshold: the model was undecided, but between words that "
                "lead to the same answer.",
            ),
        ),
    )


def estimate_words(found: Estimate, digits: int = 1) -> str:
    """A share with its interval: "16.1 % (95 % interval 14.3–17.9 %)"."""
    return f"{percent(found.value, digits)} ({interval(found)})"
