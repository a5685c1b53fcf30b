"""The lesson on paper: one HTML file that needs nothing else, with or without the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from pathlib import Path

import numpy as np

from core.components.assets import read_assets
from core.components.chain_view import chain_view
from core.components.words import token_label
from core.export.document import ChainPart, Handout, Table
from core.export.files import program
from core.export.page import document, table_element
from core.export.pictures import svg_picture
from core.export.scrubbing import Scrubber, scrubbed
from core.lessons.amounts import Unit, amount
from core.lessons.chains import TriedFork
from core.lessons.checks import ChoiceCheck
from core.lessons.lesson import Lesson
from core.lessons.outline import MINUTES, STEPS, TITLE, Step
from core.lessons.questions import alternative_label, ending_words, sweeps
from core.lessons.toy import BEFORE, PRESETS, TOKENS, shares, toy_entropy
from core.records import Chain
from core.runs.headline import counted
from core.system.percent import percent, percent_span

_STYLES = (
    (Path(__file__).parents[1] / "export", "page.css"),
    (Path(__file__).parent, "worksheet.css"),
)
_INCHES = 4.5  # of a picture, which is as wide as the page: its type is then as large as the text


@dataclass(frozen=True)
class _Section:
    """One step on paper; `question` and `text` are what a problem and a model say."""

    title: str
    says: tuple[str, ...]
    question: str = ""
    text: str = ""
    picture: ChainPart | None = None
    table: Table | None = None
    ask: str = ""
    options: tuple[str, ...] = ()
    correct: tuple[bool, ...] = ()
    answer: str = ""
    notes: tuple[str, ...] = ()


def worksheet(
    lesson: Lesson,
    *,
    answers: bool = False,
    unit: Unit = "nats",
    day: date | None = None,
    scrubber: Scrubber | None = None,
) -> str:
    """The file: steps, questions and room to answer; for the teacher with answers and notes.

    Args:
        answers: whether it is the teacher's.
        unit: of entropies.
        day: written below; None: today.
        scrubber: takes names of this machine out; None: of this machine.
    """
    clean = scrubber or Scrubber.of_this_machine()
    sections = [scrubbed(_section(lesson, step, unit, answers), clean) for step in STEPS]
    model = clean.prose(lesson.model)
    title = f"{TITLE} {'With answers' if answers else 'Worksheet'}"
    blanks = "" if answers else '<p class="fill">Name <span></span> Date <span></span></p>'
    body = "\n".join(
        (
            f'<header><p class="kind">{"For the teacher" if answers else "Worksheet"} · '
            f"{MINUTES} minutes · model {escape(model)}</p><h1>{escape(TITLE)}</h1></header>",
            "<main>",
            *(f'<p class="notice" role="note">{escape(each)}</p>' for each in lesson.notices),
            blanks,
            *(_html(number, each, model) for number, each in enumerate(sections, 1)),
            "</main>",
            f"<footer>Made with {escape(program())} on {(day or date.today()).isoformat()}. "
            "This file loads nothing from elsewhere.</footer>",
        )
    )
    style = "\n".join(read_assets(*each) for each in _STYLES)
    return document(title, style, body)


def _section(lesson: Lesson, step: Step, unit: Unit, answers: bool) -> _Section:
    check = lesson.check(step, unit)
    plain = _Section(step.title, (step.says, step.on_paper), notes=step.notes if answers else ())
    if check is None:
        return replace(plain, says=(step.says, lesson.missing(step, unit)))
    section = replace(
        _filled(plain, lesson, step, unit, answers),
        ask=check.question,
        answer=_answer(lesson, step, unit, check.answer) if answers else "",
    )
    if not isinstance(check, ChoiceCheck):
        return section
    return replace(
        section,
        options=check.options,
        correct=tuple(each.correct and answers for each in check.choices),
    )


def _answer(lesson: Lesson, step: Step, unit: Unit, answer: str) -> str:
    return " ".join((answer, *lesson.figures(step, unit) * (step.key != "control")))


def _filled(section: _Section, lesson: Lesson, step: Step, unit: Unit, answers: bool) -> _Section:
    """What is looked at in a step."""
    if step.key == "entropy":
        return replace(section, table=_toy_table(unit))
    if step.key == "control":
        return replace(section, table=_control_table(lesson))
    chains = lesson.chains
    assert chains is not None or step.key in ("tuning", "claims")
    if step.key == "heatmap" and lesson.reading is not None:
        chain = lesson.reading.chain
        return replace(_with_problem(section, chain), picture=_picture(lesson, chain, unit))
    if step.key == "guess" and chains is not None and chains.other is not None:
        chain = chains.other.chain
        return replace(
            _with_problem(section, chain), text="".join(chain.tokens[: chain.answer_length]).strip()
        )
    if step.key == "force" and chains is not None and chains.fork is not None:
        leads = [ending_words(each) if answers else "" for each in chains.fork.endings]
        table = _alternatives(chains.fork, leads, unit)
        return replace(_with_problem(section, chains.fork.chain), table=table)
    if step.key == "idle" and chains is not None and chains.idle is not None:
        idle = chains.idle
        return replace(
            _with_problem(section, idle.chain),
            picture=_picture(lesson, idle.chain, unit, idle.position),
            table=_alternatives(
                idle, [each.outcome.answer or "no answer" for each in idle.endings], unit
            ),
        )
    return section


def _with_problem(section: _Section, chain: Chain) -> _Section:
    return replace(section, question=chain.problem.question)


def _picture(lesson: Lesson, chain: Chain, unit: Unit, framed: int | None = None) -> ChainPart:
    """A chain without its verdict; one token may have a frame."""
    view = chain_view(chain, "chain", lesson.settings.tau, unit)
    forced = np.arange(len(chain)) == (-1 if framed is None else framed)
    return ChainPart("chain", "", replace(view, forced=forced))


def _toy_table(unit: Unit) -> Table:
    rows = []
    for name, weights in PRESETS:
        nats = toy_entropy(weights)
        assert nats is not None
        rows.append((name, *(percent(each, 0) for each in shares(weights)), amount(nats, unit)))
    return Table(f"“{BEFORE} …”", ("", *TOKENS, "entropy"), tuple(rows))


def _alternatives(fork: TriedFork, leads_to: Sequence[str], unit: Unit) -> Table:
    logprobs = fork.chain.statistics.top_logprobs[fork.position]
    rows = tuple(
        (
            alternative_label(fork, number),
            percent(float(np.exp(logprobs[number]))),
            leads,
        )
        for number, leads in enumerate(leads_to)
    )
    label = token_label(fork.chain, fork.position)
    return Table(
        f"At #{fork.position} “{label}”, {amount(fork.nats, unit)}",
        ("token", "probability", "leads to"),
        rows,
    )


def _control_table(lesson: Lesson) -> Table | None:
    found = None if lesson.control is None else sweeps(lesson.control)
    if found is None:
        return None
    rows = tuple(
        (name, f"{each.attempts:,}", f"{each.attempts_right:,}", percent(each.rescues.value),
         percent_span(each.rescues.low, each.rescues.high), str(each.recovered.n))
        for name, each in zip(("at forks", "at random positions"), found, strict=True)
    )  # fmt: skip
    columns = ("forced", "tries", "fixed", "share", "95 % interval", "wrong chains")
    return Table(f"{counted(lesson.problems, 'problem')}, {lesson.model}", columns, rows)


def _html(number: int, section: _Section, model: str) -> str:
    return "\n".join(_parts(number, section, model))


def _parts(number: int, section: _Section, model: str) -> Iterator[str]:
    yield f'<section class="step">\n<h2>{number}. {escape(section.title)}</h2>'
    yield from (f"<p>{escape(each)}</p>" for each in section.says)
    if section.question:
        yield f'<p class="question">{escape(section.question)}</p>'
    if section.text:
        yield f'<p class="chain-text">{escape(section.text)}</p>'
    if section.picture is not None:
        yield _svg(section, section.picture, model)
    if section.table is not None:
        yield f'<p class="quiet">{escape(section.table.caption)}</p>'
        yield table_element(section.table)
    if section.ask:
        yield f'<p class="ask">{escape(section.ask)}</p>'
    if section.options:
        rows = zip(section.options, section.correct, strict=True)
        items = "\n".join(
            f"<li>{'☒' if correct else '☐'} {escape(option)}</li>" for option, correct in rows
        )
        yield f'<ul class="options">\n{items}\n</ul>'
    elif section.ask and not section.answer:
        yield '<div class="line"></div><div class="line"></div>'
    if section.answer:
        yield f'<p class="answer"><strong>Answer.</strong> {escape(section.answer)}</p>'
    if section.notes:
        notes = "\n".join(f"<li>{escape(each)}</li>" for each in section.notes)
        yield f'<ul class="quiet">\n{notes}\n</ul>'
    yield "</section>"


def _svg(section: _Section, part: ChainPart, model: str) -> str:
    handout = Handout("Chain", section.question, section.title, model, (), chains=(part,))
    return svg_picture(handout, _INCHES)
