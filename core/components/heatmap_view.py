"""The data that the heatmap shows, and its compact message to the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from core.components.packed import packed
from core.system.short_text import short
from core.tokens.sentences import sentence_starts

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

MARKS = ("", "unshifted", "reranked", "shifted")
"""Allowed values of `HeatmapView.marks`."""

Request = Literal["force", "threshold", "command"]
REQUESTS: tuple[Request, ...] = get_args(Request)

_NOTE_ON_CARD = 400  # characters; the token's panel has the whole note

_COLUMNS = (
    *("token_ids", "entropy", "logprob", "rank", "forced", "marks", "gated", "values"),
    *("top_ids", "top_tokens", "top_logprobs"),
)


@dataclass(frozen=True)
class ColourScale:
    """Which entropies the colours stand for.

    Attributes:
        base: nats up to which a token has no colour.
        top: nats at which the colour is strongest.
        words: what the scale is taken from, for the legend; empty for the fixed one.
    """

    base: float = 0.0
    top: float = 3.0
    words: str = ""


FIXED_SCALE = ColourScale()
"""The same for all chains, so that they can be compared."""


@dataclass(frozen=True)
class Part:
    """A part of the chain that can be folded: positions start .. stop-1."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class OtherModel:
    """A second model's alternatives for the same tokens, shown side by side on the card."""

    own_name: str  # of the chain's own model
    name: str
    top_tokens: Sequence[Sequence[str]]  # (T, k) most probable first
    top_logprobs: Floats  # (T, k) nats
    chosen: Integers  # (T,) column of the chain's own token; -1 = not among them

    def message(self) -> dict[str, Any]:
        """Columns for the browser, rounded for display only."""
        strings, top = _string_table(self.top_tokens)
        return {
            "ownName": self.own_name,
            "name": self.name,
            "k": self.top_logprobs.shape[1],
            "strings": strings,
            "top": packed(top, "u4"),
            "topP": packed(tenths_of_percent(self.top_logprobs), "u2"),
            "chosen": packed(self.chosen, "i2"),
        }


@dataclass(frozen=True, eq=False)
class HeatmapView:
    """One chain as the heatmap shows it. Positions count completion tokens from 0.

    Args:
        chain_id: identifies the chain; selection, focus and scroll are kept while it is the same
        tokens: display text per token; joined, the completion; "" continues the character that an
            earlier token began
        tau: entropy above which a position is a fork
        shared_prefix: positions before it are shared with the parent branch, and dimmed
        first_difference: the position at which this branch leaves its parent
        initial_selection: position selected when the chain first appears
        go_to: (serial number, position): select and show the position whenever the number changes
            while the heatmap is on the page
        run_on: first position after the answer; dimmed from there on, and without forks
        live: more tokens will be appended
        marks: one of MARKS per token, for the comparison of two models
        gated: forks selected by something other than tau
        values: a quantity to colour by instead of entropy, from 0 to `values_top`; NaN if not
            measured
        other: another model's alternatives
        fix_marks: positions that the search for a fix tried, and those where a token fixes the
            answer
        notes: what people wrote on tokens, by position
        scale: which entropies the colours stand for
        parts: that can be folded; what is after the answer always can
        strip: whether the entropy strip is below the chain; one is below a long chain in any case
        page_keys: whether the chain's keys work while the focus is elsewhere on the page; for one
            heatmap of a page at most
        bare: only the text: no colours, forks, card or curve, and nothing of them is sent
        max_height: pixels above which the chain scrolls in its own box; None: only a long chain
            does, and its box is as high as the window allows
    """

    chain_id: str
    tokens: Sequence[str]  # (T,)
    token_ids: Integers  # (T,)
    entropy: Floats  # (T,) nats
    logprob: Floats  # (T,) nats, of the chain's own token
    rank: Integers  # (T,) 1 = most probable; 0 = unknown
    top_ids: Integers  # (T, k) most probable first; k = 0: unknown
    top_tokens: Sequence[Sequence[str]]  # (T, k)
    top_logprobs: Floats  # (T, k) nats
    forced: Sequence[bool] | NDArray[np.bool_]  # (T,)
    tau: float  # nats
    unit: Literal["nats", "bits"] = "nats"
    shared_prefix: int = 0
    first_difference: int | None = None
    initial_selection: int | None = None
    go_to: tuple[int, int] | None = None
    run_on: int | None = None
    live: bool = False
    marks: Sequence[str] | None = None  # (T,)
    gated: NDArray[np.bool_] | None = None  # (T,)
    values: Floats | None = None  # (T,)
    values_label: str = ""
    values_top: float = 1.0
    other: OtherModel | None = None
    fix_marks: Mapping[int, Literal["fixes", "tried"]] = field(default_factory=dict)
    notes: Mapping[int, str] = field(default_factory=dict)
    scale: ColourScale = FIXED_SCALE
    parts: Sequence[Part] = ()
    strip: bool = False
    page_keys: bool = False
    max_height: int | None = None
    bare: bool = False

    def __post_init__(self) -> None:
        columns = {
            name: len(column) for name in _COLUMNS if (column := getattr(self, name)) is not None
        }
        if self.other is not None:
            columns["other"] = len(self.other.top_logprobs)
        wrong = {name: size for name, size in columns.items() if size != len(self.tokens)}
        if wrong:
            raise ValueError(f"{len(self.tokens)} tokens, but these columns differ: {wrong}")
        if self.marks is not None and not set(self.marks) <= set(MARKS):
            raise ValueError(f"marks must be of {MARKS}")

    def __len__(self) -> int:
        return len(self.tokens)

    def with_selection(self, position: int | None) -> HeatmapView:
        """The same view, opening with another token selected."""
        return replace(self, initial_selection=position)

    def message(self, takes: Sequence[Request] = REQUESTS) -> dict[str, Any]:
        """Columns for the browser, rounded for display only.

        Entropy is sent in thousandths of a nat, probabilities in tenths of a percent. Forks are
        determined here, on the exact numbers.

        Args:
            takes: the requests that the page answers.
        """
        entropy = np.nan_to_num(np.asarray(self.entropy, np.float64))  # (T,) nats
        top_ids = np.asarray(self.top_ids)  # (T, k)
        is_chosen = top_ids == np.asarray(self.token_ids).reshape(-1, 1)  # (T, k)
        known = np.pad(is_chosen, ((0, 0), (0, 1)))  # (T, k + 1); argmax needs a column
        chosen = np.where(known.any(1), known.argmax(1), -1)  # (T,) column, -1 = outside
        forks = entropy > self.tau if self.gated is None else self.gated  # (T,)
        if self.run_on is not None:
            forks = forks & (np.arange(len(self)) < self.run_on)
        strings, top = _string_table(self.top_tokens)
        return {
            "chain": self.chain_id,
            "tokens": list(self.tokens),
            "entropy": packed(_thousandths(entropy), "u2"),
            "forks": packed(np.flatnonzero(forks), "u4"),
            "rank": packed(self.rank, "i4"),
            "p": packed(tenths_of_percent(np.reshape(self.logprob, (-1, 1))), "u2"),
            "k": top_ids.shape[1],
            "chosen": packed(chosen, "i2"),
            "strings": strings,
            "top": packed(top, "u4"),
            "topP": packed(tenths_of_percent(self.top_logprobs), "u2"),
            "forced": np.flatnonzero(np.asarray(self.forced, bool)).tolist(),
            "tau": round(float(self.tau), 4) if self.gated is None else None,
            "unit": self.unit,
            "scale": asdict(self.scale),
            "shared": self.shared_prefix,
            "first": self.first_difference,
            "select": self.initial_selection,
            "goTo": list(self.go_to) if self.go_to else None,
            "runOn": self.run_on,
            "live": self.live,
            "marks": list(self.marks) if self.marks is not None else None,
            "values": _measured(self.values) if self.values is not None else None,
            "valuesLabel": self.values_label,
            "valuesTop": self.values_top,
            "other": self.other.message() if self.other is not None else None,
            "fixMarks": {str(at): mark for at, mark in self.fix_marks.items()},
            "notes": {str(at): short(text, _NOTE_ON_CARD) for at, text in self.notes.items()},
            "sentences": packed(_sentence_starts(tuple(self.tokens)), "u4"),
            "parts": [asdict(part) for part in self.parts],
            "strip": self.strip,
            "pageKeys": self.page_keys,
            "takes": list(takes),
            "maxHeight": self.max_height,
            "bare": self.bare,
        }


def tenths_of_percent(logprobs: Floats) -> Integers:
    """Probabilities as whole tenths of a percent, (T, k) from (T, k) nats.

    Rounded to the nearest; a row that would add up to more than 100 % is rounded down instead.
    """
    exact = np.exp(np.nan_to_num(np.asarray(logprobs, np.float64), nan=-np.inf)) * 1000
    nearest = np.rint(exact)
    over = nearest.sum(-1, keepdims=True) > 1000
    shown: Integers = np.where(over, np.floor(exact), nearest).astype(np.int64)
    return shown


def _thousandths(values: Floats) -> Integers:
    rounded: Integers = np.rint(np.nan_to_num(np.asarray(values, np.float64)) * 1000)
    return rounded.astype(np.int64)


def _measured(values: Floats) -> list[int | None]:
    known = np.isfinite(np.asarray(values, np.float64)).tolist()
    numbers = _thousandths(values).tolist()
    return [number if there else None for number, there in zip(numbers, known, strict=True)]


def _string_table(rows: Sequence[Sequence[str]]) -> tuple[list[str], NDArray[np.uint32]]:
    """A table of distinct texts, and all rows, flattened, as indices into it."""
    return _string_table_of(tuple(map(tuple, rows)))


@lru_cache(maxsize=8)  # a page draws the same chain again after every click
def _string_table_of(rows: tuple[tuple[str, ...], ...]) -> tuple[list[str], NDArray[np.uint32]]:
    table: dict[str, int] = {}
    places = [table.setdefault(text, len(table)) for row in rows for text in row]
    return list(table), np.array(places, np.uint32)


@lru_cache(maxsize=8)
def _sentence_starts(tokens: tuple[str, ...]) -> NDArray[np.intp]:
    return sentence_starts(tokens)
