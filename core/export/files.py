"""What is handed out, as a file of one of five forms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version

from core.errors import FileError, ResourceError
from core.export.document import Handout
from core.export.page import html_page
from core.export.pictures import PAGE, svg_picture
from core.export.scrubbing import Scrubber, scrubbed
from core.export.tables import latex, markdown

_DPI = 300.0  # of a PNG, what journals ask for


class Form(StrEnum):
    """The form of an exported file; also the end of its name."""

    HTML = "html"
    SVG = "svg"
    PNG = "png"
    MD = "md"
    TEX = "tex"


MIME = {
    Form.HTML: "text/html",
    Form.SVG: "image/svg+xml",
    Form.PNG: "image/png",
    Form.MD: "text/markdown",
    Form.TEX: "application/x-tex",
}
"""Media types."""


def exported(
    handout: Handout,
    form: Form,
    *,
    inches: float = PAGE,
    day: date | None = None,
    scrubber: Scrubber | None = None,
) -> bytes:
    """The bytes of a file, with nothing in it that names this machine, its folders or its secrets.

    Args:
        inches: width of a picture.
        day: written into a page; None: today.
        scrubber: None: of this machine.

    Raises:
        FileError: there is nothing to draw for a picture.
        ResourceError: a PNG, where the package that draws it is not installed.
    """
    clean = scrubbed(handout, scrubber or Scrubber.of_this_machine())
    if form is Form.PNG:
        return _png(svg_picture(clean, inches))
    texts: dict[Form, Callable[[], str]] = {
        Form.HTML: lambda: html_page(clean, (day or date.today()).isoformat(), program()),
        Form.SVG: lambda: svg_picture(clean, inches),
        Form.MD: lambda: markdown(clean),
        Form.TEX: lambda: latex(clean),
    }
    return texts[form]().encode("utf-8")


def program() -> str:
    """Name and version of this program."""
    try:
        return f"Decision Fork Explorer {version('decision-fork-explorer')}"
    except PackageNotFoundError:
        return "Decision Fork Explorer"


def can_draw_png() -> bool:
    """Whether the package that draws a PNG is installed."""
    try:
        import resvg_py  # noqa: F401
    except ImportError:
        return False
    return True


def _png(svg: str) -> bytes:
    try:
        import resvg_py
    except ImportError as error:
        raise ResourceError(
            "A PNG needs the package resvg-py, which isn't installed.",
            "Install it with `pip install resvg-py`, or export svg.",
        ) from error
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, dpi=_DPI))
    except ValueError as error:
        raise FileError(
            f"This picture can't be drawn as a PNG ({error}).", "Export svg instead."
        ) from error
