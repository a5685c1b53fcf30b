"""Worker process that compares answers which need mathematics.

Reads one JSON request per line, `{"gold": value, "answer": value | null, "lenient": bool,
"limit_s": float}` with values as `core.answers.values` writes them, and answers each with one line,
`{"verdict": str, "rule": str}`, in order. Exits when its input closes. `core.answers.checker`
starts it and kills it on time-out. It imports neither torch nor numpy, so it is small and ready
within a second.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any, TextIO

from core.answers.comparison import right, same
from core.answers.mathematics import MathVerify, NotMathematicsError, check_readable
from core.answers.parsing import parse_answer
from core.answers.values import from_json, to_json
from core.system.child_process import replies_of_worker

MEMORY_LIMIT = 2 * 1024**3
"""Bytes of address space, since a tower of powers can exhaust memory before it times out."""

GRACE_S = 2.0
"""Seconds after the limit when a worker that was not killed (its parent is gone) ends by itself."""


def decided(request: dict[str, Any]) -> tuple[str, str]:
    """The verdict on a request, and the rule that decided.

    The gold answer comes first: whether a problem is scored depends on it alone.
    """
    try:
        gold = from_json(request["gold"])
        try:
            check_readable(gold)
        except NotMathematicsError as error:
            return "no_gold", f"math-verify can't read the gold answer: {error}"
        if request["answer"] is None:
            return "unparseable", "no answer"
        answer = from_json(request["answer"])
        try:
            check_readable(answer)
        except NotMathematicsError as error:
            return "unparseable", f"math-verify can't read it: {error}"
        decision = (right if request["lenient"] else same)(answer, gold, MathVerify())
    except MemoryError:
        return "timed_out", "out of memory"
    except RecursionError:
        return "unparseable", "an answer nested too deeply"
    except Exception as error:  # sympy raises many kinds, for example on a singular matrix
        return "timed_out", f"math-verify can't decide it: {type(error).__name__}"
    return "correct" if decision.equal else "wrong", decision.rule


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer requests until the input ends."""
    first = {
        "gold": to_json(parse_answer("x + 1")),
        "answer": to_json(parse_answer("1 + x")),
        "lenient": True,
    }
    decided(first)  # the first parse builds math-verify's tables
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in requests:
        request = json.loads(line)
        _end_by_itself_after(request["limit_s"] + GRACE_S)
        verdict, rule = decided(request)
        _end_by_itself_after(0)
        print(json.dumps({"verdict": verdict, "rule": rule}), file=replies, flush=True)


def _end_by_itself_after(seconds: float) -> None:
    """Have the kernel end this process after a time, even inside C code; 0 cancels."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> None:
    """Answer the requests on standard input."""
    replies = replies_of_worker(MEMORY_LIMIT)
    serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
