"""Whether answers are right: by rules that are exact, else by math-verify in a process.

Paper appendix C: equality by math-verify, in a process that can be stopped, never by string
equality alone.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from core.answer_extraction import MAX_ANSWER_CHARS, Extracted, extract_answer
from core.answer_rules import comparable, decided, tidied
from core.records import Outcome, Verdict
from core.worker_process import Worker, WorkerGoneError

__all__ = ["AnswerChecker", "Extracted", "default_checker", "extract_answer"]

DEFAULT_LIMIT_S = 5.0
"""Seconds one check may take."""

_CHUNK = 64  # checks under one hold of the lock, so that a single check waits for no whole batch
_BYTES_AHEAD = 4_096  # requests sent ahead of their replies; a full pipe would block the sender


class AnswerChecker:
    """Decides whether answers equal their gold answers, in a worker process killed on time-out.

    Any thread may call it, several at once. The worker starts with the first check that needs it
    and again after a time-out or `close`; it never outlives this process.

    Args:
        limit_s: seconds one check may take.
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
        """End the worker process; a later check starts a new one."""
        with self._lock:
            self._drop_worker()

    def check(self, answer: str | None, gold: str | None) -> Verdict:
        """Whether an extracted answer equals the gold answer.

        no_gold: there is none, or it can't be parsed, whatever the answer (reported, not scored).
        unparseable: no answer, or math-verify can't read it. timed_out: not decided within the
        limits of time and memory.

        Raises:
            ResourceError: when the worker process doesn't start.
        """
        return self.check_many([(answer, gold)])[0]

    def check_many(self, pairs: Iterable[tuple[str | None, str | None]]) -> list[Verdict]:
        """The verdict of every (answer, gold), in order; equal pairs are checked once."""
        asked = list(pairs)
        verdicts: dict[tuple[str | None, str | None], Verdict] = {}
        hard: dict[tuple[str | None, str], list[tuple[str | None, str | None]]] = {}
        for pair in dict.fromkeys(asked):
            answer, gold = (tidied(text) if text and _readable(text) else None for text in pair)
            if not gold:
                verdicts[pair] = Verdict.NO_GOLD
                continue
            answer, gold = comparable(answer or None, gold)
            verdict = decided(answer, gold)
            if verdict is None:
                hard.setdefault((answer, gold), []).append(pair)
            else:
                verdicts[pair] = verdict
        questions = list(hard)
        for start in range(0, len(questions), _CHUNK):
            chunk = questions[start : start + _CHUNK]
            with self._lock:
                replies = self._ask(chunk)
            for question, reply in zip(chunk, replies, strict=True):
                verdicts.update(dict.fromkeys(hard[question], reply))
        return [verdicts[pair] for pair in asked]

    def judge(self, text: str, gold: str | None) -> Outcome:
        """Find the answer in a chain's text and check it; raises as `check` does."""
        return self.judge_many([(text, gold)])[0]

    def judge_many(self, pairs: Iterable[tuple[str, str | None]]) -> list[Outcome]:
        """The outcome of every (text, gold), in order; raises as `check` does."""
        found = [(extract_answer(text), gold) for text, gold in pairs]
        verdicts = self.check_many((extracted.answer, gold) for extracted, gold in found)
        return [
            Outcome(extracted.answer, verdict, extracted.boxed)
            for (extracted, _), verdict in zip(found, verdicts, strict=True)
        ]

    def _ask(self, questions: list[tuple[str | None, str]]) -> list[Verdict]:
        """Ask the worker, a few requests ahead of its replies; the caller holds the lock."""
        requests = [self._request(answer, gold) for answer, gold in questions]
        verdicts: list[Verdict] = []
        sent = 0  # requests the present worker was given, counted from the first question
        retried = -1  # the question whose worker died once already
        while (done := len(verdicts)) < len(requests):
            try:
                if self._worker is None or self._owner != os.getpid():
                    self._worker, self._owner, sent = _new_worker(), os.getpid(), done
                while sent < len(requests) and (
                    sent <= done or sum(map(len, requests[done : sent + 1])) <= _BYTES_AHEAD
                ):
                    sent += 1
                    self._worker.send(requests[sent - 1])
                reply = self._worker.receive(self.limit_s)
                verdicts.append(Verdict(json.loads(reply)["verdict"]))
            except queue.Empty:
                verdicts.append(Verdict.TIMED_OUT)
                self._drop_worker()
            except WorkerGoneError:
                self._drop_worker()
                if retried == done:
                    verdicts.append(Verdict.TIMED_OUT)
                retried = done
            except BaseException:  # Ctrl-C: the replies still due must not answer later questions
                self._drop_worker()
                raise
        return verdicts

    def _request(self, answer: str | None, gold: str) -> bytes:
        request = {"answer": answer, "gold": gold, "limit_s": self.limit_s}
        return json.dumps(request).encode("ascii") + b"\n"

    def _drop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None


def _new_worker() -> Worker:
    return Worker(
        str(Path(__file__).with_name("answer_worker.py")),
        purpose="checks answers",
        remedy="Reinstall math-verify (`pip install 'math-verify[antlr4_13_2]'`) and check that "
        "memory is free.",
    )


def _readable(text: str) -> bool:
    """Short enough to read, and proper text (a lone surrogate is none)."""
    return len(text) <= MAX_ANSWER_CHARS and not any("\ud800" <= sign <= "\udfff" for sign in text)


_DEFAULT = AnswerChecker()


def default_checker() -> AnswerChecker:
    """The checker this process shares; its worker starts with the first check that needs it."""
    return _DEFAULT
