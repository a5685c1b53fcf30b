"""What can go wrong and what a person can do about it.

ExplorerError
├── ModelError       a model, tokenizer or adapter that can't be loaded or doesn't fit
├── PromptError      a question or prompt that can't be turned into token ids the model accepts
├── SamplerError     a sampler setting out of its range
├── ProblemError     a problem file that can't be read
├── SessionError     a saved chain or session file that can't be opened
├── FileError        another file that can't be read or written: results, a record, --out
├── PositionError    a position or token that can't be forced
├── RunError         a run that can't be made, opened or continued
├── TrainingError    a fine-tune that can't begin or go on
├── AppError         the app can't be served
└── ResourceError    memory or disk ran out

Anything that is not an ExplorerError is a bug.
"""

from __future__ import annotations

from collections.abc import Sequence

_NAMED = 3  # examples that a message names


class ExplorerError(Exception):
    """A problem a person can act on.

    Args:
        what: one sentence that says what is wrong.
        remedy: one sentence that says what to do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[ExplorerError], tuple[str, str]]:
        return type(self), (self.what, self.remedy)


class ModelError(ExplorerError):
    """A model, tokenizer or adapter that can't be loaded or doesn't fit."""


class PromptError(ExplorerError):
    """A question or prompt that can't be turned into token ids the model accepts."""


class SamplerError(ExplorerError):
    """A sampler setting out of its range."""


class ProblemError(ExplorerError):
    """A problem file that can't be read."""


class SessionError(ExplorerError):
    """A saved chain or session file that can't be opened."""


class FileError(ExplorerError):
    """A file that can't be read or written and is not a session: results, a record, --out."""


class PositionError(ExplorerError):
    """A position or token that can't be forced."""


class RunError(ExplorerError):
    """A run that can't be made, opened or continued."""


class TrainingError(ExplorerError):
    """A fine-tune that can't begin or go on."""


class AppError(ExplorerError):
    """The app can't be served: its files or its port are not there."""


class ResourceError(ExplorerError):
    """Memory or disk ran out."""


def examples(names: Sequence[str]) -> str:
    """The first few of many names, for a message."""
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
