"""The process that asks math-verify whether two answers are equal.

It reads one JSON request a line, `{"gold": str, "answer": str | null, "limit_s": float}`, and
answers each with one line, `{"verdict": str}`, in order. It leaves when its input closes.
`core.answers` starts it by its file name and kills it on time-out; it imports nothing of ours, so
it is ready within a second and small.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import lru_cache
from typing import Any, TextIO

MEMORY_LIMIT = 2 * 1024**3
"""Bytes of address space; a tower of powers must not take the machine's memory before its time."""

GRACE_S = 2.0
"""Seconds after the limit when a worker that nobody killed (its parent is gone) ends by itself."""


@lru_cache(maxsize=512)
def parsed(answer: str) -> tuple[Any, ...]:
    """The answer as math-verify understands it, () when it can't.

    Only LaTeX is tried: math-verify's other reader picks a number out of any text ("2x+" is 2).
    """
    from math_verify import LatexExtractionConfig, parse
    from sympy import Basic, nan, zoo

    found = parse(f"${answer}$", [LatexExtractionConfig()], parsing_timeout=None)
    values = [item for item in found if not isinstance(item, str)]
    no_number = any(isinstance(value, Basic) and value.has(zoo, nan) for value in values)  # 1/0
    return tuple(found) if values and not no_number else ()


def verdict(gold: str, answer: str | None) -> str:
    """One of correct, wrong, unparseable, no_gold, timed_out (here: out of memory).

    Whether a problem is scored at all depends on its gold answer only, so the gold comes first.
    """
    from math_verify import verify

    try:
        gold_parsed = parsed(gold)
        if not gold_parsed:
            return "no_gold"
        if answer is None:
            return "unparseable"
        answer_parsed = parsed(answer)
        if not answer_parsed:
            return "unparseable"
        # Gold first: math-verify is not symmetric.
        pair = list(gold_parsed), list(answer_parsed)
        same = gold == answer or verify(*pair, timeout_seconds=None) or _same_set(*pair)
    except MemoryError:
        return "timed_out"
    except RecursionError:
        return "unparseable"
    return "correct" if same else "wrong"


def _same_set(gold: list[Any], answer: list[Any]) -> bool:
    """Whether "x <= 2" says the set that the gold answer is; math-verify turns only the gold."""
    from sympy import Set
    from sympy.core.relational import Relational

    said, meant = answer[0], gold[0]
    if not isinstance(said, Relational) or not isinstance(meant, Set):
        return False
    try:
        return len(said.free_symbols) == 1 and bool(said.as_set() == meant)
    except (NotImplementedError, TypeError, ValueError):
        return False


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer requests until the input ends."""
    verdict(r"\frac{1}{2}", "x = 0.5")  # the first parse builds math-verify's tables
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in requests:
        request = json.loads(line)
        _end_by_itself_after(request["limit_s"] + GRACE_S)
        reply = {"verdict": verdict(request["gold"], request["answer"])}
        _end_by_itself_after(0)
        print(json.dumps(reply), file=replies, flush=True)


def _end_by_itself_after(seconds: float) -> None:
    """Let the kernel end this process, even inside C code that never yields; 0 calls it off."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(limit: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        pass  # no such limit on this system; the time limit still holds


def replies_of_worker(memory_limit: int) -> TextIO:
    """Make this process a worker of limited memory; returns where its replies go, since whatever a
    library prints must not mix with them."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _limit_memory(memory_limit)
    return replies


def main() -> None:
    """Serve standard input."""
    replies = replies_of_worker(MEMORY_LIMIT)
    serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
