"""One HTML file that needs nothing else: the app's own components, their data, and a small host."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from core.components.assets import (
    heatmap_script,
    heatmap_style,
    read_assets,
    tree_script,
    tree_style,
)
from core.export.document import ChainPart, Handout, Table
from core.export.figures import Figure
from core.export.inert_json import inert_json

_FOLDER = Path(__file__).parent
_READING = (
    "The stronger a token's colour, the higher the model's entropy there. Tokens above the "
    "threshold are forks; they are underlined."
)
_MARKS = (
    " A line above a token (reranked): the teacher would choose another one of the base's top "
    "five. A frame (shifted): one outside them."
)


def html_page(handout: Handout, day: str, program: str) -> str:
    """The whole file.

    Args:
        handout: scrubbed.
        day: on which it is made, as an ISO date.
        program: name and version of the program that makes it.
    """
    style = read_assets(_FOLDER, "page.css")
    script = _script(handout)
    body = "\n".join(
        (
            _header(handout),
            "<main>",
            *(f'<p class="notice" role="note">{escape(each)}</p>' for each in handout.notices),
            _result(handout),
            _question(handout),
            _chains(handout),
            _tree(handout),
            _notes(handout),
            _figures(handout.figures),
            _problems(handout),
            *map(table_html, handout.tables),
            _facts(handout),
            "</main>",
            f"<footer>Made with {escape(program)} on {escape(day)}. This file loads nothing from "
            "elsewhere.</footer>",
        )
    )
    return document(
        handout.title,
        style,
        body,
        script=script,
        data=_data(handout),
        about={"kind": handout.kind, "model": handout.model, "date": day, "line": handout.line},
    )


def document(
    title: str,
    style: str,
    body: str,
    *,
    script: str = "",
    data: str = "",
    about: dict[str, str] | None = None,
) -> str:
    """A page that may run its own script and use its own style, and load nothing.

    Args:
        title: plain text.
        body: HTML.
        data: what the script reads, as JSON in which no character can end an element.
        about: what a gallery reads, by name.
    """
    allowed = [f"style-src '{_hash(style)}'"]
    if script:
        allowed.append(f"script-src '{_hash(script)}'")
    policy = "; ".join(("default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"))
    meta = "\n".join(
        f'<meta name="fork-explorer-{name}" content="{escape(value)}">'
        for name, value in (about or {}).items()
    )
    scripts = (
        f'<script type="application/json" id="exported">{data}</script>\n'
        f'<script type="module">{script}</script>\n'
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
{meta}
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
{scripts if script else ""}</body>
</html>
"""


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _script(handout: Handout) -> str:
    """The components that the page needs, each in a scope of its own, then the host."""
    parts = ["const heatmap = " + _scope(heatmap_script(), "ChainFacts, readable, percent")]
    parts.append("const branchTree = " + (_scope(tree_script()) if handout.nodes else "null;"))
    script = "\n".join((*parts, read_assets(_FOLDER, "page.js")))
    assert "</script" not in script.lower()
    return script


def _scope(module: str, also: str = "") -> str:
    """A component's module as an object with its default export as `draw`."""
    head = "export default function ("
    assert module.count(head) == 1
    body = module.replace(head, "function draw(")
    return f"(() => {{\n{body}\nreturn {{ draw, {also} }};\n}})();"


def _data(handout: Handout) -> str:
    in_print = read_assets(_FOLDER, "in_print.css")
    selected = next((each.id for each in handout.chains), None) if handout.nodes else None
    return inert_json(
        {
            "chains": [_chain_data(each) for each in handout.chains],
            "nodes": [asdict(each) for each in handout.nodes],
            "selected": selected,
            "chainNotes": {n.chain: n.said for n in handout.notes if n.position is None},
            "problems": [[asdict(chain) for chain in each.chains] for each in handout.problems],
            "heatmapStyle": f"{heatmap_style()}\n{in_print}" if handout.chains else "",
            "treeStyle": f"{tree_style()}\n{in_print}" if handout.nodes else "",
        }
    )


def _chain_data(chain: ChainPart) -> dict[str, Any]:
    tone = {"✓": "correct", "✗": "wrong"}.get(chain.head[:1], "")
    return {
        "id": chain.id,
        "head": chain.head,
        "tone": tone,
        "message": {**chain.view.message(takes=[]), "pageKeys": True, "strip": True},
    }


def _header(handout: Handout) -> str:
    return f"""<header>
<p class="kind">{escape(handout.kind)} · {escape(handout.model)}</p>
<button type="button" id="theme">Dark</button>
<h1>{escape(handout.title)}</h1>
</header>
<noscript><p class="warning">Chains are drawn by a script in this file: allow it to see them.</p>
</noscript>"""


def _result(handout: Handout) -> str:
    if handout.headline is None:  # that of a single chain is above its heatmap
        return "" if handout.kind == "Chain" else f"<p>{escape(handout.line)}</p>"
    return (
        f'<p class="figure">{escape(handout.headline.figure)}</p>\n'
        f"<p>{escape(handout.headline.sentence)}</p>"
    )


def _question(handout: Handout) -> str:
    if not handout.question:
        return ""
    gold = f'<p class="gold">Correct answer: {escape(handout.gold)}</p>' if handout.gold else ""
    if handout.question == handout.title:
        return gold
    return f'<p class="question">{escape(handout.question)}</p>\n{gold}'


def _chains(handout: Handout) -> str:
    if not handout.chains:
        return ""
    reading = _READING + (_MARKS if handout.chains[0].view.marks is not None else "")
    return f"""<div class="beside">
<section class="chain" aria-label="The chain">
<p class="head" id="head" aria-live="polite"></p>
<p class="note" id="chain-note" dir="auto" hidden></p>
<div id="heatmap"></div>
<p class="quiet">{reading}</p>
</section>
<section class="token" aria-labelledby="token">
<h2 id="token">Select a token</h2>
<p class="quiet" id="token-facts"></p>
<p class="note" id="token-note" dir="auto" hidden></p>
<table id="alternatives-table" hidden>
<thead><tr><th scope="col">rank</th><th scope="col">token</th><th scope="col">probability</th>
<th scope="col" id="model-column" hidden>model</th></tr></thead>
<tbody id="alternatives"></tbody>
</table>
<div class="here" id="here"></div>
</section>
</div>"""


def _tree(handout: Handout) -> str:
    if not handout.nodes:
        return ""
    return """<section aria-label="Branches">
<h2>Branches</h2>
<p class="quiet">Each branch left its parent at a forced token. Click one to read it.</p>
<div id="tree"></div>
</section>"""


def _notes(handout: Handout) -> str:
    """The notes; a click on what one is on shows it in the chain."""
    if not handout.notes:
        return ""
    there = {each.id for each in handout.chains}
    rows = []
    for each in handout.notes:
        place = f"<bdi>{escape(each.place)}</bdi>"
        if each.chain in there:
            at = "" if each.position is None else each.position
            place = (
                f'<button type="button" data-chain="{escape(each.chain)}" data-position="{at}">'
                f"{place}</button>"
            )
        rows.append(f'<dt>{place}</dt><dd class="note" dir="auto">{escape(each.said)}</dd>')
    listed = "\n".join(rows)
    return f"<section>\n<h2>Notes</h2>\n<dl>\n{listed}\n</dl>\n</section>"


def _figures(figures: tuple[Figure, ...]) -> str:
    rows = tuple((each.name, each.value, each.interval, str(each.estimate.n)) for each in figures)
    return table_html(Table("All figures", ("figure", "value", "95 % interval", "n"), rows))


def table_html(table: Table) -> str:
    """A table as a section of HTML, every text escaped; empty without rows."""
    if not table.rows:
        return ""
    note = f'<p class="quiet">{escape(table.note)}</p>' if table.note else ""
    return f"""<section>
<h2>{escape(table.caption)}</h2>
{table_element(table)}
{note}
</section>"""


def table_element(table: Table) -> str:
    """A table without its caption and note, as HTML that scrolls by itself where it is wide."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td><bdi>{escape(cell)}</bdi></td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    return f"""<div class="wide"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody></table></div>"""


def _problems(handout: Handout) -> str:
    if not handout.problems:
        return ""
    rows = []
    for number, each in enumerate(handout.problems):
        gold = f' <span class="gold">correct answer {escape(each.gold)}</span>' if each.gold else ""
        title = f"{escape(each.head)} · {escape(each.question)}{gold}"
        rows.append(
            f'<details data-problem="{number}"><summary>{title}</summary></details>'
            if each.chains
            else f"<details><summary>{title}</summary><p>Its chains are left out.</p></details>"
        )
    left_out = f'<p class="warning">{escape(handout.left_out)}</p>' if handout.left_out else ""
    return "\n".join(("<section>", "<h2>Problems</h2>", left_out, *rows, "</section>"))


def _facts(handout: Handout) -> str:
    rows = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in handout.facts
    )
    return f"<section>\n<h2>How this was made</h2>\n<dl>\n{rows}\n</dl>\n</section>"
