"""Chain files: chains to JSON, and JSON to chains with every field checked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, ValidationError

from core.errors import SamplerError, SessionError
from core.records import (
    DEFAULT_ALTERNATIVES,
    SCHEMA_VERSION,
    Chain,
    Explanation,
    ForkTemperature,
    Outcome,
    Problem,
    Sampler,
    StopReason,
    TokenStatistics,
    Verdict,
    check_schema_version,
    first_fault,
)

_T = TypeVar("_T")


def chain_to_json(chain: Chain, outcome: Outcome | None = None) -> dict[str, Any]:
    """A JSON-ready dict of a chain; with an outcome, its answer and verdict too."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": chain.model,
        "adapter": chain.adapter,
        "revision": chain.revision,
        "quantization": chain.quantization,
        "dtype": chain.dtype,
        "prompt_style": chain.prompt_style,
        "prompt_date": chain.prompt_date,
        "problem": asdict(chain.problem),
        "sampler": asdict(chain.sampler),
        "seed": chain.seed,
        "prompt_ids": list(chain.prompt_ids),
        "token_ids": list(chain.token_ids),
        "tokens": list(chain.tokens),
        **chain.statistics.to_json(),
        "alternatives": chain.statistics.top_ids.shape[1],
        "top_tokens": [list(row) for row in chain.top_tokens],
        "forced": list(chain.forced),
        "stop_reason": str(chain.stop_reason),
        "answer": outcome.answer if outcome else None,
        "verdict": str(outcome.verdict) if outcome else None,
        "boxed": outcome.boxed if outcome else None,
        "overruled": str(outcome.overruled) if outcome and outcome.overruled else None,
        "explanation": (outcome.explanation.to_json() if outcome and outcome.explanation else None),
        "thinking": chain.thinking,
        "run_on": chain.run_on,
        "versions": chain.versions,
    }


def chain_from_json(data: Any) -> tuple[Chain, Outcome | None]:
    """Read what `chain_to_json` wrote.

    Returns:
        The chain, and its outcome where the file holds one.

    Raises:
        SessionError: not a chain file, damaged, or written by a newer version.
    """
    check_schema_version(data, "chain")
    try:
        chain = _ChainFile.model_validate(data).chain()
        outcome = None
        if data.get("verdict") is not None:
            outcome = _OutcomeFile.model_validate(data).outcome()
    except (TypeError, ValueError, OverflowError, SamplerError) as error:
        raise SessionError(
            f"This is not a complete chain file ({first_fault(error)}).",
            "Open a file that the explorer or `fork-explorer generate` wrote.",
        ) from error
    _check_values(chain)
    return chain, outcome


def problem_from_dict(data: Any) -> Problem:
    """Read a problem from its JSON object.

    Raises:
        TypeError: a field is missing or has another type.
    """
    try:
        return Problem(**_ProblemFile.model_validate(data).model_dump())
    except ValidationError as error:
        raise TypeError(first_fault(error)) from error


def _savable(text: str) -> str:
    text.encode("utf-8")  # a lone surrogate could be read but not saved again
    return text


def _in_order(pair: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= pair[0] <= pair[1]:
        raise ValueError("the span of the answer is not in order")
    return pair


# Types that JSON lacks (tuples, enums) are converted. Everything else must already have its type:
# a number in quotes, a float for an id and a bool for a number are rejected.
_Text = Annotated[str, AfterValidator(_savable)]
_Column = Annotated[tuple[_T, ...], Strict(False)]
_Stretch = Annotated[tuple[int, int], Strict(False), AfterValidator(_in_order)]
_StopReason = Annotated[StopReason, Strict(False)]
_Verdict = Annotated[Verdict, Strict(False)]


class _ForksFile(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    temperature: int | float
    tau: int | float
    random_share: int | float | None


class _SamplerFile(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    temperature: int | float = Sampler.temperature
    top_p: int | float = Sampler.top_p
    top_k: int = Sampler.top_k
    min_p: int | float = Sampler.min_p
    max_new_tokens: int = Sampler.max_new_tokens
    stop: _Column[_Text] = Sampler.stop
    forks: _ForksFile | None = None

    def sampler(self) -> Sampler:
        forks = None if self.forks is None else ForkTemperature(**self.forks.model_dump())
        return Sampler(**{**self.model_dump(), "forks": forks})


class _ProblemFile(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    id: _Text
    question: _Text
    answer: _Text | None = Problem.answer
    source: _Text = Problem.source
    family: _Text = Problem.family


class _ChainFile(BaseModel):
    """A chain file's columns, T positions with k alternatives. Fields with a default were added
    later and may be missing in older files."""

    model_config = ConfigDict(strict=True)

    model: _Text
    adapter: _Text | None
    revision: _Text | None = None
    quantization: _Text = "none"
    dtype: _Text
    prompt_style: _Text
    prompt_date: _Text | None = None
    problem: _ProblemFile
    sampler: _SamplerFile
    seed: int
    prompt_ids: _Column[int]
    token_ids: _Column[int]  # (T,)
    tokens: _Column[_Text]  # (T,)
    entropy_nats: _Column[float]  # (T,)
    logprob: _Column[float]  # (T,) nats
    rank: _Column[int]  # (T,)
    top_ids: _Column[_Column[int]]  # (T, k)
    top_logprobs: _Column[_Column[float]]  # (T, k) nats
    alternatives: Any = DEFAULT_ALTERNATIVES  # k; only needed when the chain has no tokens
    top_tokens: _Column[_Column[_Text]]  # (T, k)
    forced: _Column[bool]  # (T,)
    stop_reason: _StopReason
    thinking: int | None = None
    run_on: int | None = None
    versions: dict[str, Any] = {}

    def chain(self) -> Chain:
        """Build the chain.

        Raises:
            SessionError: columns of different lengths.
            ValueError, TypeError, OverflowError, SamplerError: values that are invalid in a chain.
        """
        length = len(self.token_ids)
        k = len(self.top_ids[0]) if self.top_ids else self.alternatives
        for table in (self.top_ids, self.top_logprobs, self.top_tokens):
            if len(table) != length or any(len(row) != k for row in table):
                raise ValueError(f"a table is not {length} by {k}")
        columns = (self.tokens, self.entropy_nats, self.logprob, self.rank, self.forced)
        if any(len(column) != length for column in columns):
            raise SessionError(
                "This chain file is damaged: its columns have different lengths.",
                "Open another copy, or generate the chain again.",
            )
        return Chain(
            prompt_ids=self.prompt_ids,
            token_ids=self.token_ids,
            tokens=self.tokens,
            top_tokens=self.top_tokens,
            statistics=TokenStatistics(
                np.array(self.entropy_nats, np.float32),
                np.array(self.logprob, np.float32),
                np.array(self.rank, np.int32),
                np.array(self.top_ids, np.int32).reshape(length, k),
                np.array(self.top_logprobs, np.float32).reshape(length, k),
            ),
            forced=self.forced,
            stop_reason=self.stop_reason,
            model=self.model,
            seed=self.seed,
            sampler=self.sampler.sampler(),
            adapter=self.adapter,
            dtype=self.dtype,
            prompt_style=self.prompt_style,
            problem=Problem(**self.problem.model_dump()),
            versions=self.versions,
            revision=self.revision,
            quantization=self.quantization,
            thinking=self.thinking,
            run_on=self.run_on,
            prompt_date=self.prompt_date,
        )


class _ExplanationFile(BaseModel):
    model_config = ConfigDict(strict=True)

    place: _Text
    span: _Stretch | None
    answer_form: _Text | None
    gold_form: _Text | None
    rule: _Text
    tokens: _Stretch | None


class _OutcomeFile(BaseModel):
    """The answer and verdict in a chain file; for fields with a default see `_ChainFile`."""

    model_config = ConfigDict(strict=True)

    answer: _Text | None
    verdict: _Verdict
    boxed: bool
    overruled: _Verdict | None = None
    explanation: _ExplanationFile | None = None

    def outcome(self) -> Outcome:
        """Build the outcome.

        Raises:
            SessionError: overruled by a verdict other than correct or wrong.
        """
        why = self.explanation
        explanation = None if why is None else Explanation(**why.model_dump())
        found = Outcome(self.answer, self.verdict, self.boxed, explanation=explanation)
        return found if self.overruled is None else found.overrule(self.overruled)


def _check_values(chain: Chain) -> None:
    stats = chain.statistics
    columns = (stats.entropy, stats.logprob, stats.top_logprobs)
    logprobs = (stats.logprob, stats.top_logprobs)
    whole = (
        all(np.isfinite(column).all() for column in columns)
        and all((column <= 1e-3).all() for column in logprobs)
        and min((*chain.prompt_ids, *chain.token_ids, chain.seed), default=0) >= 0
        and (chain.thinking is None or 0 < chain.thinking <= len(chain))
        and (chain.run_on is None or 0 <= chain.run_on < len(chain))
    )
    if not whole:
        raise SessionError(
            "This chain file is damaged: some of its numbers are invalid.",
            "Open another copy, or generate the chain again.",
        )
