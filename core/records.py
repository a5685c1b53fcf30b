"""Plain records shared by all of core: problems, samplers, token statistics, chains, outcomes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from core.errors import ExplorerError, SamplerError, SessionError
from core.system.in_notebook import InNotebook

SCHEMA_VERSION = 1
"""Version of every JSON file this project writes; newer versions are rejected."""

MAX_STOPS, MAX_STOP_LENGTH = 16, 200
"""Maximum number of stop strings, and of characters in one."""

DEFAULT_ALTERNATIVES = 5
"""Default number of most probable tokens stored per position (the paper's top 5)."""


class StopReason(StrEnum):
    """Why a chain ended."""

    EOS = "eos"
    STOP = "stop"  # a stop string is complete
    LENGTH = "length"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """The checker's verdict on a chain's answer."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSEABLE = "unparseable"
    TIMED_OUT = "timed_out"
    NO_GOLD = "no_gold"


@dataclass(frozen=True)
class Problem:
    """A problem with its gold answer (None when unknown)."""

    id: str
    question: str
    answer: str | None = None
    source: str = ""
    family: str = ""


@dataclass(frozen=True)
class ForkTemperature:
    """A temperature of its own for the positions whose raw entropy is above tau (arXiv:2506.01939,
    section 3: higher at forks helps, higher elsewhere hurts).

    With a `random_share` it is the control: the temperature at this share of all positions, drawn
    at random by the chain's seed, whatever their entropy.
    """

    temperature: float
    tau: float = 1.4  # nats
    random_share: float | None = None

    @property
    def in_words(self) -> str:
        """ "1.2 at forks (above 1.4 nats)", or "1.2 at 5 % of positions, at random"."""
        if self.random_share is not None:
            return f"{self.temperature:g} at {100 * self.random_share:g} % of positions, at random"
        return f"{self.temperature:g} at forks (above {self.tau:g} nats)"


@dataclass(frozen=True)
class Sampler:
    """How the next token is chosen. Never affects the statistics, which use the raw logits.

    temperature 0, the default, is greedy decoding: only a forced token can change a chain.
    top_k 0, top_p 1 and min_p 0 turn the filter off. A chain ends at the token that completes one
    of the strings of `stop` in its text. `forks` gives some positions another temperature.

    Raises:
        SamplerError: a value out of range.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_new_tokens: int = 256
    stop: tuple[str, ...] = ()
    forks: ForkTemperature | None = None

    def __post_init__(self) -> None:
        forks = self.forks or ForkTemperature(self.temperature)
        checks = (
            (_is_temperature(self.temperature), "temperature", _TEMPERATURES),
            (_is_temperature(forks.temperature), "temperature at forks", _TEMPERATURES),
            (0 <= forks.tau <= 100, "threshold of forks", "from 0 to 100 nats"),
            (
                forks.random_share is None or 0 <= forks.random_share <= 1,
                "random share",
                "between 0 and 1",
            ),
            (0 < self.top_p <= 1, "top-p", "above 0 and at most 1"),
            (self.top_k >= 0, "top-k", "0 (off) or above"),
            (0 <= self.min_p <= 1, "min-p", "between 0 and 1"),
            (self.max_new_tokens >= 1, "max new tokens", "1 or above"),
            (
                len(self.stop) <= MAX_STOPS and all(map(_can_stop, self.stop)),
                "stop",
                f"at most {MAX_STOPS} strings of 1 to {MAX_STOP_LENGTH} characters",
            ),
        )
        for good, name, allowed in checks:
            if not good:
                raise SamplerError(
                    f"The sampler's {name} is out of range.", f"Set it to {allowed}."
                )

    @property
    def greedy(self) -> bool:
        """Whether every token is the argmax (temperature 0)."""
        return self.temperature == 0 and (self.forks is None or self.forks.temperature == 0)


_TEMPERATURES = "0 (greedy), or from 0.001 to 100"


def _is_temperature(value: float) -> bool:
    return value == 0 or 1e-3 <= value <= 100


def _can_stop(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character (a lone surrogate)
        return False
    return 0 < len(text) <= MAX_STOP_LENGTH


@dataclass(frozen=True, eq=False)
class TokenStatistics:
    """Statistics of T positions, of the raw distribution (temperature 1, full vocabulary)."""

    entropy: NDArray[np.float32]  # (T,) nats
    logprob: NDArray[np.float32]  # (T,) nats, of the chain's own token
    rank: NDArray[np.int32]  # (T,) 1 = most probable
    top_ids: NDArray[np.int32]  # (T, k) most probable first
    top_logprobs: NDArray[np.float32]  # (T, k) nats

    def __len__(self) -> int:
        return len(self.entropy)

    def __eq__(self, other: object) -> bool:
        """Equal in every number; the generated dataclass __eq__ fails on arrays."""
        return isinstance(other, TokenStatistics) and all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True)
            for name in _COLUMNS
        )

    def __getitem__(self, positions: slice) -> TokenStatistics:
        return TokenStatistics(*(getattr(self, name)[positions] for name in _COLUMNS))

    def to_json(self) -> dict[str, Any]:
        """Columns as JSON-ready lists."""
        return {
            "entropy_nats": floats(self.entropy),
            "logprob": floats(self.logprob),
            "rank": self.rank.tolist(),
            "top_ids": self.top_ids.tolist(),
            "top_logprobs": [floats(row) for row in self.top_logprobs],
        }

    @staticmethod
    def empty(k: int = DEFAULT_ALTERNATIVES) -> TokenStatistics:
        """No positions, k alternatives each."""
        return TokenStatistics(
            np.zeros(0, np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int32),
            np.zeros((0, k), np.int32),
            np.zeros((0, k), np.float32),
        )

    @staticmethod
    def concatenate(parts: list[TokenStatistics]) -> TokenStatistics:
        """Join the statistics of consecutive parts of one chain."""
        return TokenStatistics(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
        )


_COLUMNS = ("entropy", "logprob", "rank", "top_ids", "top_logprobs")


@dataclass(frozen=True)
class Explanation:
    """Why an answer got its verdict.

    Attributes:
        place: where the answer was found, in words; "" when none was found.
        span: character range [start, end) of the answer in the completion's text; None if unknown.
        answer_form, gold_form: how the two were read; None when they can't be read.
        rule: the rule that decided.
        tokens: first and last position of the answer's tokens.
    """

    place: str
    span: tuple[int, int] | None
    answer_form: str | None
    gold_form: str | None
    rule: str
    tokens: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        lists = {name: list(pair) for name in ("span", "tokens") if (pair := getattr(self, name))}
        return {**asdict(self), **lists}


@dataclass(frozen=True)
class Outcome:
    """A chain's result: the answer text found, whether it was boxed, and the verdict.

    `verdict` is always the checker's, and all statistics use it; a person's own verdict is stored
    beside it. The explanation is derived from answer and gold answer, so it isn't compared; older
    files have none.
    """

    answer: str | None
    verdict: Verdict
    boxed: bool
    overruled: Verdict | None = None  # a person's verdict, correct or wrong; None: not overruled
    explanation: Explanation | None = field(default=None, compare=False)

    def overrule(self, verdict: Verdict | None) -> Outcome:
        """Return the outcome with a person's verdict, or with None, without one.

        Raises:
            SessionError: a verdict other than correct or wrong.
        """
        if verdict not in (None, Verdict.CORRECT, Verdict.WRONG):
            raise SessionError(
                f"A person's verdict can't be {verdict}.", "Use correct, wrong or none."
            )
        return replace(self, overruled=verdict)


@dataclass(frozen=True)
class Chain(InNotebook):
    """A generated completion with the statistics of every token.

    Positions count completion tokens from 0; prompt tokens have no position.
    """

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]  # (T,) completion, including the end-of-sequence token
    tokens: tuple[str, ...]  # (T,) display text; joined, the completion's text
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
    revision: str | None = None  # of a model on the hub; None: the main branch
    quantization: str = "none"
    thinking: int | None = None  # length of the thinking part, tokens (core/tokens/thinking.py)
    prompt_date: str | None = None  # ISO date given to a chat template that uses the date
    run_on: int | None = None  # first token after the answer (core/tokens/stop_strings.py)

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def answer_length(self) -> int:
        """Number of tokens up to the end of the answer: all but those of a run-on."""
        return len(self) if self.run_on is None else self.run_on

    @property
    def text(self) -> str:
        """The completion's text, for display only."""
        return "".join(self.tokens)

    @property
    def entropy(self) -> NDArray[np.float32]:
        """Entropy of every completion position, (T,) nats."""
        return self.statistics.entropy


def check_schema_version(data: Any, kind: str, error: type[ExplorerError] = SessionError) -> None:
    """Reject anything but a JSON object with a schema version that this code reads.

    Args:
        kind: what the file should be, for the message.
        error: the error to raise: SessionError for chains and sessions, FileError for other files.

    Raises:
        ExplorerError: an `error`: no schema version, or a newer one.
    """
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise error(
            f"This is not a {kind} file: it has no schema_version.",
            "Open a file that the explorer or `fork-explorer` wrote.",
        )
    if version > SCHEMA_VERSION:
        raise error(
            f"This {kind} file has version {version}, "
            f"and this explorer reads up to {SCHEMA_VERSION}.",
            "Update the explorer to open it.",
        )


def first_fault(error: Exception) -> str:
    """The first fault of a record that failed validation, in a few words."""
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: {error}"
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    said = str(first.get("ctx", {}).get("error", first["msg"]))  # a validator's own words
    return f"{place}: {said}" if place else said


def floats(values: NDArray[np.float32]) -> list[float]:
    """Python floats that round-trip to the same float32, without float64's extra digits."""
    return [float(str(value)) for value in values]
