"""`python -m benchmarks.class_at_once`: a class of sessions without browsers on one server.

Each clicks a token and forces another one every few seconds; what each sees is compared with what
its own clicks must lead to, computed here with the model alone, so that a chain of another session
would be found by its content. `--minutes 60` is a soak: memory every minute. `--model smollm2
--generate` measures the tokens per second of all sessions together against one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, build_opener

import psutil

from benchmarks.served_app import served_app
from benchmarks.visitor import Visitor
from core.chains.generation import Fork, fork_each
from core.chains.session import Session
from core.classroom.room import Role, Room, new_password
from core.classroom.settings import ClassSettings
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import ModelSpec
from core.records import Chain
from explorer.classroom.door import ENTER
from explorer.welcome import WELCOME

MEDIAN, P95 = 0.5, 2.0  # targets, seconds
TOGETHER = 4.0  # target: times the tokens per second of one session
FORCES = 8  # of a session; then its visitor opens a new one
_MOST = 300.0  # seconds until a page counts as lost


@dataclass(frozen=True)
class Step:
    """A token that a visitor forces, and the chain that must come of it."""

    position: int
    token_id: int
    chain: Chain


def lessons(
    lm: LanguageModel, root: Chain, visitors: int, forces: int, seed: int
) -> list[list[Step]]:
    """What every visitor does in a session: other tokens of the chain on screen, at random."""
    rng = random.Random(seed)
    chains = [[root] for _ in range(visitors)]
    steps: list[list[Step]] = [[] for _ in range(visitors)]
    for _ in range(forces):
        forks = [_other_token(rng, each) for each in chains]
        asked = [(made[-1], fork) for made, fork in zip(chains, forks, strict=True)]
        results = fork_each(lm, asked, root.sampler, [root.seed] * visitors)
        for made, step, chosen, chain in zip(chains, steps, forks, results, strict=True):
            made.append(chain)
            step.append(Step(chosen.position, chosen.token_id, chain))
    return steps


def _other_token(rng: random.Random, chains: Sequence[Chain]) -> Fork:
    """A token to force in the latest chain that leads to none of the chains so far."""
    latest = chains[-1]
    while True:
        position = rng.randrange(len(latest))
        token_id = int(rng.choice(latest.statistics.top_ids[position].tolist()))
        begins = (*latest.token_ids[:position], token_id)
        if all(each.token_ids[: position + 1] != begins for each in chains):
            return Fork(position, token_id)


@dataclass(frozen=True)
class Seat:
    """Where a visitor goes, and the cookie of a class that lets them in."""

    url: str
    cookie: str | None = None


@dataclass
class Record:
    """What was measured."""

    clicks: list[float] = field(default_factory=list)  # seconds to a token's alternatives
    forces: list[float] = field(default_factory=list)  # seconds to the new branch on screen
    foreign: list[str] = field(default_factory=list)  # chains that are not the visitor's own
    sessions: int = 0
    memory: list[float] = field(default_factory=list)  # MB of the server, every minute


async def visit(
    seat: Seat, root: Chain, steps: Sequence[Step], every: float, found: Record
) -> None:
    """One session, from opening the page to its last force."""
    own = [list(root.tokens)]

    def check(key: str, data: dict[str, Any]) -> None:
        tokens = data.get("tokens")
        if key.endswith("heatmap") and tokens is not None:
            mine = any(tokens == each[: len(tokens)] for each in own)
            found.foreign += [] if mine else ["".join(tokens)]

    async with Visitor(seat.url, seat.cookie, check) as page:
        await page.until(lambda: _is_shown(page, root, 1), _MOST)
        found.sessions += 1
        due = time.monotonic() + random.uniform(0, every)
        for number, step in enumerate(steps, 2):
            await asyncio.sleep(max(due - time.monotonic(), 0))
            due += every
            own.append(list(step.chain.tokens))
            heatmap = page.data("heatmap") or {}
            await page.select("heatmap", chain=heatmap["chain"], i=step.position)
            offered = partial(_is_offered, page, step.position)
            found.clicks.append(await page.until(offered, _MOST))
            table = page.data("alternatives_table") or {}
            wish = {"tokenIds": [step.token_id], "what": "branch", "at": number}
            place = {name: table[name] for name in ("chain", "position")}
            await page.trigger("alternatives_table", "act", **place, **wish)
            shown = partial(_is_shown, page, step.chain, number)
            found.forces.append(await page.until(shown, _MOST))


def _is_offered(page: Visitor, position: int) -> bool:
    """Whether the alternatives of a position of the branch on screen can be forced."""
    table, tree = page.data("alternatives_table"), page.data("branch_tree")
    if table is None or tree is None or table["position"] != position:
        return False
    here = table["chain"].rsplit(" ", 1)[-1] == tree["selected"]
    return here and any(row["enabled"] and not row["chosen"] for row in table["rows"])


def _is_shown(page: Visitor, chain: Chain, branches: int) -> bool:
    """Whether a chain is on screen, whole, and the tree has so many branches."""
    heatmap, tree = page.data("heatmap"), page.data("branch_tree")
    if heatmap is None or tree is None or heatmap["live"]:
        return False
    return len(tree["nodes"]) == branches and heatmap["tokens"] == list(chain.tokens)


async def attend(
    seats: Sequence[Seat],
    lm: LanguageModel,
    every: float,
    seconds: float,
    server: psutil.Process,
) -> Record:
    """A class for so long; prints and keeps memory every minute of a long one."""
    root = _root()
    found = Record()
    began = time.monotonic()

    async def stay(visitor: int) -> None:
        await asyncio.sleep(visitor * every / len(seats))  # as people come
        lesson = 0
        while time.monotonic() - began < seconds:
            most = max(1, min(FORCES, round((seconds - (time.monotonic() - began)) / every)))
            (steps,) = await asyncio.to_thread(
                lessons, lm, root, 1, most, seed=visitor * 1_000_003 + lesson
            )
            await visit(seats[visitor], root, steps, every, found)
            lesson += 1

    async def watch() -> None:
        while True:
            await asyncio.sleep(60)
            minutes = (time.monotonic() - began) / 60
            memory = server.memory_info().rss / 1e6
            found.memory.append(memory)
            print(
                f"  {minutes:3.0f} min  {memory:6.0f} MB  {len(found.forces):6} forces, median "
                f"{statistics.median(found.forces):.2f} s, {found.sessions} sessions",
                flush=True,
            )

    async with Visitor(
        seats[0].url, seats[0].cookie
    ) as first:  # the server loads its engine for the first page
        await first.until(lambda: _is_shown(first, root, 1), _MOST)
    began = time.monotonic()
    watching = asyncio.create_task(watch())
    try:
        await asyncio.gather(*(stay(visitor) for visitor in range(len(seats))))
    finally:
        watching.cancel()
    return found


async def generate(seats: Sequence[Seat]) -> float:
    """Tokens per second of all together: every seat generates a chain for another problem, at the
    same moment; until the last one has its chain on screen."""
    pages = [Visitor(seat.url, seat.cookie) for seat in seats]
    async with AsyncExitStack() as stack:
        for number, page in enumerate(pages):
            await stack.enter_async_context(page)
            await page.until(lambda page=page: len(page.options("Problem")) > 0, _MOST)  # type: ignore[misc]
            options = page.options("Problem")
            await page.choose("Problem", options[(1 + number) % len(options)])
            await page.until(lambda page=page: page.has_button("Generate"), _MOST)  # type: ignore[misc]
            await asyncio.sleep(2)  # the page of the other problem is drawn
        began = time.perf_counter()
        await asyncio.gather(*(page.press("Generate") for page in pages))
        lengths = await asyncio.gather(*(_generated(page) for page in pages))
        return sum(lengths) / (time.perf_counter() - began)


async def _generated(page: Visitor) -> int:
    """Wait for a chain that is generated; its tokens."""

    def is_done() -> bool:
        heatmap, tree = page.data("heatmap"), page.data("branch_tree")
        if heatmap is None or tree is None or heatmap["live"]:
            return False
        return heatmap["tokens"] != first and len(tree["nodes"]) == 1

    first = (page.data("heatmap") or {}).get("tokens")
    await page.until(is_done, _MOST)
    return len((page.data("heatmap") or {})["tokens"])


@contextmanager
def seated(
    home: Path, students: int, models: tuple[str, ...] = ("demo",)
) -> Iterator[tuple[list[Seat], Classroom]]:
    """A class on a server of its own, with so many students in their seats."""
    passwords: dict[Role, str] = {"student": new_password(), "teacher": new_password()}
    limits = ClassSettings(seats=students, tokens_in_all=10**9, tokens_a_minute=10**9)
    room = Room.new(home / "classroom", limits, models, passwords)
    with served_app(home, room=room.folder) as (url, _):
        seats = [
            Seat(url, enter(url, f"Student {i}", passwords["student"])) for i in range(students)
        ]
        yield seats, Classroom(url, room, passwords)


@dataclass(frozen=True)
class Classroom:
    """A class that is served."""

    url: str
    room: Room
    passwords: dict[Role, str]


def enter(url: str, name: str, password: str) -> str:
    """Enter a class: the cookie of a seat.

    Raises:
        PermissionError: the door says no; with its words.
    """
    body = urlencode({"name": name, "password": password}).encode()
    opener = build_opener(_NoRedirect)
    try:
        opener.open(f"{url}{ENTER}", body).close()
    except HTTPError as answer:
        cookie = answer.headers.get("set-cookie")
        if answer.code == 303 and cookie is not None:
            return str(cookie).split(";")[0]
        raise PermissionError(answer.read().decode()) from answer
    raise PermissionError("the door has answered without a seat")


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _root() -> Chain:
    tree = Session.loads(WELCOME.read_bytes()).tree
    assert tree is not None
    assert tree.selected is not None
    return tree.selected.chain


def percentile(seconds: Sequence[float], share: float) -> float:
    """The smallest value that a share of all reach at most."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Measure what was asked for, and print it beside its target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.class_at_once")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two forces")
    parser.add_argument("--model", default="demo", help="with --generate")
    parser.add_argument("--generate", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        if given.generate:
            models = tuple(dict.fromkeys((given.model, "demo")))
            with seated(Path(home), given.sessions, models) as (seats, _):
                alone = asyncio.run(generate(seats[:1]))
                together = asyncio.run(generate(seats))
            times = together / alone
            print(f"{given.sessions} sessions generating on {given.model}, tokens per second:")
            print(f"  one alone {alone:.1f}, all together {together:.1f}: {times:.1f} times")
            met = "met" if times >= TOGETHER else "MISSED"
            print(f"  (target: at least {TOGETHER:g} times, {met})")
            return
        lm = load_language_model(ModelSpec())
        with served_app(Path(home)) as (url, _):
            server = psutil.Process().children()[0]
            seats = [Seat(url)] * given.sessions
            found = asyncio.run(attend(seats, lm, given.every, given.minutes * 60, server))
    _print(found, given.sessions, given.every)


def _print(found: Record, sessions: int, every: float) -> None:
    forces, clicks = found.forces, found.clicks
    median, high = statistics.median(forces), percentile(forces, 0.95)
    print(f"{sessions} sessions, each forcing a token every {every:g} s, {os.cpu_count()} CPUs:")
    print(f"  {len(forces)} forces in {found.sessions} sessions, click on force to new branch:")
    print(f"    median           {median:.2f} s  {_against(median, MEDIAN)}")
    print(f"    95th percentile  {high:.2f} s  {_against(high, P95)}")
    print(
        f"  click on a token to its alternatives: median {statistics.median(clicks):.2f} s, "
        f"95th percentile {percentile(clicks, 0.95):.2f} s"
    )
    print(f"  chains of another session seen: {len(found.foreign)}")
    if found.foreign:
        raise SystemExit(f"A session saw another's chain: {found.foreign[0]!r}")


def _against(seconds: float, target: float) -> str:
    return f"(target: below {target:g} s, {'met' if seconds < target else 'MISSED'})"


if __name__ == "__main__":
    main()
