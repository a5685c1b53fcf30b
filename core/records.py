"""The plain data everything else speaks: problems, samplers, chains, outcomes, branches."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import SamplerError, SessionError

SCHEMA_VERSION = 1
"""Version of every JSON file this project writes; a file of a newer version is refused."""

DEFAULT_ALTERNATIVES = 5
"""How many of the most probable tokens are kept a position (the paper's top 5)."""


class StopReason(StrEnum):
    """Why a chain ended."""

    EOS = "eos"
    LENGTH = "length"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """What the verifier says of a chain's answer."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSEABLE = "unparseable"
    TIMED_OUT = "timed_out"
    NO_GOLD = "no_gold"


@dataclass(frozen=True)
class Problem:
    """One problem with its gold answer (None when nobody knows it)."""

    id: str
    question: str
    answer: str | None = None
    source: str = ""
    family: str = ""


@dataclass(frozen=True)
class Sampler:
    """How the next token is drawn. It never changes the statistics, which are of raw logits.

    temperature 0 is greedy decoding; top_k 0, top_p 1 and min_p 0 switch a filter off.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_new_tokens: int = 256

    def __post_init__(self) -> None:
        checks = (
            (self.temperature >= 0, "temperature", "0 (greedy) or above"),
            (0 < self.top_p <= 1, "top-p", "above 0 and at most 1"),
            (self.top_k >= 0, "top-k", "0 (off) or above"),
            (0 <= self.min_p <= 1, "min-p", "between 0 and 1"),
            (self.max_new_tokens >= 1, "max new tokens", "1 or above"),
        )
        for good, name, allowed in checks:
            if not good:
                raise SamplerError(f"The sampler's {name} is out of range.", f"Set it to {allowed}.")

    @property
    def greedy(self) -> bool:
        """True when every token is the argmax."""
        return self.temperature == 0


@dataclass(frozen=True)
class TokenStatistics:
    """Statistics of T positions, of the raw distribution (temperature 1, full vocabulary)."""

    entropy: NDArray[np.float32]  # (T,) nats
    logprob: NDArray[np.float32]  # (T,) nats, of the token that stands there
    rank: NDArray[np.int32]  # (T,) 1 = most probable
    top_ids: NDArray[np.int32]  # (T, k) most probable first
    top_logprobs: NDArray[np.float32]  # (T, k) nats

    def __len__(self) -> int:
        return len(self.entropy)

    def __getitem__(self, positions: slice) -> TokenStatistics:
        return TokenStatistics(*(getattr(self, name)[positions] for name in _COLUMNS))

    @staticmethod
    def empty(k: int = DEFAULT_ALTERNATIVES) -> TokenStatistics:
        """No positions yet, k alternatives each."""
        return TokenStatistics(
            np.zeros(0, np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int32),
            np.zeros((0, k), np.int32),
            np.zeros((0, k), np.float32),
        )

    @staticmethod
    def concatenate(parts: list[TokenStatistics]) -> TokenStatistics:
        """Join statistics of consecutive stretches of one chain."""
        return TokenStatistics(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
        )


_COLUMNS = ("entropy", "logprob", "rank", "top_ids", "top_logprobs")


@dataclass(frozen=True)
class Outcome:
    """Where a chain ends: the answer text found, whether it stood in a box, and the verdict."""

    answer: str | None
    verdict: Verdict
    boxed: bool


@dataclass(frozen=True)
class Chain:
    """One generated answer with the statistics of every completion token.

    Positions count completion tokens from 0; the prompt is never a position.
    """

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]  # (T,) completion, the end-of-sequence token included
    tokens: tuple[str, ...]  # (T,) display text; joined it is the completion's text
    top_tokens: tuple[tuple[str, ...], ...]  # (T, k) display text of the alternatives
    statistics: TokenStatistics  # (T,)
    forced: tuple[bool, ...]  # (T,)
    stop_reason: StopReason
    model: str
    seed: int
    sampler: Sampler = Sampler()
    adapter: str | None = None
    dtype: str = "float32"
    prompt_style: str = "plain"
    problem: Problem = Problem("", "")
    versions: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def text(self) -> str:
        """The completion's text, for display only."""
        return "".join(self.tokens)

    @property
    def entropy(self) -> NDArray[np.float32]:
        """Entropy of every completion position, (T,) nats."""
        return self.statistics.entropy

    def to_json(self, outcome: Outcome | None = None) -> dict[str, Any]:
        """A JSON-ready dict; with the outcome's answer and verdict where one is given."""
        stats = self.statistics
        return {
            "schema_version": SCHEMA_VERSION,
            "model": self.model,
            "adapter": self.adapter,
            "dtype": self.dtype,
            "prompt_style": self.prompt_style,
            "problem": asdict(self.problem),
            "sampler": asdict(self.sampler),
            "seed": self.seed,
            "prompt_ids": list(self.prompt_ids),
            "token_ids": list(self.token_ids),
            "tokens": list(self.tokens),
            "entropy_nats": _floats(stats.entropy),
            "logprob": _floats(stats.logprob),
            "rank": stats.rank.tolist(),
            "top_ids": stats.top_ids.tolist(),
            "top_tokens": [list(row) for row in self.top_tokens],
            "top_logprobs": [_floats(row) for row in stats.top_logprobs],
            "forced": list(self.forced),
            "stop_reason": str(self.stop_reason),
            "answer": outcome.answer if outcome else None,
            "verdict": str(outcome.verdict) if outcome else None,
            "boxed": outcome.boxed if outcome else None,
            "versions": self.versions,
        }

    @staticmethod
    def from_json(data: Any) -> tuple[Chain, Outcome | None]:
        """Read what `to_json` wrote.

        Raises:
            SessionError: of a newer version, or not a chain.
        """
        check_schema_version(data, "chain")
        try:
            chain = _chain_from_dict(data)
            outcome = None
            if data.get("verdict") is not None:
                outcome = Outcome(data["answer"], Verdict(data["verdict"]), bool(data["boxed"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SessionError(
                f"This is not a whole chain file ({type(error).__name__}: {error}).",
                "Open a file that the explorer or `fork-explorer generate` wrote.",
            ) from error
        _check_lengths(chain)
        return chain, outcome


def check_schema_version(data: Any, kind: str) -> None:
    """Refuse what is no JSON object of ours, or written by a newer version.

    Raises:
        SessionError: with what to do about it.
    """
    if not isinstance(data, dict) or not isinstance(data.get("schema_version"), int):
        raise SessionError(
            f"This is not a {kind} file: it has no schema_version.",
            "Open a file that the explorer or `fork-explorer` wrote.",
        )
    if data["schema_version"] > SCHEMA_VERSION:
        raise SessionError(
            f"This {kind} file has version {data['schema_version']}, "
            f"and this explorer reads up to {SCHEMA_VERSION}.",
            "Update the explorer to open it.",
        )


def _chain_from_dict(data: dict[str, Any]) -> Chain:
    k = len(data["top_ids"][0]) if data["top_ids"] else DEFAULT_ALTERNATIVES
    length = len(data["token_ids"])
    statistics = TokenStatistics(
        np.array(data["entropy_nats"], np.float32),
        np.array(data["logprob"], np.float32),
        np.array(data["rank"], np.int32),
        np.array(data["top_ids"], np.int32).reshape(length, k),
        np.array(data["top_logprobs"], np.float32).reshape(length, k),
    )
    return Chain(
        prompt_ids=tuple(int(i) for i in data["prompt_ids"]),
        token_ids=tuple(int(i) for i in data["token_ids"]),
        tokens=tuple(str(t) for t in data["tokens"]),
        top_tokens=tuple(tuple(str(t) for t in row) for row in data["top_tokens"]),
        statistics=statistics,
        forced=tuple(bool(f) for f in data["forced"]),
        stop_reason=StopReason(data["stop_reason"]),
        model=str(data["model"]),
        seed=int(data["seed"]),
        sampler=Sampler(**data["sampler"]),
        adapter=data["adapter"],
        dtype=str(data["dtype"]),
        prompt_style=str(data["prompt_style"]),
        problem=Problem(**data["problem"]),
        versions=dict(data.get("versions", {})),
    )


def _check_lengths(chain: Chain) -> None:
    lengths = {
        len(chain.token_ids),
        len(chain.tokens),
        len(chain.top_tokens),
        len(chain.forced),
        len(chain.statistics.entropy),
        len(chain.statistics.logprob),
        len(chain.statistics.rank),
    }
    if len(lengths) != 1:
        raise SessionError(
            "This chain file is damaged: its columns have different lengths.",
            "Open another copy of it, or generate the chain again.",
        )


def _floats(values: NDArray[np.float32]) -> list[float]:
    """Python floats that read back as the same float32, without float64's extra digits."""
    return [float(str(value)) for value in values]
