"""Two models are held in one order, whoever asks and however."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import pytest
from models import tiny_language_model

from core.decoding.guidance import Guide
from core.decoding.loop import Row, decode
from core.disagreement.token_classes import disagree
from core.models.language_model import LanguageModel
from core.models.locks import hold
from core.records import Sampler

Use = Callable[[LanguageModel, LanguageModel], object]


class MeetingLock:
    """A lock whose holder first waits a moment for another thread to hold another lock."""

    def __init__(self, meeting: threading.Barrier) -> None:
        self._lock = threading.RLock()
        self._meeting = meeting

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        taken = self._lock.acquire(blocking, timeout)
        if taken:
            # Broken where the other thread waits for this very lock: there is an order.
            with contextlib.suppress(threading.BrokenBarrierError):
                self._meeting.wait(0.5)
        return taken

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def guided(lm: LanguageModel, teacher: LanguageModel) -> object:
    guide = Guide(teacher, [lambda context: context.teacher_id])
    return decode(lm, [Row((5, 9))], Sampler(max_new_tokens=2), guide=guide)


def compared(lm: LanguageModel, teacher: LanguageModel) -> object:
    return disagree(lm, teacher, [5, 9], [7, 8])


@pytest.mark.parametrize("first", [compared, guided])
@pytest.mark.parametrize("second", [compared, guided])
def test_two_threads_with_the_same_models_the_other_way_round_both_end(
    first: Use, second: Use
) -> None:
    a, b = tiny_language_model(seed=1), tiny_language_model(seed=2)
    meeting = threading.Barrier(2)
    a.lock, b.lock = MeetingLock(meeting), MeetingLock(meeting)  # type: ignore[assignment]
    threads = [
        threading.Thread(target=use, args=models, daemon=True)
        for use, models in ((first, (a, b)), (second, (b, a)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_a_cancelled_wait_holds_nothing() -> None:
    a, b = tiny_language_model(seed=1), tiny_language_model(seed=2)
    later = max((a, b), key=lambda lm: id(lm.lock))
    done, held = threading.Event(), threading.Event()

    def occupy() -> None:
        with later.lock:
            held.set()
            done.wait(300)

    thread = threading.Thread(target=occupy)
    thread.start()
    held.wait(300)
    with hold((a, b), cancel=lambda: True) as holding:
        assert not holding
    done.set()
    thread.join(60)
    free: list[bool] = []
    check = threading.Thread(
        target=lambda: free.extend(lm.lock.acquire(blocking=False) for lm in (a, b))
    )
    check.start()
    check.join(60)
    assert free == [True, True]
