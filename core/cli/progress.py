"""Progress of short work in the terminal, and Ctrl-C that keeps what is there."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Ctrl-C sets the event, so that work ends at its next token and keeps what it has."""
    stopped = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def progress(chains: int, as_json: bool) -> Any:
    """A bar with the time left on stderr, for work of more than one chain."""
    from tqdm import tqdm

    return tqdm(total=chains, unit="chain", disable=as_json or chains == 1, file=sys.stderr)
