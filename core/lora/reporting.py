"""Where a training logs beside its run: trackio, Weights & Biases or TensorBoard.

The callbacks are transformers' own. They log what the run's history has: loss, its parts, learning
rate, gradient norm, decision points a step, and the accuracy on held-out problems.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback
from transformers.integrations import INTEGRATION_TO_CALLBACK

from core.errors import RunError
from core.lora.recipe import ReportTo
from core.lora.run_files import BOARD

if TYPE_CHECKING:
    from core.runs.context import RunContext

PROJECT = "decision-fork-explorer"
"""Under which trackio and Weights & Biases keep the runs; $TRACKIO_PROJECT and $WANDB_PROJECT
name another."""


def check_reporting(report_to: ReportTo) -> None:
    """Refuse a place whose package is missing.

    Raises:
        RunError: how to install it.
    """
    if report_to != "none" and find_spec(report_to) is None:
        raise RunError(
            f"The training is to be logged to {report_to}, which is not installed.",
            f"Install it (pip install {report_to}), or set training.report_to to none.",
        )


class Reporter(TrainerCallback):
    """Logs a run's training to a place of the person's choice. A place that can't be reached ends
    the run before the first step, and later only the logging.

    Args:
        work: the run, whose name the place shows.
        report_to: not "none".

    Raises:
        RunError: its package is missing or broken.
    """

    def __init__(self, work: RunContext, report_to: ReportTo) -> None:
        check_reporting(report_to)
        self._work, self._place = work, report_to
        try:
            self._inner: Any = INTEGRATION_TO_CALLBACK[report_to]()
        except (ImportError, RuntimeError) as error:
            raise self._refusal(error) from error
        if report_to == "tensorboard" and self._inner.logging_dir is None:
            self._inner.logging_dir = str(work.run.folder / BOARD)
        self._works = True

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer before its first step.

        Raises:
            RunError: the place can't be reached.
        """
        args.run_name = self._work.run.config.name or self._work.run.id
        args.project = os.environ.get("TRACKIO_PROJECT", PROJECT)
        os.environ.setdefault("WANDB_PROJECT", PROJECT)
        try:
            with redirect_stdout(sys.stderr):  # stdout is the command's, which may print JSON
                self._inner.on_train_begin(args, state, control, **kwargs)
        except Exception as error:  # of a library, of any kind
            raise self._refusal(error) from error

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer when it has logged something."""
        self._call("on_log", args, state, control, **kwargs)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer after its last step."""
        self._call("on_train_end", args, state, control, **kwargs)

    def _call(self, event: str, *values: Any, **kwargs: Any) -> None:
        if not self._works:
            return
        try:
            with redirect_stdout(sys.stderr):
                getattr(self._inner, event)(*values, **kwargs)
        except Exception as error:  # of a library, of any kind
            self._works = False
            self._work.say(f"Nothing more is logged to {self._place}: {_in_a_line(error)}.")

    def _refusal(self, error: Exception) -> RunError:
        return RunError(
            f"The training can't be logged to {self._place} ({_in_a_line(error)}).",
            "Log in to it or correct its settings, or set training.report_to to none.",
        )


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
