"""ReasonMaxxer, section 3.1: which tokens a trained model changes, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.claims.claim import Check, Claim, Figure, Finding
from core.claims.decoding_steps import COMPARISON
from core.claims.papers import REASONMAXXER
from core.claims.rules import Rule
from core.claims.steps import teacher_of
from core.disagreement import paper
from core.runs.headline import counted
from core.system.percent import percent

if TYPE_CHECKING:
    from core.claims.claim import Runs
    from core.claims.scope import Scope
    from core.disagreement.results import TeacherSummary
    from core.runs.run import Run

_FEW = 0.05  # of tokens


def summary_of(runs: Runs, scope: Scope) -> TeacherSummary | None:
    """The comparison with the scope's teacher; None before there are tokens."""
    from core.disagreement.task import COMPARE

    run = runs[COMPARISON.name]
    results = COMPARE.results_of(run)
    if results is None:
        return None
    found = results.teachers[_number(run, scope)]
    return found if found.tokens else None


def nothing_of(found: TeacherSummary, what: str) -> str:
    """Why a figure of tokens of one kind is unknown: there was none."""
    chains = counted(found.reranked.n, "chain")
    return (
        f"None of {counted(found.tokens, 'token')} in {chains} {what}: there is nothing to count "
        "here. A model that was trained further differs in more tokens."
    )


def _number(run: Run, scope: Scope) -> int:
    return run.config.teachers.index(teacher_of(scope))


def _reranked(runs: Runs, scope: Scope) -> Finding | None:
    found = summary_of(runs, scope)
    if found is None:
        return None
    figure = Figure("reranked tokens", found.reranked, "share", "chains")
    return Finding(
        (Check(figure, Rule(high=_FEW)),),
        "No control, since it is a count; an adapter of a random gate shows what any training "
        "changes.",
        (
            f"{counted(found.tokens, 'token')} compared, "
            f"{counted(found.counts['reranked'], 'token')} reranked.",
            f"Below {percent(_FEW, 0)} counts as few: our bound.",
        ),
    )


def _shifted(runs: Runs, scope: Scope) -> Finding | None:
    found = summary_of(runs, scope)
    if found is None:
        return None
    figure = Figure("shifted tokens", found.shifted, "share", "chains")
    return Finding(
        (Check(figure, Rule(high=paper.SHIFTED_IN_TABLE_2[1])),),
        Figure("reranked tokens", found.reranked, "share", "chains"),
        (f"{counted(found.counts['shifted'], 'token')} of {found.tokens:,} shifted.",),
    )


def _rank(runs: Runs, scope: Scope) -> Finding | None:
    from core.disagreement.results import rank_of_reranked
    from core.disagreement.task import COMPARE

    run = runs[COMPARISON.name]
    found = summary_of(runs, scope)
    if found is None:
        return None
    rank = rank_of_reranked(COMPARE.records_of(run), _number(run, scope), run.config.seed)
    return Finding(
        (Check(Figure("mean base rank of reranked tokens", rank, "rank", "chains"), Rule(high=3)),),
        "No control, since it is a mean; it is between 2 and 5, and 3.5 if all four ranks were "
        "as likely.",
        (
            "Below 3, nearer to the second than to the fourth, counts as near the top: our bound."
            if found.counts["reranked"]
            else nothing_of(found, "was reranked"),
        ),
    )


def _entropy(runs: Runs, scope: Scope) -> Finding | None:
    found = summary_of(runs, scope)
    if found is None:
        return None
    figure = Figure(
        "base entropy at changed tokens over that at others", found.entropy_ratio, "times", "chains"
    )
    return Finding(
        (Check(figure, Rule(low=paper.ENTROPY_RATIO[0])),),
        Figure("entropy at unchanged tokens", found.entropy_unshifted, "nats", "chains"),
        (
            f"Entropy at changed tokens: {found.entropy_changed.value:.2f} nats."
            if found.entropy_changed.n
            else nothing_of(found, "was changed"),
        ),
    )


CHANGED_TOKENS = (
    Claim(
        id="rm-reranked",
        paper=REASONMAXXER,
        section="3.1",
        sentence="Training changes few tokens: in few places it prefers another of the base's top "
        "five.",
        stated="1.0 to 4.1 % of tokens are reranked",
        numbers=paper.RERANKED,
        steps=(COMPARISON,),
        read=_reranked,
    ),
    Claim(
        id="rm-shifted",
        paper=REASONMAXXER,
        section="3.1",
        sentence="Almost no token is shifted: the trained model's choice is among the base's top "
        "five.",
        stated="0 % of tokens are shifted (its text); .01 to .12 % (a reader's notes of its "
        "Table 2)",
        numbers=(paper.SHIFTED[0], *paper.SHIFTED_IN_TABLE_2),
        steps=(COMPARISON,),
        read=_shifted,
    ),
    Claim(
        id="rm-rank",
        paper=REASONMAXXER,
        section="3.1",
        sentence="Where the trained model prefers another token, it is near the top of the base's "
        "list.",
        stated="mean rank 2.14 to 2.39",
        numbers=paper.MEAN_BASE_RANK,
        steps=(COMPARISON,),
        read=_rank,
    ),
    Claim(
        id="rm-entropy",
        paper=REASONMAXXER,
        section="3.1",
        sentence="Tokens are changed where the base is uncertain.",
        stated="the base's entropy there is 5 to 12 times that elsewhere",
        numbers=paper.ENTROPY_RATIO,
        steps=(COMPARISON,),
        read=_entropy,
    ),
)
