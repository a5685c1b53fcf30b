"""Pictures at the width of a paper's column: a chain, a tree, the figures of a run, as SVG.

All text is in Helvetica, Arial or what stands for them; every text has its measured length, so that
a viewer with another font keeps the lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

import numpy as np

from core.components.heatmap_view import HeatmapView
from core.components.tree_nodes import TreeNode
from core.components.words import VERDICT_SIGNS, visible
from core.errors import FileError
from core.export.document import ChainPart, Handout
from core.export.figures import Figure
from core.export.type_setting import clipped, set_tokens, text_width
from core.records import Verdict
from core.system.terminal_text import printable

COLUMN, PAGE = 3.25, 6.75
"""Inches: one column of a paper, and the width of its text."""

_POINT = 72  # points per inch
_SIZE, _SMALL, _LINE = 8.0, 6.5, 15.0  # points: type, small type, from line to line
_HEAT, _FORK, _ACCENT = "#ff9a3c", "#a34700", "#1f5fa8"
_INK, _QUIET, _HAIR = "#1c1e24", "#565a66", "#b9bdc7"
_GREEN, _RED = "#136c2e", "#b3262a"
_FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_RUN = re.compile(r"[\u0020-\u024f\u2010-\u2026\u2212]+|[^\u0020-\u024f\u2010-\u2026\u2212]+")
_MOST_TOKENS = 4_000
_MOST_FIGURES = 40


def svg_picture(handout: Handout, inches: float = PAGE) -> str:
    """The picture of what is handed out, as an SVG file.

    Args:
        handout: scrubbed.
        inches: width of the picture.

    Raises:
        FileError: there is nothing to draw.
    """
    sheet = _Sheet(inches * _POINT)
    if handout.nodes:
        _draw_tree(sheet, handout.nodes)
    elif handout.chains:
        _draw_chain(sheet, handout.chains[0])
    elif any(_is_drawn(each) for each in handout.figures):
        _draw_figures(sheet, [each for each in handout.figures if _is_drawn(each)])
    else:
        raise FileError("There is no picture of this.", "Export it as html, md or tex instead.")
    _foot(sheet, handout)
    return sheet.text(handout.title, f"{handout.kind}. {handout.line}")


class _Sheet:
    """A drawing that grows downwards; lengths are in points."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.y = 0.0  # the top of what comes next
        self._root = Xml.Element("g", {"font-family": _FONT})

    def rect(self, x: float, y: float, width: float, height: float, **look: str) -> None:
        self._add("rect", x=x, y=y, width=width, height=height, **look)

    def line(self, x1: float, y1: float, x2: float, y2: float, **look: str) -> None:
        self._add("line", x1=x1, y1=y1, x2=x2, y2=y2, **look)

    def circle(self, x: float, y: float, r: float, **look: str) -> None:
        self._add("circle", cx=x, cy=y, r=r, **look)

    def write(
        self, text: str, x: float, y: float, size: float = _SIZE, fill: str = _INK, **look: str
    ) -> None:
        """Text from x on, with its foot at y."""
        for run in _RUN.findall(_drawable(text)):  # a viewer may have a letter in another font only
            long = text_width(run, size)
            if run.strip():
                element = self._add(
                    "text",
                    x=x,
                    y=y,
                    font_size=size,
                    fill=fill,
                    textLength=long,
                    lengthAdjust="spacingAndGlyphs",
                    **look,
                )
                element.text = run
            x += long

    def _add(self, tag: str, **attributes: object) -> Xml.Element:
        named = {name.replace("_", "-"): _number(value) for name, value in attributes.items()}
        return Xml.SubElement(self._root, tag, named)

    def text(self, title: str, description: str) -> str:
        width, height = self.width, self.y
        svg = Xml.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "width": f"{_number(width / _POINT)}in",
                "height": f"{_number(height / _POINT)}in",
                "viewBox": f"0 0 {_number(width)} {_number(height)}",
                "role": "img",
            },
        )
        Xml.SubElement(svg, "title").text = _drawable(title)
        Xml.SubElement(svg, "desc").text = _drawable(description)
        paper = {"width": "100%", "height": "100%", "fill": "#ffffff"}
        Xml.SubElement(svg, "rect", paper)
        svg.append(self._root)
        return Xml.tostring(svg, encoding="unicode") + "\n"


def _draw_chain(sheet: _Sheet, part: ChainPart) -> None:
    view = part.view
    _head(sheet, part.head)
    texts = [_shown(token) for token in view.tokens[:_MOST_TOKENS]]
    placed, lines = set_tokens(texts, _SIZE, sheet.width - 2)
    heat, forks = _heat(view), _forks(view)
    marks = view.marks or [""] * len(view)
    top = sheet.y + 3
    for piece in placed:
        i, x, y = piece.token, 1 + piece.x, top + piece.line * _LINE
        dim = i < view.shared_prefix or (view.run_on is not None and i >= view.run_on)
        if heat[i] > 0:
            opacity = f"{heat[i] * (0.45 if dim else 1):.3f}"
            sheet.rect(x, y, piece.width, 11, fill=_HEAT, fill_opacity=opacity, rx="1.5")
        if forks[i]:
            sheet.line(x, y + 11, x + piece.width, y + 11, stroke=_FORK, stroke_width="1.2")
        if view.forced[i]:
            sheet.rect(x, y, piece.width, 11, fill="none", stroke=_INK, stroke_width="0.6")
        if marks[i] == "reranked":
            sheet.line(x, y, x + piece.width, y, stroke=_ACCENT, stroke_width="1.2")
        elif marks[i] == "shifted":
            sheet.rect(x, y, piece.width, 11, fill="none", stroke=_ACCENT, stroke_width="1.2")
        if view.fix_marks.get(i) == "fixes":
            sheet.write("★", x + piece.width - 3, y + 2, 5, _GREEN)
        sheet.write(piece.text, x, y + 8.4, fill=_QUIET if dim else _INK)
    sheet.y = top + lines * _LINE
    if len(view) > _MOST_TOKENS:
        sheet.write(f"The first {_MOST_TOKENS:,} of {len(view):,} tokens.", 1, sheet.y, _SMALL)
        sheet.y += 10
    _legend(sheet, view)


def _legend(sheet: _Sheet, view: HeatmapView) -> None:
    """What colour and line mean, in one line or two."""
    by_values = view.values is not None
    low, high = (0.0, view.values_top) if by_values else (view.scale.base, view.scale.top)
    y, x = sheet.y + 9, 1.0
    per = math.log(2) if view.unit == "bits" else 1.0  # nats per unit
    if not by_values:
        low, high = low / per, high / per
    words = f"{view.values_label if by_values else f'entropy ({view.unit})'} {low:.2g}"
    sheet.write(words, x, y, _SMALL, _QUIET)
    x += text_width(words, _SMALL) + 4
    for step in range(10):
        sheet.rect(x + 4 * step, y - 5.5, 4, 6, fill=_HEAT, fill_opacity=f"{(step + 0.5) / 10:.2f}")
    sheet.write(f"{high:.2g}+", x + 44, y, _SMALL, _QUIET)
    x += 44 + text_width(f"{high:.2g}+", _SMALL) + 10
    count = int(_forks(view).sum())
    forks = f"{count} fork{'s' * (count != 1)} above {view.tau / per:.2f} {view.unit}"
    if x + 10 + text_width(forks, _SMALL) > sheet.width:
        x, y = 1.0, y + 10
    sheet.line(x, y + 1, x + 8, y + 1, stroke=_FORK, stroke_width="1.2")
    sheet.write(forks, x + 11, y, _SMALL, _QUIET)
    if view.marks is not None:
        y, x = y + 10, 1.0
        sheet.line(x, y - 5, x + 8, y - 5, stroke=_ACCENT, stroke_width="1.2")
        sheet.write("reranked", x + 11, y, _SMALL, _QUIET)
        sheet.rect(x + 50, y - 5.5, 8, 6, fill="none", stroke=_ACCENT, stroke_width="1.2")
        sheet.write("shifted", x + 61, y, _SMALL, _QUIET)
    sheet.y = y + 4


def _draw_tree(sheet: _Sheet, nodes: Sequence[TreeNode]) -> None:
    """A row a branch, below its parent and indented by it."""
    children: dict[str | None, list[TreeNode]] = {}
    for node in nodes:
        children.setdefault(node.parent_id, []).append(node)
    foot: dict[str, float] = {}  # of a branch, where its children's line begins
    step, y = min(16.0, sheet.width / 16), sheet.y + 12

    def draw(node: TreeNode, depth: int) -> None:
        nonlocal y
        x = 4 + step * depth
        if node.parent_id in foot:
            left = x - step + 3
            sheet.line(left, foot[node.parent_id], left, y - 3, stroke=_HAIR, stroke_width="0.8")
            sheet.line(left, y - 3, x, y - 3, stroke=_HAIR, stroke_width="0.8")
        forced = "" if node.position is None else f"#{node.position} {node.forced_token} → "
        sign, ink = _sign(node)
        sheet.write(forced, x + 2, y, fill=_QUIET)
        x += 2 + text_width(_drawable(forced), _SIZE)
        sheet.write(sign, x, y, fill=ink, font_weight="bold")
        answer = f"{node.answer or node.label}{' · ' * bool(node.name)}{node.name}"
        sheet.write(clipped(answer, _SIZE, max(20.0, sheet.width - x - 12)), x + 9, y)
        foot[node.id] = y + 3
        y += _LINE
        for child in children.get(node.id, ()):
            draw(child, min(depth + 1, 10))

    for root in children.get(None, ()):
        draw(root, 0)
    sheet.y = y - 6


def _draw_figures(sheet: _Sheet, figures: Sequence[Figure]) -> None:
    """A dot with its 95 % interval a figure, on one axis from 0 to 100 %."""
    shown = figures[:_MOST_FIGURES]
    label = 0.42 * sheet.width
    left, right = label + 6, sheet.width - 34
    top, y = sheet.y + 4, sheet.y + 14
    bottom = top + len(shown) * 13 + 4
    for tick in range(0, 101, 25):
        x = left + (right - left) * tick / 100
        sheet.line(x, top, x, bottom, stroke=_HAIR, stroke_width="0.5")
        words = f"{tick} %" if tick == 100 else str(tick)
        sheet.write(words, x - text_width(words, _SMALL) / 2, bottom + 8, _SMALL, _QUIET)
    for each in shown:
        low, value, high = (
            left + (right - left) * min(1.0, max(0.0, float(part)))
            for part in (each.estimate.low, each.estimate.value, each.estimate.high)
        )
        sheet.write(clipped(each.name, _SMALL, label), 1, y, _SMALL)
        sheet.line(low, y - 2, high, y - 2, stroke=_ACCENT, stroke_width="1.2")
        sheet.circle(value, y - 2, 2.2, fill=_ACCENT)
        for paper in each.papers:
            x = left + (right - left) * min(1.0, max(0.0, paper))
            sheet.line(x, y - 6, x, y + 2, stroke=_INK, stroke_width="0.9")
        n = f"n {each.estimate.n:,}"
        sheet.write(n, sheet.width - text_width(n, _SMALL) - 1, y, _SMALL, _QUIET)
        y += 13
    sheet.y = bottom + 12
    if len(figures) > len(shown):
        more = f"{len(figures) - len(shown)} more figures are in the table."
        sheet.write(more, 1, sheet.y + 4, _SMALL, _QUIET)
        sheet.y += 8
    papers = " Upright strokes: the papers'." if any(each.papers for each in shown) else ""
    legend = f"Dots: values. Lines: 95 % intervals.{papers}"
    sheet.write(legend, 1, sheet.y + 4, _SMALL, _QUIET)
    sheet.y += 8


def _head(sheet: _Sheet, words: str) -> None:
    ink = {"✓": _GREEN, "✗": _RED}.get(words[:1], _QUIET)
    sheet.write(clipped(words, _SMALL, sheet.width - 2), 1, sheet.y + 8, _SMALL, ink)
    sheet.y += 11


def _foot(sheet: _Sheet, handout: Handout) -> None:
    """Which model it is, and that it teaches where it does; how it was made is in the caption."""
    facts = dict(handout.facts)
    words = " · ".join(
        part
        for part in (
            facts.get("model", handout.model),
            f"adapter {facts['adapter']}" if facts.get("adapter", "none") != "none" else "",
            f"prompt style {facts['prompt style']}" if "prompt style" in facts else "",
            f"seed {facts['seed']}" if "seed" in facts else "",
        )
        if part
    )
    sheet.write(clipped(words, _SMALL, sheet.width - 2), 1, sheet.y + 9, _SMALL, _QUIET)
    sheet.y += 14


def _sign(node: TreeNode) -> tuple[str, str]:
    verdict = None if node.verdict is None else Verdict(node.verdict)
    ink = {Verdict.CORRECT: _GREEN, Verdict.WRONG: _RED}
    return (
        ("○", _QUIET)
        if verdict is None
        else (
            VERDICT_SIGNS[verdict].replace("⏱", "!"),
            ink.get(verdict, _QUIET),
        )
    )


def _is_drawn(figure: Figure) -> bool:
    return figure.unit == "share" and bool(np.isfinite(figure.estimate.value))


def _heat(view: HeatmapView) -> np.ndarray:
    """How strong the colour of each token is, (T,) from 0 to 1."""
    if view.values is not None:
        share = np.nan_to_num(np.asarray(view.values, float)) / view.values_top
    else:
        entropy = np.nan_to_num(np.asarray(view.entropy, float))  # (T,) nats
        share = (entropy - view.scale.base) / (view.scale.top - view.scale.base)
    strength: np.ndarray = np.clip(share, 0, 1)
    return strength


def _forks(view: HeatmapView) -> np.ndarray:
    """Which tokens are forks, (T,)."""
    forks = np.asarray(view.entropy) > view.tau if view.gated is None else view.gated
    counted = len(view) if view.run_on is None else view.run_on
    found: np.ndarray = forks & (np.arange(len(view)) < counted)
    return found


def _shown(token: str) -> str:
    """A token in running text: spaces as they are, a line break after its sign."""
    if not token.strip(" "):
        return visible(token) if token else ""
    return "\n".join(printable(row) for row in token.replace("\t", "⇥").split("\n"))


def _drawable(text: str) -> str:
    """One line without what XML can't hold."""
    return printable(" ".join(text.split("\n")).replace("\t", " "))


def _number(value: object) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
