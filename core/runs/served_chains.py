"""The served engine of a run: found again, checked before any work, and written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.engines.engine import Engine, EngineCheck
from core.engines.finding import checked_address
from core.engines.model_check import EXACT
from core.errors import RunError
from core.runs.context import Cancelled
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel
    from core.runs.context import RunContext
    from core.runs.run import Run

ENGINE = "engine.json"
"""File of a run: every engine that sampled for it, with how far its probabilities were from those
of the model in hand."""


def engine_of(work: RunContext, lm: LanguageModel) -> Engine | None:
    """The engine that samples the chains of a run; None where this program does.

    Args:
        work: the run.
        lm: its model, which the server's must equal.

    Raises:
        EngineError: another model there, or no answer for all of the patience.
        Cancelled: a stop was requested meanwhile.
        ResourceError: the disk is full or can't be written.
    """
    served = work.run.config.engine
    if served is None or work.engine is not None:
        return work.engine
    if work.engine_url is not None:
        served = served.model_copy(update={"url": work.engine_url})
    engine = Engine(served, lm, on_wait=lambda why: work.report_waiting(f"the engine: {why}"))
    work.report_waiting("the engine, whose model is checked")
    check = engine.check(lambda: work.stop.requested)
    if check is None:
        raise Cancelled
    _write_down(work, engine, check)
    work.engine = engine
    return engine


def moved_engine(run: Run, url: str) -> str:
    """The address of a run's engine, which may be another one than when it was made.

    Raises:
        RunError: the run samples its chains itself.
        EngineError: not an address.
    """
    if run.config.engine is None:
        raise RunError(
            "This run samples its chains itself, and an engine's would be others.",
            "Leave --engine out, or make a new run.",
        )
    return checked_address(url)


def _write_down(work: RunContext, engine: Engine, check: EngineCheck) -> None:
    served, version = engine.served, check.version
    now: dict[str, Any] = {
        "server": served.server,
        "version": version,
        "model": served.model,
        "texts": len(check.texts),
        "largest_difference": check.difference,
    }
    known = work.run.read_json(ENGINE)
    used = [each for each in known if isinstance(each, dict)] if isinstance(known, list) else []
    before = used[-1].get("version") if used else version
    if version != before:
        work.notice(
            f"The engine's version is {version}, and was {before}: the chains from here on may be "
            "others than it would have made."
        )
    if check.difference > EXACT:
        work.notice(
            f"The engine's probabilities differ from those here by up to {check.difference:.2g}: "
            "it computes in another precision, so its chains may be others."
        )
    if not used or version != before:
        work.write(ENGINE, json_text([*used, now], indent=1) + "\n")
