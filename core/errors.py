"""Errors that a person can act on.

ExplorerError
├── ModelError       a model, tokenizer or adapter that can't be loaded or doesn't fit
├── PromptError      a question or prompt that can't be turned into token ids the model accepts
├── SamplerError     a sampler setting out of range
├── ProblemError     a problem file that can't be read
├── SessionError     a saved chain or session file that can't be opened
├── FileError        another file that can't be read or written: results, a record, --out
├── PositionError    a position or token that can't be forced
├── NoteError        a note that can't be kept
├── RunError         a run that can't be made, opened or continued
├── TrainingError    a fine-tune that can't start or continue
├── EngineError      a served engine that doesn't answer, or serves another model
├── AppError         the app can't be served
└── ResourceError    out of memory or disk space

Anything that is not an ExplorerError is a bug.
"""

from __future__ import annotations

from collections.abc import Sequence

_NAMED = 3  # examples listed in a message


class ExplorerError(Exception):
    """An error that the user can act on.

    Args:
        what: one sentence: what is wrong.
        remedy: one sentence: what to do about it.
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
    """A sampler setting out of range."""


class ProblemError(ExplorerError):
    """A problem file that can't be read."""


class SessionError(ExplorerError):
    """A saved chain or session file that can't be opened."""


class FileError(ExplorerError):
    """A file, other than a session, that can't be read or written: results, a record, --out."""


class PositionError(ExplorerError):
    """A position or token that can't be forced."""


class NoteError(ExplorerError):
    """A note that can't be kept: too long, or with characters that can't be shown."""


class RunError(ExplorerError):
    """A run that can't be made, opened or continued."""


class TrainingError(ExplorerError):
    """A fine-tune that can't start or continue."""


class EngineError(ExplorerError):
    """A served engine that doesn't answer, can't do what is asked, or serves another model."""


class AppError(ExplorerError):
    """The app can't be served: its files are missing or its port is taken."""


class ResourceError(ExplorerError):
    """Out of memory or disk space."""


def examples(names: Sequence[str]) -> str:
    """The first few of many names, joined for a message."""
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
