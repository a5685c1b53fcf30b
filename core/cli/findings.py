"""`fork-explorer find-fix` and `pivotality`: measurements on one chain, as in Explore."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

import typer

from core.chains.settings import FixSettings, PivotalitySettings
from core.cli.files import check_writable, interruptible, progress, read_chain, say, write_result
from core.cli.models import load
from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import ChainFile, ChainModelOptions, OutputOptions
from core.records import DEFAULT_ALTERNATIVES, Chain, Sampler
from core.system.json_text import json_text

_Found = TypeVar("_Found")


@grouped
def find_fix(
    chain_file: ChainFile,
    settings: Annotated[
        GivenSettings,
        SettingOptions(FixSettings, flags={"positions": ("-k", "--positions")}, by_name=False),
    ],
    loading: ChainModelOptions,
    output: OutputOptions,
) -> None:
    """Which single forced token turns a chain's answer, and would a random one have done it?

    Every other top-5 token is forced at the chain's highest-entropy positions, and as many at
    random other positions.
    """
    from core.chains.fix_search import search_fix
    from core.chains.judging import judge

    check_writable(output.out)
    how = settings.changed(FixSettings())
    chain = read_chain(chain_file)
    lm = load(loading.maker(chain))
    (outcome,) = judge(lm, [chain])
    tries = 2 * how.positions * (DEFAULT_ALTERNATIVES - 1)
    search = partial(search_fix, lm, chain, outcome, positions=how.positions)
    found = _measure(search, chain, how.temperature, tries, output)
    if output.as_json:
        return
    for name, endings, share in (
        ("at forks", found.attempts, found.turned_share),
        ("at random", found.control, found.control_share),
    ):
        count = sum(each.turned for each in endings)
        print(f"{name}: {count} tokens change the verdict, share {share}")
        for each in endings:
            if each.turned:
                place = each.attempt
                token = chain.top_tokens[place.position][place.rank - 1]
                print(f"  #{place.position} {token!r} -> {each.outcome.answer}")


@grouped
def pivotality(
    chain_file: ChainFile,
    position: Annotated[list[int], typer.Option(help="Completion position, from 0; repeatable.")],
    settings: Annotated[GivenSettings, SettingOptions(PivotalitySettings, by_name=False)],
    loading: ChainModelOptions,
    output: OutputOptions,
) -> None:
    """How much the tokens at some positions decide whether the answer is correct."""
    from core.chains.pivotality import decisive, measure_pivotality

    check_writable(output.out)
    how = settings.changed(PivotalitySettings())
    chain = read_chain(chain_file)
    lm = load(loading.maker(chain))
    total = len(position) * how.samples * min(DEFAULT_ALTERNATIVES, lm.vocab_size)
    measurement = partial(measure_pivotality, lm, chain, position, samples=how.samples)
    measured = _measure(measurement, chain, how.temperature, total, output)
    if output.as_json:
        return
    sure = decisive(measured)
    for found in measured:
        word = "decides" if found.position in sure else f"{found.undecided.lower()}; decides"
        print(f"#{found.position} {word} {found.share_decided:.2f} (p = {found.p_value:.2g})")
        for each in found.alternatives:
            token = chain.top_tokens[found.position][each.rank - 1]
            answers = ", ".join(f"{answer or 'none'} x{count}" for answer, count in each.answers)
            print(f"  {token!r:14} correct {each.p_correct}; answers {answers}")


def _measure(
    measurement: Callable[..., _Found | None],
    chain: Chain,
    temperature: float,
    continuations: int,
    output: OutputOptions,
) -> _Found:
    """Carry out a measurement on the continuations of a chain, and write its JSON. A continuation
    may grow as long as the chain might have.

    Raises:
        ExplorerError: as the measurement.
        FileError: --out can't be written.
        typer.Exit: Ctrl-C cancelled it.
    """
    from pydantic_core import to_jsonable_python

    with interruptible() as stopped, progress(continuations, output.as_json) as bar:
        found = measurement(
            sampler=Sampler(
                temperature,
                max_new_tokens=chain.sampler.max_new_tokens,
                stop=chain.sampler.stop,
            ),
            on_ending=lambda _: bar.update(),
            cancel=stopped.is_set,
        )
    if found is None:
        say("Cancelled.")
        raise typer.Exit(130)
    write_result(json_text(to_jsonable_python(found)), output.as_json, output.out)
    return found
