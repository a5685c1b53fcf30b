"""Sparse but Critical: how far apart base and trained model are, and whether few tokens matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.claims.changed_tokens import nothing_of, summary_of
from core.claims.claim import MARGIN, Check, Claim, Figure, Finding
from core.claims.decoding_steps import COMPARISON, interventions
from core.claims.papers import SPARSE_BUT_CRITICAL
from core.claims.rules import Rule
from core.claims.steps import teacher_of
from core.claims.teacher_tokens import arm_of, difference
from core.disagreement import paper
from core.disagreement.divergence import DIVERGENT, NEAR_ZERO
from core.statistics import ratio_over_chains
from core.system.percent import percent

if TYPE_CHECKING:
    from core.claims.claim import Runs
    from core.claims.scope import Scope

_TOP = 3
_FEW = 0.1  # share of tokens up to which a budget is small; ours
_BLIND = 0.05  # share from which a blind spot is one; ours


def _sparse(runs: Runs, scope: Scope) -> Finding | None:
    found = summary_of(runs, scope)
    if found is None or found.divergence is None:
        return None
    near = found.divergence.near_zero
    figure = Figure(f"tokens with a divergence below {NEAR_ZERO:g} nats", near, "share", "chains")
    return Finding(
        (Check(figure, Rule(low=0.5)),),
        Figure(
            f"tokens with a divergence above {DIVERGENT:g} nats",
            found.divergence.divergent,
            "share",
            "chains",
        ),
        ("The divergence is Jensen-Shannon's, between 0 and 0.69 nats.",),
    )


def _blind(runs: Runs, scope: Scope) -> Finding | None:
    from core.disagreement.task import COMPARE

    found = summary_of(runs, scope)
    if found is None or found.divergence is None:
        return None
    tau = COMPARE.settings_of(runs[COMPARISON.name]).tau
    sure = found.divergence.divergent_but_sure
    figure = Figure(
        f"of the divergent tokens, those with a base entropy up to {tau:g} nats",
        sure,
        "share",
        "chains",
    )
    return Finding(
        (Check(figure, Rule(low=_BLIND)),),
        Figure("share of all divergence above that entropy", found.js_above_tau, "share", "chains"),
        (
            f"Above {percent(_BLIND, 0)} counts as a blind spot of a search by entropy: our bound."
            if sure.n
            else nothing_of(found, f"has a divergence above {DIVERGENT:g} nats"),
        ),
    )


def _top_three(runs: Runs, scope: Scope) -> Finding | None:
    from core.disagreement.task import COMPARE

    found = summary_of(runs, scope)
    if found is None:
        return None
    run = runs[COMPARISON.name]
    number = run.config.teachers.index(teacher_of(scope))
    near, changed = [], []
    for record in COMPARE.records_of(run):
        positions = record.changes(number)
        ranks = record.views[number].base_rank
        changed.append(len(positions))
        near.append(sum(ranks[position] <= _TOP for position in positions))
    share = ratio_over_chains(near, changed, run.config.seed)
    figure = Figure(
        f"changed tokens whose new choice is among the base's top {_TOP}", share, "share", "chains"
    )
    return Finding(
        (Check(figure, Rule(low=paper.WITHIN_TOP_3[0])),),
        f"By chance: {percent((_TOP - 1) / 4, 0)}, if the new choice had any of the ranks 2 to 5.",
        (
            "Only tokens whose first choice changes are counted: for others the rank is 1."
            if sum(changed)
            else nothing_of(found, "was changed"),
        ),
    )


def _forward(runs: Runs, scope: Scope) -> Finding | None:
    arm = arm_of(runs, "divergence_gated")
    if arm is None or arm.put is None:
        return None
    accuracy = Figure(
        "accuracy with the teacher's tokens where the models diverge, less the teacher's own",
        difference(runs, "divergence_gated", "teacher"),
        "points",
    )
    budget = Figure("tokens put in", arm.put.touched_share, "share", "chains")
    against = Figure(
        "less the same number of the teacher's tokens at random positions",
        difference(runs, "divergence_gated", "random_teacher"),
        "points",
    )
    return Finding(
        (
            Check(accuracy, Rule(low=-MARGIN)),
            Check(budget, Rule(high=_FEW)),
            Check(against, Rule(low=0.0)),
        ),
        Figure(
            "the teacher's tokens at random positions, less the base",
            difference(runs, "random_teacher", "base"),
            "points",
        ),
    )


def _backward(runs: Runs, scope: Scope) -> Finding | None:
    arm = arm_of(runs, "backward")
    if arm is None or arm.put is None:
        return None
    figure = Figure(
        "accuracy of the teacher with a few of the base's tokens, less the teacher's own",
        difference(runs, "backward", "teacher"),
        "points",
    )
    against = Figure(
        "less the same number of random tokens",
        difference(runs, "backward", "backward_random"),
        "points",
    )
    budget = Figure("tokens replaced", arm.put.touched_share, "share", "chains")
    return Finding(
        (
            Check(figure, Rule(high=-MARGIN)),
            Check(budget, Rule(high=_FEW)),
            Check(against, Rule(high=0.0)),
        ),
        Figure(
            "random tokens instead, less the teacher's own",
            difference(runs, "backward_random", "teacher"),
            "points",
        ),
        (f"{arm.put.changed_per_chain:.2f} tokens replaced a chain.",),
    )


DIVERGENCE = (
    Claim(
        id="sbc-sparse",
        paper=SPARSE_BUT_CRITICAL,
        section="token-level shifts",
        sentence="At most positions base and trained model hardly differ.",
        stated="the divergence is near zero at most positions",
        numbers=(),
        steps=(COMPARISON,),
        read=_sparse,
    ),
    Claim(
        id="sbc-low-entropy",
        paper=SPARSE_BUT_CRITICAL,
        section="entropy of shifted tokens",
        sentence="The two also differ where the base is sure, where a search by entropy is blind.",
        stated="high divergence also at low entropy",
        numbers=(),
        steps=(COMPARISON,),
        read=_blind,
    ),
    Claim(
        id="sbc-top-3",
        paper=SPARSE_BUT_CRITICAL,
        section="mechanics of the shifts",
        sentence="The trained model's first choice is among the base's top three.",
        stated="in 80 to 90 % of cases",
        numbers=paper.WITHIN_TOP_3,
        steps=(COMPARISON,),
        read=_top_three,
    ),
    Claim(
        id="sbc-forward",
        paper=SPARSE_BUT_CRITICAL,
        section="cross-sampling",
        sentence="A few of the trained model's tokens, put into the base's chains, recover the "
        "gain.",
        stated="a small share of tokens recovers it",
        numbers=(),
        steps=(interventions("base", "teacher", "divergence_gated", "random_teacher"),),
        read=_forward,
    ),
    Claim(
        id="sbc-backward",
        paper=SPARSE_BUT_CRITICAL,
        section="cross-sampling",
        sentence="A few of the base's tokens, put into the trained model's chains, ruin it.",
        stated="as few tokens bring it down to the base",
        numbers=(),
        steps=(interventions("teacher", "backward", "backward_random"),),
        read=_backward,
    ),
)
