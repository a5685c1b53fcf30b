"""A training that several processes share: how many batches of a step each has, and what the main
process does so that the others take part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import RunError
from core.lora.following import Shared, files_of, portable, shared
from core.lora.group import current_group
from core.lora.run_files import PROCESSES
from core.models.language_model import LanguageModel
from core.models.memory import is_out_of_memory
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.lora.training import Training
    from core.runs.context import RunContext


def with_processes(work: RunContext, training: Training, *, begun: bool) -> Training:
    """A training whose steps are those that the run began with, however many processes share them
    now. A run that begins with several gets `PROCESSES`.

    Args:
        work: the run.
        training: with the accumulation of its recipe, which is that of each process.
        begun: whether there is a checkpoint.

    Raises:
        RunError: they can't be shared equally, or the file can't be read.
    """
    group, recipe = current_group(), training.recipe
    processes = 1 if group is None else group.me.size
    recorded = work.run.read_json(PROCESSES)
    if recorded is not None:
        batches = _batches_of(work, recorded)
    else:
        batches = recipe.training.accumulation * (1 if begun else processes)
        if processes > 1 and not begun:
            record = {"processes": processes, "batches_per_step": batches}
            work.write(PROCESSES, json_text(record) + "\n")
    if batches % processes:
        raise RunError(
            f"A step of this training has {batches} batches, which {processes} processes can't "
            "share equally.",
            f"Continue with one process, or a number of them that divides {batches}.",
        )
    own = recipe.training.model_copy(update={"accumulation": batches // processes})
    return replace(training, recipe=recipe.model_copy(update={"training": own}))


def _batches_of(work: RunContext, recorded: Any) -> int:
    found = recorded.get("batches_per_step") if isinstance(recorded, dict) else None
    if not isinstance(found, int) or found < 1:
        raise RunError(
            f"{work.run.folder / PROCESSES} can't be read.",
            "Put the file back from a copy, or make a new run with the same settings.",
        )
    return found


@contextmanager
def together(
    work: RunContext, lm: LanguageModel, training: Training, checkpoint: Path | None
) -> Iterator[None]:
    """The other processes train, too, as long as the context lasts.

    Raises:
        ResourceError: one of them is lost.
    """
    group = current_group()
    if group is None:
        yield
        return
    if group.lost is not None:
        raise group.lost
    with group.watched(work.give_up):
        try:
            group.start_training(lm.device.type)
            files = None if checkpoint is None else files_of(checkpoint)
            shared(Shared(portable(lm.spec, lm.device), training, files))
            yield
        except RuntimeError as error:
            why = None if is_out_of_memory(error) else group.why_it_broke()
            if why is None:
                raise
            raise why from error
