"""What is handed out, before it is a file: a chain, a tree, a comparison, a run or claims."""

from __future__ import annotations

from dataclasses import dataclass

from core.components.heatmap_view import HeatmapView
from core.components.tree_nodes import TreeNode
from core.export.figures import Figure
from core.runs.headline import Headline
from core.system.in_notebook import InNotebook

Fact = tuple[str, str]
"""A name and its value, as text."""


@dataclass(frozen=True)
class Table(InNotebook):
    """A table of text.

    Attributes:
        widths: of its columns in LaTeX, as shares of a line: their texts then break; empty where
            no cell is long.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    widths: tuple[float, ...] = ()


@dataclass(frozen=True)
class NotePart:
    """A note that a person wrote."""

    place: str  # what it is on: "#4 ␣Cuts", "b2 · the chain"; empty for a run
    said: str  # may have several lines
    chain: str = ""  # id of a `ChainPart`; empty for a run
    position: int | None = None  # of a token


@dataclass(frozen=True, eq=False)
class ChainPart:
    """A chain with its verdict in words."""

    id: str
    head: str  # "✗ 16, wrong · 60 tokens · greedy"
    view: HeatmapView


@dataclass(frozen=True)
class ChainText:
    """A chain that is shown as text alone."""

    head: str
    text: str


@dataclass(frozen=True)
class ProblemPart:
    """A problem of a run with its chains."""

    question: str
    gold: str
    head: str  # "2 of 4 correct"
    chains: tuple[ChainText, ...] = ()


@dataclass(frozen=True, eq=False)
class Handout(InNotebook):
    """Everything that a file shows.

    Attributes:
        kind: "Chain", "Tree", "Comparison", "Claims", "Claim", or what kind of run it is.
        title: in one line.
        line: what it shows, in one line.
        model: in few words.
        facts: how it was made.
        notices: what the reader must know first, such as that the model is a teaching model.
        question, gold: of the one problem it is about; empty for a run.
        headline: of a run or a claim.
        notes: what people wrote on the run, on chains and on their tokens.
        chains: the first one is on screen; a tree has one a branch.
        nodes: the branches of a tree.
        figures: with n and interval.
        problems: of a run, with as many chains as fit.
        left_out: what didn't fit, in one sentence; empty if all is there.
    """

    kind: str
    title: str
    line: str
    model: str
    facts: tuple[Fact, ...]
    notices: tuple[str, ...] = ()
    question: str = ""
    gold: str = ""
    headline: Headline | None = None
    notes: tuple[NotePart, ...] = ()
    chains: tuple[ChainPart, ...] = ()
    nodes: tuple[TreeNode, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    problems: tuple[ProblemPart, ...] = ()
    left_out: str = ""
