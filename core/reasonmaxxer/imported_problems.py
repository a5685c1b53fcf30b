"""Problems of imported rollouts against those that a fine-tune is measured on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from core.errors import ProblemError, examples
from core.lora.plan import question_key
from core.records import Problem
from core.runs.imported import ImportedRollouts

_BETWEEN = "\0"  # no question has it


def check_not_imported(
    rolled_out: Sequence[Problem], evaluation: Sequence[Problem], imported: ImportedRollouts
) -> None:
    """Refuse evaluation problems whose question stands in the prompt of an imported rollout, where
    other text may surround it: an instruction, worked examples, the marks of a chat.

    Args:
        rolled_out: the imported ones.
        evaluation: before and after are measured on them.
        imported: with the text around each question in its prompt.

    Raises:
        ProblemError: naming some of them.
    """
    prompts = (
        replace(each, question=f"{imported.before}{each.question}{imported.after}")
        for each in rolled_out
    )
    asked = _BETWEEN.join(map(question_key, prompts))
    found = [each.id for each in evaluation if _stands_in(question_key(each), asked)]
    if found:
        raise ProblemError(
            f"Problems to measure on that are asked in {imported.file}, too: {len(found)} of "
            f"{len(evaluation)} ({examples(found)}).",
            "Measure on other problems, or leave these rollouts out of the import.",
        )


def _stands_in(question: str, asked: str) -> bool:
    """Whether a question is there as whole words."""
    if question not in asked:
        return False
    before = r"(?<!\w)" if question[:1].isalnum() else ""
    after = r"(?!\w)" if question[-1:].isalnum() else ""
    return re.search(before + re.escape(question) + after, asked) is not None
