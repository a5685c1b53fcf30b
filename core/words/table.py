"""The table of a run's words: how uncertain the model was at each, and what a teacher prefers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from core.records import SCHEMA_VERSION
from core.runs.result_files import Cell, interval_cells, known, spreadsheet_safe
from core.statistics import Estimate
from core.words.settings import MIN_COUNT
from core.words.tally import WordTally

PRIOR = 10
"""Occurrences at the mean of all tokens that are added to each word before words are ordered."""


@dataclass(frozen=True)
class Replacement:
    """The token that a teacher prefers most often in a word's place."""

    token_id: int
    text: str
    count: int


@dataclass(frozen=True)
class WordRow:
    """One word: a token of the vocabulary. The n of its intervals counts problems."""

    token_id: int
    text: str  # as displayed
    count: int
    entropy: Estimate  # nats, mean
    above: Estimate  # share of its occurrences above tau
    shrunk_entropy: float  # nats, by which words are ordered
    changed: Estimate | None = None  # share of its occurrences; None without a teacher
    shrunk_changed: float | None = None
    replacement: Replacement | None = None  # None where the teacher never changes it


@dataclass(frozen=True)
class WordTable:
    """The words of a run that occur often enough, those of highest entropy first.

    A few occurrences make extreme means. So words are ordered by their mean entropy shrunk towards
    that of all tokens, as if each had occurred `PRIOR` times more at that mean (likewise for the
    share changed), and words with fewer than `min_count` occurrences are left out.
    """

    tau: float  # nats
    problems: int
    tokens: int  # in all, those of rare words too
    mean_entropy: float  # nats, over all tokens
    words: int  # different ones, in all
    min_count: int
    rows: tuple[WordRow, ...]
    teacher: str | None = None
    changed_share: float | None = None  # of all tokens

    @property
    def left_out(self) -> int:
        """Words that occur less often than `min_count`."""
        return self.words - len(self.rows)

    def highest(self, count: int) -> tuple[WordRow, ...]:
        """Words above the mean of all tokens, highest first."""
        return tuple(each for each in self.rows if each.entropy.value > self.mean_entropy)[:count]

    def lowest(self, count: int) -> tuple[WordRow, ...]:
        """Words up to the mean of all tokens, lowest first."""
        low = [each for each in self.rows if each.entropy.value <= self.mean_entropy]
        return tuple(low[::-1][:count])

    def most_changed(self, count: int) -> tuple[WordRow, ...]:
        """Words that the teacher changes most often, by the shrunk share."""
        found = [each for each in self.rows if each.replacement is not None]
        return tuple(sorted(found, key=lambda each: -(each.shrunk_changed or 0.0))[:count])

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown values are null."""
        return {"schema_version": SCHEMA_VERSION, "prior": PRIOR, **known(asdict(self))}

    def to_rows(self) -> list[dict[str, Cell]]:
        """One flat row a word, for a table or a CSV file. No cell is a formula to a
        spreadsheet."""
        return [_row(each) for each in self.rows]


def word_table(
    tally: WordTally,
    text: Callable[[int], str],
    *,
    min_count: int = MIN_COUNT,
    teacher: str | None = None,
) -> WordTable:
    """The table of a tally.

    Args:
        tally: of all chains.
        text: display text of a token id.
        min_count: occurrences of the rarest word.
        teacher: whose replacements the tally has; None without one.
    """
    tokens = sum(each.count for each in tally.words.values())
    nats = sum(each.nats for each in tally.words.values())
    changes = sum(each.changed_count for each in tally.words.values())
    mean = nats / tokens if tokens else float("nan")
    changed = changes / tokens if tokens and teacher is not None else None
    rows = []
    for token_id, own in tally.words.items():
        if own.count < min_count:
            continue
        row = WordRow(
            token_id,
            text(token_id),
            own.count,
            own.entropy,
            own.above,
            (own.nats + PRIOR * mean) / (own.count + PRIOR),
        )
        if changed is not None:
            row = WordRow(
                **vars(row)
                | {
                    "changed": own.changed,
                    "shrunk_changed": (own.changed_count + PRIOR * changed) / (own.count + PRIOR),
                    "replacement": _replacement(tally, token_id, text),
                }
            )
        rows.append(row)
    rows.sort(key=lambda each: (-each.shrunk_entropy, each.token_id))
    return WordTable(
        tau=tally.tau,
        problems=tally.problems,
        tokens=tokens,
        mean_entropy=mean,
        words=len(tally.words),
        min_count=min_count,
        rows=tuple(rows),
        teacher=teacher,
        changed_share=changed,
    )


def _replacement(tally: WordTally, token_id: int, text: Callable[[int], str]) -> Replacement | None:
    found = tally.replacements.get(token_id)
    if not found:
        return None
    other, count = min(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return Replacement(other, text(other), count)


def _row(each: WordRow) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "word": spreadsheet_safe(each.text),
        "token id": each.token_id,
        "count": each.count,
        "problems": each.entropy.n,
        **interval_cells("mean entropy (nats)", each.entropy),
        "shrunk mean entropy (nats)": each.shrunk_entropy,
        **interval_cells("share above tau", each.above),
    }
    if each.changed is None:
        return row
    other = each.replacement
    return {
        **row,
        **interval_cells("share changed", each.changed),
        "shrunk share changed": each.shrunk_changed,
        "most often to": None if other is None else spreadsheet_safe(other.text),
        "token id of that": None if other is None else other.token_id,
        "times": 0 if other is None else other.count,
    }
