"""The table of claims to hand out, or one claim: the papers' figures beside those measured here,
with their controls, verdicts and runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.claims.claim import Figure as ClaimFigure
from core.claims.report import Report, RowFacts
from core.claims.table import ClaimRow
from core.claims.wording import figure_in_words
from core.errors import RunError
from core.export.document import Fact, Handout, Table
from core.export.figures import Figure, Unit
from core.runs.headline import Headline

_COLUMNS = ("claim", "the paper", "measured here", "control", "verdict")
_WIDTHS = (0.22, 0.2, 0.26, 0.16, 0.1)  # of a line of text
_UNITS: dict[str, Unit] = {"share": "share", "points": "difference"}


def claims_handout(report: Report, rows: Sequence[ClaimRow]) -> Handout:
    """The whole table, paper by paper.

    Args:
        report: of these rows.
        rows: of the table.
    """
    facts = dict(report.facts)
    return Handout(
        kind="Claims",
        title=report.title,
        line=facts.get("verdicts", ""),
        model=facts.get("model", ""),
        facts=report.facts,
        notices=report.notices,
        figures=tuple(figure for row in rows for figure in _first(row)),
        tables=(
            *(
                Table(title, _COLUMNS, tuple(map(_cells, claims)), note=address, widths=_WIDTHS)
                for title, address, claims in report.papers
            ),
            *_runs(report),
        ),
    )


def claim_handout(report: Report, row: ClaimRow) -> Handout:
    """One claim: every figure with its rule, the control, the verdict, what its runs took.

    Args:
        report: of this row alone.
        row: of the table.

    Raises:
        RunError: the report is of other claims.
    """
    claims = [(title, each) for title, _, found in report.papers for each in found]
    if [each.id for _, each in claims] != [row.claim.id]:
        raise RunError(f"This report isn't of the claim {row.claim.id} alone.", "Make another one.")
    ((paper, words),) = claims
    finding = row.finding
    first = None if finding is None else figure_in_words(finding.checks[0].figure)
    said = "Not measured here." if first is None else f"Measured here: {first}."
    return Handout(
        kind="Claim",
        title=row.claim.sentence,
        line=words.verdict if first is None else f"{words.verdict}: {first}",
        model=dict(report.facts).get("model", ""),
        facts=(("paper", paper), *report.facts),
        notices=report.notices,
        headline=Headline(words.verdict, f"{said} The paper: {words.stated}"),
        figures=_figures(row),
        tables=(
            Table("The claim", ("what", "words"), tuple(_said(words)), widths=(0.2, 0.74)),
            *_runs(report),
        ),
    )


def _cells(words: RowFacts) -> tuple[str, ...]:
    return (
        words.sentence,
        f"{words.stated} ({words.where})",
        " ".join(f"{each}." for each in (*words.measured, *(m.rstrip(".") for m in words.more))),
        words.control,
        words.verdict,
    )


def _said(words: RowFacts) -> Iterator[tuple[str, str]]:
    yield "the paper", f"{words.stated} ({words.where})"
    for each in words.measured:
        yield "measured here", each
    if words.control:
        yield "control", words.control
    yield "verdict", words.verdict
    for each in words.more:
        yield "to know", each


def _runs(report: Report) -> Iterator[Table]:
    """A table a run: its command, and what makes it the run that it is."""
    for each in report.runs:
        rows: list[Fact] = [("command", each.command)] if each.command else []
        yield Table(
            f"Run {each.id} ({each.title})",
            ("what", "value"),
            (*rows, *each.facts),
            widths=(0.2, 0.74),
        )


def _first(row: ClaimRow) -> Iterator[Figure]:
    """The figure that stands beside the paper's."""
    if row.finding is not None:
        check = row.finding.checks[0]
        yield _figure(check.figure, f"{row.claim.id}: {check.figure.label}", row)


def _figures(row: ClaimRow) -> tuple[Figure, ...]:
    """All figures of a claim, the control at the end."""
    finding = row.finding
    if finding is None:
        return ()
    first, *others = (each.figure for each in finding.checks)
    found = [_figure(first, first.label, row), *(_figure(each, each.label) for each in others)]
    if not isinstance(finding.control, str):
        found.append(_figure(finding.control, f"control: {finding.control.label}"))
    return tuple(found)


def _figure(found: ClaimFigure, name: str, row: ClaimRow | None = None) -> Figure:
    unit = _UNITS.get(found.unit, "amount")
    named = name if unit != "amount" or found.unit == "rank" else f"{name} ({found.unit})"
    papers = () if row is None else row.claim.numbers
    return Figure(named, found.estimate, unit, papers)
