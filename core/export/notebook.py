"""What a notebook shows of a result: the page that is handed out, in a frame of its own.

A frame keeps the page's script, style and keys apart from the notebook's, and needs no extension.
Jupyter shows it in a trusted notebook; elsewhere the one line of `words_of` is left.
"""

from __future__ import annotations

from html import escape
from math import ceil
from typing import Any

from core.chains.branch import Branch
from core.chains.tree import ForkTree
from core.disagreement.reading import ReadChain
from core.errors import ExplorerError
from core.export.document import Handout, Table
from core.export.files import Form, exported
from core.export.of_chains import chain_handout, comparison_handout, tree_handout
from core.export.of_runs import run_handout
from core.export.page import table_html
from core.export.scrubbing import Scrubber, scrubbed
from core.records import Chain
from core.runs.headline import counted
from core.runs.run import Run

_LOWEST, _HIGHEST = 480, 800  # pixels; a longer page scrolls in its frame
_AROUND, _LINE = 420, 36  # pixels: what is around a chain, and a line of it
_CHARACTERS = 70  # of a line


def html_of(thing: Any) -> str | None:
    """HTML of a chain, a tree, a branch, a comparison, a run, a handout or a table, for the output
    of a notebook's cell; None for anything else.

    It is scrubbed as an exported file is. What can't be shown, such as a run without results, is
    said in its error's words.
    """
    try:
        if isinstance(thing, Table):
            return table_html(scrubbed(thing, Scrubber.of_this_machine()))
        handout = handout_of(thing)
        return None if handout is None else _frame(handout)
    except ExplorerError as error:
        return f"<p>{escape(str(error))}</p>"


def words_of(thing: Any) -> str:
    """The same in one line of text."""
    if isinstance(thing, Table):
        return f"{thing.caption}: {counted(len(thing.rows), 'row')}"
    if isinstance(thing, Run):
        return f"Run {thing.id} ({thing.config.task}, {thing.status().state})"
    try:
        handout = handout_of(thing)
    except ExplorerError as error:
        return f"{type(thing).__name__}: {error}"
    return repr(thing) if handout is None else f"{handout.kind}: {handout.line}"


def handout_of(thing: Any) -> Handout | None:
    """What is handed out of a result, with the default threshold; None for anything else.

    Raises:
        ExplorerError: there is nothing to show yet.
    """
    match thing:
        case Handout():
            return thing
        case Chain():
            return chain_handout(thing)
        case Branch():
            return chain_handout(thing.chain, thing.outcome)
        case ForkTree():
            return tree_handout(thing)
        case ReadChain():
            return comparison_handout(thing, None, "teacher")
        case Run():
            return run_handout(thing)
    return None


def _frame(handout: Handout) -> str:
    """The page in a frame without an address. Its script may run; the notebook is out of its
    reach."""
    page = exported(handout, Form.HTML).decode("utf-8")
    style = f"width:100%;height:{_height(handout)}px;border:0;resize:vertical;overflow:auto"
    title = escape(f"{handout.kind}: {handout.title}")
    return (
        f'<iframe title="{title}" sandbox="allow-scripts" style="{style}" '
        f'srcdoc="{escape(page)}"></iframe>'
    )


def _height(handout: Handout) -> int:
    """Pixels in which the first chain has room."""
    text = "".join(handout.chains[0].view.tokens) if handout.chains else ""
    lines = sum(ceil(len(line) / _CHARACTERS) or 1 for line in text.split("\n"))
    return min(max(_LOWEST, _AROUND + _LINE * lines), _HIGHEST)
