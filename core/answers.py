r"""Answers: find one in a chain's text, and ask math-verify whether it equals the gold answer.

Paper appendix C: the last \boxed{...}, else the family's fallback; equality by math-verify, in a
process that can be stopped, never by string equality alone.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO

from core.errors import ResourceError
from core.records import Outcome, Verdict

DEFAULT_LIMIT_S = 5.0
"""Seconds one check may take."""

MAX_ANSWER_CHARS = 2_000
"""A longer answer is refused unread; the longest gold answer of MATH-500 has 53 characters."""

START_LIMIT_S = 60.0
"""Seconds a new worker may take until it is ready."""

_CHUNK = 64  # checks under one hold of the lock, so that a single check waits for no whole batch
_BYTES_AHEAD = 4_096  # requests sent ahead of their replies; a full pipe would block the sender


# Extraction. Every pattern here is linear: bounded repeats, or classes that can't overlap.

_BRACES = re.compile(r"\\{1,3}(?:boxed|fbox)(?![a-zA-Z])|\\.|[{}]", re.DOTALL)
_OPEN = re.compile(r"\s{0,20}\{")
_UNBRACED = re.compile(r"\s{0,20}([^\s${}\\]{0,50}\d[^\s${}\\]{0,50}|[A-Z](?![a-zA-Z]))")
_HASHES = re.compile(r"(?<!#)####(?!#)[ \t]*([^\n]*)")
_HEADING = re.compile(r"\d+[.:)]\s|[^\W\d_]{2}")
_ANSWER_IS = re.compile(r"\bthe\s{1,9}(?:final\s{1,9}|correct\s{1,9})?answer\s{1,9}is\b:?", re.I)
_SENTENCE_END = re.compile(r"[.;!?](?=\s|\*|$)|\n")
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_LAST_NUMBER = re.compile(rf"(?:(?<![\w)}}\]])[-−])?(?:{_NUMBER})(?:/\d+)?")


@dataclass(frozen=True)
class Extracted:
    r"""The answer text found (None: nothing), and whether it stood in a \boxed{}."""

    answer: str | None
    boxed: bool


def extract_answer(text: str) -> Extracted:
    r"""The answer a text gives, by the first of these that is there (paper appendix C):

    1. the last balanced \boxed{...} or \fbox{...} (of nested ones the inner), or `\boxed 5`;
    2. the last "#### x" of the GSM8K form;
    3. the last "the answer is x", up to the end of its sentence;
    4. the last number.

    An empty last box is an empty answer: (None, True). Time is linear in the text's length.
    """
    box = _last_box(text)
    if box is not None:
        return Extracted(box.strip() or None, True)
    answer = _after_hashes(text) or _after_answer_is(text) or _last_number(text)
    return Extracted(answer, False)


def _last_box(text: str) -> str | None:
    open_braces: list[tuple[int, bool]] = []  # (where the content starts, is it a box)
    best: tuple[int, str] | None = None
    box_at = -1  # where the content of a box whose brace comes next will start
    for match in _BRACES.finditer(text):
        sign = match.group()
        found: tuple[int, str] | None = None
        if sign == "{":
            open_braces.append((match.end(), match.end() == box_at))
        elif sign == "}":
            start, is_box = open_braces.pop() if open_braces else (0, False)
            if is_box and (best is None or start > best[0]):
                found = start, text[start : match.start()]
        elif sign.endswith(("box", "boxed")):
            if brace := _OPEN.match(text, match.end()):
                box_at = brace.end()
            elif bare := _UNBRACED.match(text, match.end()):
                found = bare.start(1), bare.group(1).rstrip(".,;:)")
        if found:
            best = found
    return best[1] if best else None


def _after_hashes(text: str) -> str | None:
    answers = (_cleaned(match.group(1)) for match in _HASHES.finditer(text))
    # "#### Step 2" and "#### 1. Setting up" are headings
    return _last(answer for answer in answers if answer and not _HEADING.match(answer))


def _after_answer_is(text: str) -> str | None:
    for match in reversed(list(_ANSWER_IS.finditer(text))):
        start, limit = match.end(), match.end() + MAX_ANSWER_CHARS
        end = _SENTENCE_END.search(text, start, limit)
        answer = _cleaned(text[start : end.start() if end else limit])
        if answer and "\\boxed" not in answer:  # a box that was never closed
            return answer
    return None


def _last_number(text: str) -> str | None:
    return _last(match.group() for match in _LAST_NUMBER.finditer(text))


def _last(answers: Iterable[str]) -> str | None:
    last = deque(answers, maxlen=1)
    return last[0] if last else None


def _cleaned(answer: str) -> str:
    """Without the emphasis, dollar signs and full stop around it."""
    answer = answer.strip().strip("*:").strip()
    if answer.startswith("$") and (end := answer.find("$", 1)) > 0:
        answer = answer[1:end]
    return answer.rstrip(".").strip()


# Equality without the worker: two plain numbers, compared exactly.

_PLAIN = re.compile(
    rf"(?P<sign>[-+−]?)\s?(?:\\?\$)?\s?(?P<value>{_NUMBER})(?:\s?/\s?(?P<below>\d+))?"
    r"(?P<unit>(?:\s[a-zA-Z]+){0,6})"
)
_SCALING = re.compile(
    r"(?:hundred|thousand|million|billion|trillion|dozen|half|halve|third|fourth|quarter|fifth)s?|"
    r"percent(?:age)?|pct|pi|sqrt|root|sin|cos|tan|log|ln|exp|mod|over|times|plus|minus|divided|"
    r"multiplied|squared|cubed|to|and|or|not|is"
)
_MAX_DIGITS = 200
_DELIMITERS = re.compile(r"(?<!\\)(?:\$|\\[()\[\]])")


def _tidied(answer: str) -> str:
    """The same answer on one line, without math delimiters and a sentence's full stop."""
    answer = _DELIMITERS.sub("", " ".join(answer.split())).strip()
    return answer[:-1].rstrip() if answer.endswith(".") else answer


def _plain_number(tidied: str) -> Fraction | None:
    """The exact value of "1,000", "-3.50", "1/2", "$18" or "18 dollars per day"; None of others.

    A unit in words counts for nothing, as in math-verify; words that scale the number, and single
    letters (variables), are left to math-verify.
    """
    match = _PLAIN.fullmatch(tidied) if len(tidied) <= _MAX_DIGITS else None
    if match is None:
        return None
    words = match["unit"].lower().split()
    if any(_SCALING.fullmatch(word) for word in words) or (words and len(words[0]) < 2):
        return None
    below = int(match["below"] or 1)
    if below == 0:
        return None
    value = Fraction(match["value"].replace(",", "")) / below
    return -value if match["sign"] in ("-", "−") else value


def _quick(answer: str | None, gold: str) -> Verdict | None:
    """The verdict where the gold is a plain number and the answer none or another; None of others.

    Both are tidied. math-verify rounds decimals to 6 places, so nearby numbers are left to it.
    """
    gold_number = _plain_number(gold)
    if gold_number is None:
        return None
    if answer is None:
        return Verdict.UNPARSEABLE
    number = _plain_number(answer)
    if number is None:
        return None
    if number == gold_number:
        return Verdict.CORRECT
    return Verdict.WRONG if abs(number - gold_number) > Fraction(1, 10**5) else None


# The worker process.


class _WorkerGoneError(Exception):
    """The worker's pipe closed: it crashed, or somebody killed it."""


class _Worker:
    """One `answer_worker.py`, ready to serve.

    Raises:
        ResourceError: when it doesn't start.
    """

    def __init__(self) -> None:
        script = Path(__file__).with_name("answer_worker.py")
        process = subprocess.Popen(
            [sys.executable, "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._requests = process.stdin
        self._replies: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.stop = weakref.finalize(self, _stop, process, os.getpid())  # at exit as well
        arguments = (process.stdout, self._replies)
        threading.Thread(target=_collect, args=arguments, daemon=True).start()
        try:
            self.receive(START_LIMIT_S)
        except (queue.Empty, _WorkerGoneError) as error:
            self.stop()
            raise ResourceError(
                "The process that checks answers doesn't start.",
                "Reinstall math-verify (`pip install 'math-verify[antlr4_13_2]'`) "
                "and check that memory is free.",
            ) from error

    def send(self, request: bytes) -> None:
        try:
            self._requests.write(request)
            self._requests.flush()
        except OSError as error:
            raise _WorkerGoneError from error

    def receive(self, limit_s: float) -> bytes:
        """The next reply; queue.Empty when it takes longer."""
        reply = self._replies.get(timeout=limit_s)
        if reply is None:
            raise _WorkerGoneError
        return reply


def _collect(stream: IO[bytes], replies: queue.SimpleQueue[bytes | None]) -> None:
    for line in stream:
        replies.put(line)
    replies.put(None)
    stream.close()


def _stop(process: subprocess.Popen[bytes], owner: int) -> None:
    if os.getpid() != owner:  # a forked child has no right to its parent's worker
        return
    process.kill()
    process.wait()
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        pass  # what was still to be sent to it


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
        self._worker: _Worker | None = None
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
            answer, gold = (_tidied(text) if text and _readable(text) else None for text in pair)
            quick = _quick(answer or None, gold) if gold else Verdict.NO_GOLD
            if quick is not None:
                verdicts[pair] = quick
            elif gold:
                hard.setdefault((answer or None, gold), []).append(pair)
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
                    self._worker, self._owner, sent = _Worker(), os.getpid(), done
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
            except _WorkerGoneError:
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


def _readable(text: str) -> bool:
    """Short enough to read, and proper text (a lone surrogate is none)."""
    return len(text) <= MAX_ANSWER_CHARS and not any("\ud800" <= sign <= "\udfff" for sign in text)


_DEFAULT = AnswerChecker()


def default_checker() -> AnswerChecker:
    """The checker this process shares; its worker starts with the first check that needs it."""
    return _DEFAULT
