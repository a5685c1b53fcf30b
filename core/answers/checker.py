"""Check answers against gold answers: parsed in full, compared by rules and by math-verify.

Paper appendix C: equality is decided by math-verify, in a process that can be stopped, never by
string equality alone.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Iterable
from types import TracebackType

from core.answers.comparison import NoMathematics, UndecidedError, right, same
from core.answers.errors import UnreadError
from core.answers.extraction import Extracted, Place, extract_answer
from core.answers.parsing import parse_answer
from core.answers.values import Value, needs_mathematics, to_json
from core.records import Explanation, Outcome, Verdict
from core.system.child_process import Worker, WorkerGoneError

DEFAULT_LIMIT_S = 5.0
"""Seconds that one check may take."""

_CHUNK = 64  # checks per hold of the lock, so that a single check need not wait for a whole batch
_BYTES_AHEAD = 4_096  # of requests sent before their replies; a full pipe would block the sender

_Pair = tuple[str | None, str | None]
_Found = tuple[Verdict, str]  # the verdict and the rule that decided


class AnswerChecker:
    """Decides whether answers equal their gold answers, with a worker process killed on time-out.

    Thread-safe. The worker starts with the first check that needs it, and again after a time-out
    or `close`; it never outlives this process.

    Args:
        limit_s: seconds that one check may take.

    Raises:
        ValueError: limit_s is not above 0.
    """

    def __init__(self, limit_s: float = DEFAULT_LIMIT_S) -> None:
        if not limit_s > 0:
            raise ValueError("limit_s must be above 0")
        self.limit_s = limit_s
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._owner = os.getpid()

    def __enter__(self) -> AnswerChecker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the worker process; a later check starts a new one."""
        with self._lock:
            self._drop_worker()

    def check(self, answer: str | None, gold: str | None) -> Verdict:
        """Whether an extracted answer equals the gold answer.

        Returns:
            NO_GOLD: no gold answer, or an unreadable one, whatever the answer; reported but not
            scored. UNPARSEABLE: no answer, or not all of it can be parsed. TIMED_OUT: undecided
            within the limits of time and memory. CORRECT or WRONG otherwise.

        Raises:
            ResourceError: the worker process doesn't start.
        """
        return self.check_many([(answer, gold)])[0]

    def check_many(self, pairs: Iterable[_Pair]) -> list[Verdict]:
        """The verdict on every (answer, gold), in order; equal pairs are checked once."""
        return [verdict for verdict, _ in self._decide(pairs, lenient=True)]

    def same_many(self, pairs: Iterable[tuple[str, str]]) -> list[bool]:
        """Whether the two answers of every pair are the same, for votes: symmetric and transitive.

        Nothing is assumed: 50 and 50% differ, and so do 1/3 and 0.333333. Units are ignored. An
        unreadable answer counts as no answer. Raises as `check`.
        """
        found = self._decide(pairs, lenient=False)
        return [verdict is Verdict.CORRECT for verdict, _ in found]

    def explain(self, answer: str | None, gold: str | None) -> Explanation:
        """Why an answer gets its verdict; raises as `check`."""
        _, rule = self._decide([(answer, gold)], lenient=True)[0]
        given = Extracted(answer, False, None, None if answer is None else Place.GIVEN)
        return _explanation(given, gold, rule)

    def judge(self, text: str, gold: str | None) -> Outcome:
        """Find the answer in a chain's text and check it; raises as `check`."""
        return self.judge_many([(text, gold)])[0]

    def judge_many(self, pairs: Iterable[tuple[str, str | None]]) -> list[Outcome]:
        """The outcome of every (text, gold), in order; raises as `check`."""
        found = [(extract_answer(text), gold) for text, gold in pairs]
        decided = self._decide(((each.answer, gold) for each, gold in found), lenient=True)
        return [
            Outcome(each.answer, verdict, each.boxed, explanation=_explanation(each, gold, rule))
            for (each, gold), (verdict, rule) in zip(found, decided, strict=True)
        ]

    def _decide(self, pairs: Iterable[_Pair], lenient: bool) -> list[_Found]:
        asked = list(pairs)
        found: dict[_Pair, _Found] = {}
        hard: dict[bytes, list[_Pair]] = {}
        for pair in dict.fromkeys(asked):
            here = _decided_here(*pair, lenient)
            if isinstance(here, tuple):
                found[pair] = here
            else:
                hard.setdefault(self._request(here, lenient), []).append(pair)
        requests = list(hard)
        for start in range(0, len(requests), _CHUNK):
            chunk = requests[start : start + _CHUNK]
            with self._lock:
                replies = self._ask(chunk)
            for request, reply in zip(chunk, replies, strict=True):
                found.update(dict.fromkeys(hard[request], reply))
        return [found[pair] for pair in asked]

    def _ask(self, requests: list[bytes]) -> list[_Found]:
        """Send requests to the worker a few ahead of its replies; the caller holds the lock."""
        found: list[_Found] = []
        sent = 0  # requests sent to the current worker, counted from the first
        retried = -1  # the request whose worker died once
        while (done := len(found)) < len(requests):
            try:
                if self._worker is None or self._owner != os.getpid():
                    self._worker, self._owner, sent = _new_worker(), os.getpid(), done
                while sent < len(requests) and (
                    sent <= done or sum(map(len, requests[done : sent + 1])) <= _BYTES_AHEAD
                ):
                    sent += 1
                    self._worker.send(requests[sent - 1])
                reply = json.loads(self._worker.receive(self.limit_s))
                found.append((Verdict(reply["verdict"]), str(reply["rule"])))
            except queue.Empty:
                found.append((Verdict.TIMED_OUT, f"not decided within {self.limit_s:g} s"))
                self._drop_worker()
            except WorkerGoneError:
                self._drop_worker()
                if retried == done:
                    found.append((Verdict.TIMED_OUT, "the worker process crashed twice"))
                retried = done
            except BaseException:  # Ctrl-C: the replies still due must not answer later requests
                self._drop_worker()
                raise
        return found

    def _request(self, values: _Values, lenient: bool) -> bytes:
        request = {
            "answer": to_json(values.answer),
            "gold": to_json(values.gold),
            "lenient": lenient,
            "limit_s": self.limit_s,
        }
        return json.dumps(request).encode("ascii") + b"\n"

    def _drop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None


class _Values:
    """The values for the worker to compare; answer is None when it can't be parsed."""

    def __init__(self, answer: Value | None, gold: Value) -> None:
        self.answer = answer
        self.gold = gold


def _decided_here(answer: str | None, gold: str | None, lenient: bool) -> _Found | _Values:
    """The verdict when no mathematics is needed, else the two values.

    The gold answer comes first: whether it can be read doesn't depend on the answer.
    """
    if gold is None or not gold.strip():
        return Verdict.NO_GOLD, "no gold answer"
    try:
        gold_value = parse_answer(gold)
    except UnreadError as error:
        return Verdict.NO_GOLD, f"in the gold answer: {error}"
    unread = "no answer"
    value: Value | None = None
    if answer is not None and answer.strip():
        try:
            value = parse_answer(answer)
        except UnreadError as error:
            unread = f"not understood: {error}"
    if needs_mathematics(gold_value) or (value is not None and needs_mathematics(value)):
        return _Values(value, gold_value)
    if value is None:
        return Verdict.UNPARSEABLE, unread
    try:
        decision = (right if lenient else same)(value, gold_value, NoMathematics())
    except UndecidedError:
        return _Values(value, gold_value)
    return (Verdict.CORRECT if decision.equal else Verdict.WRONG), decision.rule


def _explanation(found: Extracted, gold: str | None, rule: str) -> Explanation:
    return Explanation(
        found.place.value if found.place else "",
        found.span,
        _normal_form(found.answer),
        _normal_form(gold),
        rule,
    )


def _normal_form(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(parse_answer(text))
    except UnreadError:
        return None


def _new_worker() -> Worker:
    return Worker(
        "-m",
        "core.answers.worker",
        purpose="checks answers",
        remedy="Reinstall math-verify and antlr4-python3-runtime with pip, and check that memory "
        "is free.",
    )


_DEFAULT = AnswerChecker()


def default_checker() -> AnswerChecker:
    """The checker shared by this process; its worker starts with the first check that needs it."""
    return _DEFAULT
