"""A chain, a tree of its branches, or a chain that two models read, to hand out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

from core.chains.branch import Branch
from core.chains.fix_search import FixSearch
from core.chains.tree import ForkTree
from core.components.chain_view import chain_view, coloured_by_pivotality, with_parent
from core.components.heatmap_view import HeatmapView
from core.components.note_list import notes_of_tree
from core.components.tree_nodes import tree_nodes
from core.components.words import (
    VERDICT_SIGNS,
    chain_words,
    sampling_words,
    token_label,
    verdict_words,
    visible,
)
from core.disagreement.reading import ReadChain, with_teacher
from core.disagreement.token_classes import TokenClass
from core.errors import SessionError
from core.export.chain_tables import branch_table, change_table, fix_tables, fork_table
from core.export.document import ChainPart, Fact, Handout, NotePart, Table
from core.export.inert_json import inert_json
from core.models.spec import DEMO, DEMO_NOTICE
from core.records import Chain, ForkTemperature, Outcome, Problem
from core.runs.model_names import last_part, model_words
from core.system.percent import percent
from core.system.short_text import short

DEFAULT_TAU = ForkTemperature.tau
"""Threshold of forks in nats, the paper's for its smallest model."""

Unit = Literal["nats", "bits"]
_TITLE = 120  # characters
_MOST_BYTES = 900_000  # of the chains of a tree, so that the file stays below 1 MB


def chain_handout(
    chain: Chain, outcome: Outcome | None = None, tau: float = DEFAULT_TAU, unit: Unit = "nats"
) -> Handout:
    """One chain: its heatmap, its forks as a table.

    Args:
        outcome: its answer and verdict, where they are known.
        tau: threshold of forks, nats.
        unit: of the entropies on screen.
    """
    return Handout(
        kind="Chain",
        title=_title(chain.problem),
        line=_head(chain, outcome),
        model=model_words(chain.model, chain.adapter),
        facts=chain_facts(chain, tau),
        notices=notices_of(chain.model),
        question=chain.problem.question,
        gold=chain.problem.answer or "",
        chains=(ChainPart("b1", _head(chain, outcome), chain_view(chain, "b1", tau, unit)),),
        tables=(fork_table(chain, tau),),
    )


def branch_handout(
    tree: ForkTree, branch: Branch, tau: float = DEFAULT_TAU, unit: Unit = "nats"
) -> Handout:
    """One branch of a tree, with what was measured on it, and its notes."""
    whole = chain_handout(branch.chain, branch.outcome, tau, unit)
    part = _part(tree, branch, tau, unit)
    return replace(whole, chains=(part,), notes=tuple(_notes_of_branch(tree, branch)))


def tree_handout(tree: ForkTree, tau: float = DEFAULT_TAU, unit: Unit = "nats") -> Handout:
    """A tree: its branches with their endings, every chain, what was measured on them, all notes.

    Raises:
        SessionError: a tree without branches.
    """
    selected = tree.selected or next(iter(tree.branches), None)
    if selected is None:
        raise SessionError("There is no chain to hand out.", "Generate one first.")
    chain = selected.chain
    ordered = [selected, *(each for each in tree.branches if each.id != selected.id)]
    parts: list[ChainPart] = []
    size = 0
    for branch in ordered:
        size += _size(branch.chain)
        if parts and size > _MOST_BYTES:
            break
        parts.append(_part(tree, branch, tau, unit))
    left_out = len(ordered) - len(parts)
    said = f"The chains of {left_out} more branches are left out, to keep the file below 1 MB."
    answers = {each.outcome.answer or "no answer" for each in tree.branches}
    models = {model_words(each.chain.model, each.chain.adapter) for each in tree.branches}
    return Handout(
        kind="Tree",
        title=_title(tree.problem),
        line=f"{_many(len(tree.branches), 'branch', 'es')}, {_many(len(answers), 'ending')}",
        model=" and ".join(sorted(models)),
        facts=chain_facts(chain, tau),
        notices=(*notices_of(*(b.chain.model for b in tree.branches)), *[said] * bool(left_out)),
        question=tree.problem.question,
        gold=tree.problem.answer or "",
        chains=tuple(parts),
        nodes=tuple(tree_nodes(tree)),
        notes=tuple(
            NotePart(each.place, each.note.text, each.note.branch, each.note.position)
            for each in notes_of_tree(tree)
        ),
        tables=(branch_table(tree), *fix_tables(tree)),
    )


def comparison_handout(
    read: ReadChain,
    outcome: Outcome | None,
    teacher: str,
    tau: float = DEFAULT_TAU,
    unit: Unit = "nats",
) -> Handout:
    """A chain with both models' views of it: what a teacher would have written instead.

    Args:
        read: the chain, scored by both.
        outcome: of the chain, where it is known.
        teacher: the teacher's name.
    """
    chain, classes = read.chain, read.found.classes
    name = last_part(teacher)
    changed = sum(each is not TokenClass.UNSHIFTED for each in classes)
    whole = chain_handout(chain, outcome, tau, unit)
    view = with_teacher(whole.chains[0].view, read, name)
    share = percent(changed / len(chain)) if len(chain) else "0 %"
    many = f"{changed} of {len(chain)} tokens ({share})"
    own = read.along == "base"
    line = (
        f"{name} would change {many}" if own else f"{name} wrote this; the base differs at {many}"
    )
    written = whole.model if own else name
    return replace(
        whole,
        kind="Comparison",
        line=f"{line}; {whole.line}",
        facts=(*whole.facts, ("teacher", name), ("written by", written)),
        chains=(replace(whole.chains[0], view=view),),
        tables=(change_table(read, name),),
    )


def forks_table(chain: Chain, tau: float = DEFAULT_TAU) -> Table:
    """The forks of a chain by itself, strongest first.

    Args:
        tau: threshold of forks, nats.
    """
    table = fork_table(chain, tau)
    above = f"Entropy above {tau:g} nats."
    return replace(
        table, note=" ".join(filter(None, (table.note, above, *notices_of(chain.model))))
    )


def notices_of(*models: str) -> tuple[str, ...]:
    """What a reader must know of these models before their numbers."""
    return (DEMO_NOTICE,) if DEMO in models else ()


def chain_facts(chain: Chain, tau: float) -> tuple[Fact, ...]:
    """How a chain was made."""
    facts: list[Fact] = [
        ("model", model_words(chain.model, None) + (", a teaching model" * (chain.model == DEMO))),
        ("revision", chain.revision or "none named"),
        ("adapter", "none" if chain.adapter is None else _adapter(chain)),
        ("precision", _precision(chain)),
        ("prompt style", chain.prompt_style),
        ("sampler", f"{sampling_words(chain)}, up to {chain.sampler.max_new_tokens:,} tokens"),
        ("seed", str(chain.seed)),
        ("fork", f"entropy above {tau:g} nats"),
    ]
    if chain.sampler.stop:
        facts.append(("stop strings", ", ".join(map(visible, chain.sampler.stop))))
    if chain.prompt_date:
        facts.append(("date in the prompt", chain.prompt_date))
    if chain.problem.id:
        source = f" of {chain.problem.source}" if chain.problem.source else ""
        facts.append(("problem", f"{chain.problem.id}{source}"))
    facts.append(("versions", versions_words(chain.versions)))
    return tuple(facts)


def versions_words(versions: Mapping[str, str]) -> str:
    """Versions in one line: "python 3.11.2, torch 2.12.1"."""
    return ", ".join(f"{name} {each}" for name, each in versions.items()) or "not recorded"


def _adapter(chain: Chain) -> str:
    return model_words("", chain.adapter).removeprefix(" + adapter ")


def _precision(chain: Chain) -> str:
    return chain.dtype if chain.quantization == "none" else f"{chain.quantization} weights"


def _title(problem: Problem) -> str:
    return short(" ".join(problem.question.split()), _TITLE) or problem.id or "A chain"


def _head(chain: Chain, outcome: Outcome | None) -> str:
    parts = chain_words(chain)
    if outcome is not None:
        sign = VERDICT_SIGNS[outcome.overruled or outcome.verdict]
        answer = "" if outcome.answer is None else f"{short(outcome.answer)} · "
        parts.insert(0, f"{sign} {answer}{verdict_words(outcome)}")
    return " · ".join(parts)


def _part(tree: ForkTree, branch: Branch, tau: float, unit: Unit) -> ChainPart:
    """A branch with its marks: the shared prefix, tokens that fix the answer, pivotality."""
    found = tree.findings(branch.id)
    view = chain_view(branch.chain, branch.id, tau, unit)
    view = replace(
        with_parent(view, tree, branch),
        initial_selection=branch.position,
        notes=tree.notes_on(branch.id),
    )
    if branch.id == tree.selection.branch:
        view = replace(view, initial_selection=tree.selection.position)
    if found.pivotality:
        view = coloured_by_pivotality(view, found.pivotality.values())
    if found.fix is not None:
        view = _with_fixes(view, found.fix)
    head = " · ".join(filter(None, (_head(branch.chain, branch.outcome), branch.name)))
    return ChainPart(branch.id, head, view)


def _notes_of_branch(tree: ForkTree, branch: Branch) -> Iterator[NotePart]:
    """The notes on a branch and on its tokens, also on those that it shares."""
    if own := tree.note(branch.id):
        yield NotePart("the chain", own, branch.id)
    for position, text in tree.notes_on(branch.id).items():
        place = f"#{position} {token_label(branch.chain, position)}"
        yield NotePart(place, text, branch.id, position)


def _with_fixes(view: HeatmapView, fix: FixSearch) -> HeatmapView:
    marks: dict[int, Literal["fixes", "tried"]] = {}
    for each in (*fix.attempts, *fix.control):
        if each.turned:
            marks[each.attempt.position] = "fixes"
    for each in fix.attempts:
        marks.setdefault(each.attempt.position, "tried")
    return replace(view, fix_marks=marks)


def _size(chain: Chain) -> int:
    """Bytes that a chain takes in a file, about."""
    texts = {text for row in chain.top_tokens for text in row}
    own = len(inert_json(chain.tokens)) + len(inert_json(list(texts)))
    k: int = chain.statistics.top_ids.shape[1]
    return own + len(chain) * (24 + 8 * k)


def _many(n: int, noun: str, ending: str = "s") -> str:
    return f"{n} {noun}{ending if n != 1 else ''}"
