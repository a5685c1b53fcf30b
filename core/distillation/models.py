"""Base, teacher and student of a distillation: same prompts, one at a time in memory."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.distillation.results import ASKED, distillation_models
from core.lora.phases import LazyModel
from core.lora.run_files import ADAPTER
from core.models.language_model import LanguageModel
from core.models.spec import teacher_spec
from core.models.teacher import check_vocabularies
from core.runs.models import load_run_model

if TYPE_CHECKING:
    from core.runs.context import RunContext


class DistillationModels:
    """The three models of a run.

    The teacher gets the prompts of the base, and the chains of all models end at the same tokens.

    Args:
        work: the run.
        trust_remote_code: whether the base's own Python code may run.
    """

    def __init__(self, work: RunContext, trust_remote_code: bool) -> None:
        self._work = work
        self._spec, self._teacher_name = distillation_models(work.run)
        self._trust_remote_code = trust_remote_code
        self.base = LazyModel(lambda: self._ending_alike(self._own(None)))
        self.teacher = LazyModel(self._load_teacher)
        adapter = str((work.run.folder / ADAPTER).resolve())
        self.student = LazyModel(lambda: self._ending_alike(self._own(adapter)))

    @property
    def vocab_size(self) -> int:
        """Width of the base's logits."""
        return int(self._asked()["vocab_size"])

    def _own(self, adapter: str | None) -> LanguageModel:
        spec = replace(self._spec, adapter=adapter)
        return load_run_model(self._work, spec, trust_remote_code=self._trust_remote_code)

    def _ending_alike(self, lm: LanguageModel) -> LanguageModel:
        return replace(lm, eos_ids=frozenset(self._asked()["eos_ids"]))

    def _load_teacher(self) -> LanguageModel:
        base = self._own(None)
        # Only its tokenizer and prompt style are needed: free its weights for the teacher's.
        base = replace(base, model=None)
        gc.collect()
        spec = teacher_spec(self._spec, self._teacher_name)
        teacher = load_run_model(self._work, spec, trust_remote_code=self._trust_remote_code)
        check_vocabularies(base, teacher)
        ends = base.eos_ids | teacher.eos_ids
        asked = {"eos_ids": sorted(ends), "vocab_size": base.vocab_size}
        if self._work.finished.get(ASKED) != asked:
            self._work.keep(ASKED, asked)
            self._work.finished[ASKED] = asked
        return replace(
            teacher, tokenizer=base.tokenizer, prompt_style=base.prompt_style, eos_ids=ends
        )

    def _asked(self) -> dict[str, Any]:
        kept = self._work.finished.get(ASKED)
        if not _is_whole(kept):
            self.teacher.loaded()
            self.teacher.release()
        found: dict[str, Any] = self._work.finished[ASKED]
        return found


def _is_whole(kept: Any) -> bool:
    if not isinstance(kept, dict) or kept.keys() != {"eos_ids", "vocab_size"}:
        return False
    ids, width = kept["eos_ids"], kept["vocab_size"]
    return (
        isinstance(ids, list)
        and all(type(each) is int for each in ids)
        and type(width) is int
        and width > 0
    )
