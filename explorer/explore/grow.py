"""Grow the tree: a chain's forks and those of the new chains, endings by answer, random control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.chains.branch import Branch
from core.chains.expansion.opening import way_to
from core.chains.expansion.records import AnswerShare, Expansion, Growth
from core.chains.forks import fork_positions
from core.chains.settings import ExpansionSettings
from core.chains.tree import ForkTree
from core.records import Verdict
from core.runs.settings import changed
from core.system.percent import percent, percent_span
from explorer.components.row_table import (
    Column,
    RichCell,
    RowTable,
    TableRow,
    read_action,
    row_table,
)
from explorer.components.row_table.view import Tone
from explorer.explore.forcing import same_model, wait
from explorer.explore.growing import grown_from, start_growth, start_opening
from explorer.explore.measuring import alternatives_of, cost
from explorer.explore.work_line import progress_words
from explorer.shared.folding import folded
from explorer.shared.messages import (
    VERDICT_SIGNS,
    VERDICT_WORDS,
    plain,
    short,
    teaching_notice,
    token_label,
    visible,
)
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState

_TABLE = "grown_answers"
_OPEN, _BESIDE = "open", "beside"
_STEPS = 4  # forced tokens of a way that are written out
_FIELDS = ("depth", "width", "budget", "floor", "temperature", "at")
_TONES: dict[Verdict, Tone] = {Verdict.CORRECT: "correct", Verdict.WRONG: "wrong"}
_COLUMNS = [
    Column("answer", "Answer", width="minmax(5rem, 1.4fr)"),
    Column("verdict", "Verdict", width="minmax(4rem, 1.2fr)", least=480),
    Column("endings", "Endings", "number", "minmax(5.6rem, 0.9fr)", sort="desc"),
    Column("probability", "Probability", "number", "minmax(5.4rem, 0.7fr)", sort="desc"),
    Column("example", "Example", width="minmax(6rem, 2.6fr)", least=560, sort=""),
]


def grow_panel(state: BrowserState, branch: Branch) -> None:
    """Settings, and what grew from this branch or from the nearest one before it."""
    tree = state.opened.session.tree
    if tree is None:
        return
    owner = grown_from(tree, branch)
    growth = tree.findings(owner.id).growth
    work = state.opened.work
    running = state.opened.busy and work.kind == "grow" and work.tree is tree

    def draw() -> None:
        st.caption(
            "Other tokens are put in at every fork of this chain and continued to the end, and so "
            "on at the forks of the new chains: where could this problem have ended?"
        )
        settings = _settings(state, branch)
        _start(state, tree, branch, settings)
        with st.container(key="grown"):
            if running and work.growing is not None:
                _live(state, work.growing.answers)
            elif growth is not None:
                _results(state, tree, owner, branch, growth)

    folded("Grow the tree", "grow", draw, icon=":material/account_tree:")


def _settings(state: BrowserState, branch: Branch) -> ExpansionSettings:
    fields = SettingFields(state.form, ExpansionSettings, "expand")
    with st.container(key="grow_fields"):
        places = st.columns(len(_FIELDS), vertical_alignment="bottom")
    looks: dict[str, dict[str, Any]] = {
        "temperature": {"step": 0.1},
        "floor": {"format": "%.3f", "step": 0.005},
    }
    for place, name in zip(places, _FIELDS, strict=True):
        fields.draw(place, name, **looks.get(name, {}))
    return changed(ExpansionSettings(), {**fields.values, "tau": state.tau})


def _start(
    state: BrowserState, tree: ForkTree, branch: Branch, settings: ExpansionSettings
) -> None:
    chain = branch.chain
    forks = [int(each) for each in fork_positions(chain, settings.tau)]
    growth = tree.findings(branch.id).growth
    go_on = growth is not None and not growth.complete and _settings_of(growth) == settings
    with st.container(horizontal=True, vertical_alignment="center", key="grow_start"):
        st.button(
            "Continue" if go_on else "Grow" if growth is None else "Grow again",
            icon=":material/account_tree:",
            type="primary" if growth is None else "secondary",
            disabled=state.opened.busy or not same_model(state, chain) or not forks,
            help="Endings that are known already are not decoded again",
            on_click=_grow,
            args=(state, branch, settings),
            key="grow",
        )
        if not forks:
            st.caption("No token is above the threshold. Lower τ below the chain.")
            return
        width = min(settings.width, alternatives_of(chain))
        positions = forks * (2 if settings.at == "both" else 1)
        level = width * sum(len(chain) - each for each in forks)
        share = min(settings.budget / level, 1.0)  # of the first level, which the budget reaches
        time = cost(state.opened, chain, positions, width, share)
        control = ", and as many for the control" if len(positions) > len(forks) else ""
        st.caption(
            f"First level: {len(forks)} {'fork' if len(forks) == 1 else 'forks'} above "
            f"{settings.tau:g} nats × {width} other {'token' if width == 1 else 'tokens'}"
            + (f", about {level:,} tokens: more than the budget" if share < 1 else time)
            + f". In all at most {settings.budget:,} tokens{control}{time if share < 1 else ''}."
        )


def _live(state: BrowserState, answers: Mapping[tuple[str | None, Verdict], int]) -> None:
    """How far it is, since the line in the chain's card is far above; the answers so far, by their
    spelling."""
    task = state.opened.task
    if task is not None:
        with st.container(key="grow_work", horizontal=True, vertical_alignment="center"):
            st.markdown(plain(progress_words(task, state.opened.work)), width="content")
            st.button(
                "Cancel",
                key="cancel growth",
                on_click=state.opened.cancel,
                disabled=task.cancelled(),
            )
    found = sorted(answers.items(), key=lambda each: -each[1])[:8]
    words = " · ".join(
        f"{VERDICT_SIGNS[verdict]} {plain(short(answer or 'no answer', 16))} ×{count}"
        for (answer, verdict), count in found
    )
    if words:
        st.markdown(f"So far: {words}")


def _results(
    state: BrowserState, tree: ForkTree, owner: Branch, branch: Branch, growth: Growth
) -> None:
    if owner.id != branch.id:
        st.caption(f"Grown from {plain(_name(owner))}, which this branch comes from.")
    teaching_notice(owner.chain.model)
    shown = growth.forks or growth.random
    assert shown is not None
    st.markdown(_summary(shown))
    row_table(
        _table(state, owner, shown),
        key=_TABLE,
        on_act=lambda: _on_act(state, tree, owner, growth),
    )
    left, right = st.columns(2)
    left.markdown(_differing(growth.forks, "At forks"))
    right.markdown(_differing(growth.random, "Control: at random positions that are not forks"))
    st.caption(
        "*Endings* counts chains, the one above among them; *Probability* weights each by the "
        "chance of its turns at the forks that were tried, the tokens in between taken as given. "
        "This explores one chain: whether forks decide answers on a problem set is measured by "
        "**Interventions**."
    )


def _summary(tree: Expansion) -> str:
    levels = ", ".join(f"{n} at depth {depth}" for depth, n in enumerate(tree.levels, 1))
    parts = [f"**{tree.grown:,} endings** grew" + (f" ({levels})" if len(tree.levels) > 1 else "")]
    parts.append(f"{tree.tokens:,} tokens")
    if tree.pruned:
        parts.append(
            f"{tree.pruned:,} branches below a path probability of {tree.settings.floor:g} left out"
        )
    parts.append(
        {
            "all": "complete",
            "budget": "the budget is used up",
            "cancelled": "cancelled; *Continue* takes it up again",
        }[tree.ended]
    )
    parts.append(f"{percent(tree.explored, 0)} of the probability at these forks")
    return " · ".join(parts)


def _differing(tree: Expansion | None, title: str) -> str:
    if tree is None:
        return f"{title}:  \nnot measured."
    if tree.differing is None:
        return f"{title}:  \nnothing grew."
    found = tree.differing
    return (
        f"{title}:  \n**{tree.differing_endings} of {tree.grown}** answer otherwise than the chain "
        f"they leave ({percent(found.value, 0)}, 95 % interval "
        f"{percent_span(found.low, found.high, 0)} over {found.n} "
        f"{'position' if found.n == 1 else 'positions'})."
    )


def _table(state: BrowserState, owner: Branch, tree: Expansion) -> RowTable:
    return RowTable(
        id=f"{state.opened.id} {owner.id} {tree.at} {tree.grown} {tree.tokens}",
        label="Answers of the tree",
        columns=_COLUMNS,
        rows=[_row(owner, tree, number, each) for number, each in enumerate(tree.answers)],
        search="Search answers",
        menu={_OPEN: "Open the example as a branch", _BESIDE: "Show it beside this chain"},
        click="open",
        height=320,
    )


def _row(owner: Branch, tree: Expansion, number: int, each: AnswerShare) -> TableRow:
    answer = "no answer that can be read" if each.answer is None else short(each.answer, 60)
    total = tree.grown + 1
    tone = _TONES.get(each.verdict, "quiet")
    there = tree.at == "forks" and (each.example is None or each.example < len(tree.endings))
    return TableRow(
        id=str(number),
        name=answer,
        cells=[
            RichCell(f"{VERDICT_SIGNS[each.verdict]} {answer}", answer, tone=tone),
            RichCell(VERDICT_WORDS[each.verdict], tone=tone),
            RichCell(str(each.endings), each.endings, note=percent(each.endings / total, 0)),
            RichCell(percent(each.probability), each.probability),
            RichCell(_example(owner, tree, each)),
        ],
        menu=[_OPEN, _BESIDE] if there else [],
    )


def _example(owner: Branch, tree: Expansion, each: AnswerShare) -> str:
    """The forced tokens that lead to an answer's example."""
    if each.example is None:
        return "the chain itself"
    if each.example >= len(tree.endings):
        return "not kept"
    endings = [tree.endings[number] for number in way_to(tree, each.example)]
    steps = [f"#{ending.position} {visible(ending.token)}" for ending in endings]
    return ("… → " if len(steps) > _STEPS else "") + " → ".join(steps[-_STEPS:])


def _name(branch: Branch) -> str:
    if branch.name:
        return branch.name
    if branch.position is None:
        return "the chain from the prompt"
    return f"#{branch.position} {token_label(branch.chain, branch.position)}"


def _settings_of(growth: Growth) -> ExpansionSettings | None:
    shown = growth.forks or growth.random
    return None if shown is None else shown.settings


def _grow(state: BrowserState, branch: Branch, settings: ExpansionSettings) -> None:
    start_growth(state.opened, state.opened.spec, branch, settings)
    wait(state)


def _on_act(state: BrowserState, tree: ForkTree, owner: Branch, growth: Growth) -> None:
    asked = read_action(_TABLE)
    if asked is None or growth.forks is None or state.opened.busy or not asked.rows:
        return
    number = asked.rows[0]
    if not number.isdecimal() or int(number) >= len(growth.forks.answers):
        return
    example = growth.forks.answers[int(number)].example
    if example is not None:
        start_opening(state, tree, owner, example, beside=asked.name == _BESIDE)
    elif asked.name == _BESIDE and tree.selection.branch != owner.id:
        state.beside = owner.id
    else:
        tree.select(owner.id, owner.position)
