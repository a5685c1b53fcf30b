"""The teacher's most probable tokens along its own rollouts, kept in the run's folder.

One file a unit of problems, `teacher_top_k/000000.safetensors`, with the positions of all its
rollouts, concatenated: ids (N, k) int32 and logprobs (N, k) float32. Memory grows with tokens x k,
never with tokens x vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from core.decoding.scoring import score
from core.distillation.examples import DistillationExample, TopK
from core.distillation.results import TOP_K
from core.errors import RunError
from core.evaluation.records import ProblemSamples, Sample
from core.lora.phases import LazyModel
from core.models.language_model import LanguageModel
from core.records import Problem
from core.runs.problem_units import problem_units
from core.system.durable_files import disk_error, replace_file

if TYPE_CHECKING:
    from core.runs.context import RunContext


def top_k(
    teacher: LanguageModel,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    k: int,
    vocab_size: int,
) -> TopK:
    """The teacher's k most probable tokens at every position of a completion.

    Args:
        vocab_size: of the student; a token beyond it, which is padding, gets -inf.

    Raises:
        PromptError, PositionError: as `score`.
    """
    statistics = score(teacher, prompt_ids, token_ids, k)
    ids, logprobs = statistics.top_ids, statistics.top_logprobs
    lacking = ids >= vocab_size
    return TopK(
        np.where(lacking, 0, ids).astype(np.int32),
        np.where(lacking, -np.inf, logprobs).astype(np.float32),
    )


def teacher_examples(
    teacher: LanguageModel, records: Sequence[ProblemSamples], k: int, vocab_size: int
) -> list[DistillationExample]:
    """Examples for a student, for scripts: nothing is kept on disk.

    Args:
        teacher: a model of the student's vocabulary.
        records: its rollouts.
        k: tokens kept at every position.
        vocab_size: of the student.

    Raises:
        PromptError, PositionError: as `score`.
    """
    return [
        _example(record, sample, top_k(teacher, record.prompt_ids, sample.token_ids, k, vocab_size))
        for record in records
        for sample in record.samples
    ]


def kept_examples(
    work: RunContext,
    teacher: LazyModel,
    problems: Sequence[Problem],
    records: Sequence[ProblemSamples],
    k: int,
    vocab_size: int,
    doing: str,
) -> list[DistillationExample]:
    """Examples for the student; computes and keeps what the run doesn't have yet.

    Args:
        work: the run.
        teacher: only loaded if something is missing.
        problems: of the rollouts.
        records: the rollouts, one record a problem.
        k: tokens kept at every position; fewer if the teacher's vocabulary is smaller.
        vocab_size: of the student.
        doing: what is being done, for the progress.

    Raises:
        Cancelled: a stop was requested.
        RunError: the folder is a link, which may lead anywhere.
        ResourceError: memory or disk full.
    """
    from core.runs.context import Cancelled

    folder = work.run.folder / TOP_K
    if folder.is_symlink():
        raise RunError(f"{folder} is a link.", "Put the folder itself there, or delete the link.")
    examples: list[DistillationExample] = []
    for number, unit in enumerate(problem_units(problems)):
        own = [
            (record, sample)
            for record in records[unit.start : unit.start + len(unit.problems)]
            for sample in record.samples
        ]
        path = folder / f"{number:06d}.safetensors"
        lengths = [len(sample.token_ids) for _, sample in own]
        found = _read(path, lengths, k, vocab_size)
        if found is None:
            if path.exists():
                work.notice(f"{path.name} of {TOP_K} is damaged and is computed again.")
            found = []
            for i, (record, sample) in enumerate(own):
                if work.stop.requested:
                    raise Cancelled
                found.append(
                    top_k(teacher.loaded(), record.prompt_ids, sample.token_ids, k, vocab_size)
                )
                share = (i + 1) / len(own)
                work.report(unit.start + len(unit.problems) * share, len(problems), doing)
            _write(path, found)
        examples += [
            _example(record, sample, each)
            for (record, sample), each in zip(own, found, strict=True)
        ]
    work.report(len(problems), len(problems), doing)
    return examples


def _example(record: ProblemSamples, sample: Sample, teacher: TopK) -> DistillationExample:
    return DistillationExample(record.problem_id, record.prompt_ids, sample.token_ids, teacher)


def _write(path: Path, found: Sequence[TopK]) -> None:
    data = save(
        {
            "ids": np.concatenate([each.ids for each in found]),
            "logprobs": np.concatenate([each.logprobs for each in found]),
        }
    )
    try:
        path.parent.mkdir(exist_ok=True)
        replace_file(path, data)
    except OSError as error:
        raise disk_error(path, error) from error


def _read(path: Path, lengths: Sequence[int], k: int, vocab_size: int) -> list[TopK] | None:
    """The content of a file, split by the lengths of the completions; None if it is missing,
    damaged or incomplete."""
    try:
        arrays = load(path.read_bytes())
        ids, logprobs = arrays["ids"], arrays["logprobs"]
    except (OSError, SafetensorError, KeyError):
        return None
    whole = (
        ids.dtype == np.int32
        and logprobs.dtype == np.float32
        and ids.ndim == 2
        and ids.shape == logprobs.shape
        and len(ids) == sum(lengths)
        and 0 < ids.shape[1] <= k
        and bool(((ids >= 0) & (ids < vocab_size)).all())
        and not bool(np.isnan(logprobs).any())
        and bool((logprobs <= 0).all())
        and bool(np.isfinite(logprobs).any(axis=-1).all())
    )
    if not whole:
        return None
    ends = np.cumsum(lengths)[:-1]
    pieces = zip(np.split(ids, ends), np.split(logprobs, ends), strict=True)
    return [TopK(*each) for each in pieces]
