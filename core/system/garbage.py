"""Python's search for garbage, which goes over every object that is alive, again and again while
many are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_search_for_garbage() -> Iterator[None]:
    """Make many objects that stay, such as the records of a run, without looking for garbage among
    them: without this, it takes as long as making them. Threads may nest it; once the first of
    them has ended, the search is on again."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()
