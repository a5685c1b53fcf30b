"""A distillation in one figure and one sentence: how close the student gets to its teacher."""

from __future__ import annotations

from core.distillation.results import DistillationResults
from core.evaluation.headline import change, change_sentence
from core.runs.headline import Headline, counted, short_number
from core.system.percent import percent


def distillation_headline(results: DistillationResults) -> Headline:
    """The student's accuracy beside those of base and teacher."""
    base, teacher, student = (
        each.pass_at_1.value for each in (results.base, results.teacher, results.student)
    )
    return Headline(
        f"{change(results.against_base)} (teacher {short_number(teacher)})",
        f"The student is correct on {percent(student)} of "
        f"{counted(results.student.n, 'problem')}, its teacher on {percent(teacher)}, the base on "
        f"{percent(base)}. Student less teacher: {change_sentence(results.against_teacher)}",
    )
