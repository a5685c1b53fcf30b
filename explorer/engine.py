"""What the pages need before they can work: torch, transformers, and the modules that use them.

To import them takes 4 to 12 seconds, in which an empty page would stand before a new user. So the
app first draws what needs none of it (`first_view`), and they are imported behind it.
"""

from __future__ import annotations

import gc
import threading
from importlib import import_module

_MODULES = (
    "torch",
    "transformers",
    "plotly.graph_objects",
    "statsmodels.stats.proportion",
    "explorer.main_view",
    "explorer.explore.problem_bar",
    "explorer.explore.stage",
)
_AT_THE_LATEST = 4.0  # seconds after the first view
_lock = threading.Lock()
_started = False
_timer: threading.Timer | None = None
_loaded = threading.Event()


def engine_is_started() -> bool:
    """Whether the imports have begun."""
    return _started


def engine_is_loaded() -> bool:
    """Whether the pages can be drawn without waiting for imports."""
    return _loaded.is_set()


def start_engine() -> None:
    """Begin to import, in a thread of its own; once per server."""
    global _started
    with _lock:
        if _started:
            return
        _started = True
    threading.Thread(target=load_engine, name="engine", daemon=True).start()


def start_engine_soon() -> None:
    """Begin to import in a few seconds, unless that is asked for before: a browser that goes from
    page to page without waiting for any never asks."""
    global _timer
    with _lock:
        if _started or _timer is not None:
            return
        _timer = threading.Timer(_AT_THE_LATEST, start_engine)
    _timer.daemon = True
    _timer.start()


def load_engine() -> None:
    """Import now. A module that can't be imported is left to the page, which shows the error.

    No search for garbage looks at what is imported, neither meanwhile nor later: it stays.
    """
    gc.disable()
    try:
        for name in _MODULES:
            import_module(name)
            gc.freeze()
    finally:
        gc.enable()
        _loaded.set()
