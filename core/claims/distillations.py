"""ReasonMaxxer, section 4: the correction is small, so a small adapter can hold it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.claims.claim import MARGIN, Check, Claim, Figure, Finding
from core.claims.papers import REASONMAXXER
from core.claims.rules import Rule
from core.claims.training_steps import distillation
from core.lora.recipe import ATTENTION
from core.system.percent import percent

if TYPE_CHECKING:
    from core.claims.claim import Runs
    from core.claims.scope import Scope

_LARGE = distillation(32, ATTENTION)
_SMALL = distillation(8, ("o_proj",), after=(_LARGE,))


def _near_teacher(runs: Runs, scope: Scope, step: str) -> Finding | None:
    from core.distillation.task import DISTIL

    results = DISTIL.results_of(runs[step])
    if results is None:
        return None
    figure = Figure(
        "accuracy of the small adapter, less the teacher's",
        results.against_teacher.difference,
        "points",
    )
    base, teacher, student = (
        percent(each.pass_at_1.value) for each in (results.base, results.teacher, results.student)
    )
    return Finding(
        (Check(figure, Rule(low=-MARGIN)),),
        Figure("less the base's", results.against_base.difference, "points"),
        (
            f"Base {base}, teacher {teacher}, adapter {student}, with "
            f"{percent(results.training.trained_share, 2)} of the base's parameters.",
        ),
    )


DISTILLATIONS = (
    Claim(
        id="rm-rank-32",
        paper=REASONMAXXER,
        section="4, Table 4",
        sentence="A rank-32 adapter on the attention layers learns what the trained model does.",
        stated="equals the trained model on MATH-500 and GSM8K, with .27 to .49 % of the "
        "parameters",
        numbers=(0.0,),
        steps=(_LARGE,),
        read=partial(_near_teacher, step=_LARGE.name),
    ),
    Claim(
        id="rm-rank-8",
        paper=REASONMAXXER,
        section="4, Table 4",
        sentence="A rank-8 adapter on one layer of each block nearly does, too.",
        stated="within about a point on MATH-500",
        numbers=(-0.01,),
        steps=(_SMALL,),
        read=partial(_near_teacher, step=_SMALL.name),
    ),
)
