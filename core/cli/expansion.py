"""`fork-explorer expand` and `align`: a tree that grows from a chain, and two chains compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.chains.settings import ExpansionSettings
from core.cli.files import (
    check_writable,
    interruptible,
    progress,
    read_chain,
    read_json,
    say,
    write_result,
)
from core.cli.models import load
from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import ChainFile, ChainModelOptions, OutputOptions, path_argument, path_option
from core.errors import SessionError
from core.models.spec import DEMO, DEMO_NOTICE
from core.records import Chain, Verdict
from core.system.json_text import json_text
from core.system.percent import percent, percent_span
from core.system.short_text import short
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.chains.alignment import Segment
    from core.chains.expansion.records import Expansion, Growth

_WIDTH = 26  # characters of an answer
_TITLES = {"forks": "At forks", "random": "Control, at random positions that are not forks"}
_WORDS = {Verdict.NO_GOLD: "not checked", Verdict.UNPARSEABLE: "", Verdict.TIMED_OUT: "timed out"}


@grouped
def expand(
    chain_file: ChainFile,
    settings: Annotated[GivenSettings, SettingOptions(ExpansionSettings, by_name=False)],
    known: Annotated[
        Path | None,
        path_option(
            help="An earlier result with the same chain, such as one that was cancelled: its "
            "endings are not decoded again."
        ),
    ] = None,
    *,
    loading: ChainModelOptions,
    output: OutputOptions,
) -> None:
    """Grow a tree from a chain: other tokens at its forks, continued to the end, and so on.

    Endings are counted by answer and weighted by probability. The control has as many branches at
    random positions that are not forks. Ctrl-C keeps what has grown.
    """
    from pydantic_core import to_jsonable_python

    from core.chains.expansion.growing import grow
    from core.chains.judging import judge

    check_writable(output.out)
    how = settings.changed(ExpansionSettings())
    chain = read_chain(chain_file)
    earlier = None if known is None else _read_growth(known, chain)
    lm = load(loading.maker(chain))
    (outcome,) = judge(lm, [chain])
    tokens = how.budget * (2 if how.at == "both" else 1)
    with interruptible() as stopped, progress(tokens, output.as_json) as bar:
        bar.unit = "token"
        found = grow(
            lm,
            chain,
            outcome,
            how,
            known=earlier,
            on_ending=lambda _, __, tokens: bar.update(tokens),
            cancel=stopped.is_set,
        )
    write_result(json_text(to_jsonable_python(found)), output.as_json, output.out)
    if not output.as_json:
        if chain.model == DEMO:
            print(DEMO_NOTICE)
        for tree in (found.forks, found.random):
            if tree is not None:
                _show(tree)
    if not found.complete:
        say("Cancelled. What had grown is kept; give it as --known to continue.")
        raise typer.Exit(130)


@grouped
def align(
    first: ChainFile,
    second: Annotated[Path, path_argument(metavar="OTHER.json")],
    output: OutputOptions,
) -> None:
    """Align two chains after their fork: what differs, and what both say again."""
    from pydantic_core import to_jsonable_python

    from core.chains.alignment import align_chains

    check_writable(output.out)
    a, b = read_chain(first), read_chain(second)
    found = align_chains(a, b)
    write_result(json_text(to_jsonable_python(found)), output.as_json, output.out)
    if output.as_json:
        return
    for each in found.segments:
        _show_segment(each, a, b)
    print(
        f"{len(found.differences)} differences; {found.same_after} tokens are said again after "
        "the fork"
    )


def _read_growth(path: Path, chain: Chain) -> Growth:
    """A tree of this chain that `expand` wrote.

    Raises:
        SessionError: not such a file, or one of another chain.
    """
    from core.chains.findings import Findings

    found = Findings.from_json({"growth": read_json(path)}, chain).growth
    if found is None or not (found.forks or found.random):
        raise SessionError(f"{path} holds no tree.", "Give a file that `expand --out` wrote.")
    return found


def _show(tree: Expansion) -> None:
    settings = tree.settings
    left_out = f", {tree.pruned} branches below {settings.floor:g} left out" if tree.pruned else ""
    why = {"all": "", "budget": ", the budget is used up", "cancelled": ", cancelled"}[tree.ended]
    print(f"{_TITLES[tree.at]}: {tree.grown} endings, {tree.tokens:,} tokens{left_out}{why}")
    total = tree.grown + 1
    for each in tree.answers:
        answer = "no answer that can be read" if each.answer is None else each.answer
        print(
            printable(f"  {short(answer, _WIDTH):{_WIDTH}} {_verdict(each.verdict):12}")
            + f" {each.endings:5} of {total} ({percent(each.endings / total, 0)})"
            f"   probability {percent(each.probability)}"
        )
    print(
        f"  The chain itself is one of the {total}. The tree has {percent(tree.explored)} of the "
        "probability at its forks; the rest belongs to tokens that were not tried."
    )
    if tree.differing is not None:
        found = tree.differing
        print(
            f"  {tree.differing_endings} of {tree.grown} answer otherwise than the chain they "
            f"leave ({percent(found.value, 0)}, 95 % interval "
            f"{percent_span(found.low, found.high, 0)} over {found.n} "
            f"{'position' if found.n == 1 else 'positions'})"
        )


def _verdict(verdict: Verdict) -> str:
    return _WORDS.get(verdict, str(verdict))


def _show_segment(segment: Segment, a: Chain, b: Chain) -> None:
    if segment.kind == "differs":
        for sign, chain, (start, stop) in (("-", a, segment.a), ("+", b, segment.b)):
            if stop > start:
                print(f"{sign} #{start:<5} {_text(chain, start, stop)}")
    else:
        start, stop = segment.a
        print(f"  #{start:<5} {_text(a, start, stop)}")


def _text(chain: Chain, start: int, stop: int) -> str:
    return printable(" ".join("".join(chain.tokens[start:stop]).split()))
