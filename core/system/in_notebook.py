"""Results that show themselves in Jupyter and marimo."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any, Protocol


class _Printer(Protocol):
    """IPython's pretty printer, as far as it is used."""

    def text(self, text: str) -> None: ...


class InNotebook:
    """Base of a result that a notebook shows as `core.export.notebook` draws it.

    Only a name: the exporter is imported when a notebook asks, since it is built on everything that
    can be shown.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # IPython takes the first of both in the order of classes, and a dataclass has a __repr__.
        cls._repr_pretty_ = InNotebook._repr_pretty_  # type: ignore[method-assign]

    def _repr_html_(self) -> str | None:
        """HTML for a notebook's output; None: the text is shown."""
        html: str | None = _notebook("html_of")(self)
        return html

    def _repr_pretty_(self, printer: _Printer, cycle: bool) -> None:
        """One line for a notebook's text, instead of thousands of numbers."""
        printer.text(_notebook("words_of")(self))


def _notebook(function: str) -> Any:
    return resolve_name(f"core.export.notebook:{function}")
