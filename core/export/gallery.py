"""A folder of exported pages with an index, for a class or a paper's supplement."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

from core.components.assets import read_assets
from core.errors import FileError
from core.export.page import document
from core.system.durable_files import replace_file

INDEX = "index.html"
_FOLDER = Path(__file__).parent
_PREFIX = "fork-explorer-"
_GALLERY = "gallery"  # what an index says of itself
_HEAD = 64 * 1024  # bytes of a file in which its head ends


@dataclass(frozen=True)
class Exhibit:
    """An exported page in a gallery."""

    file: str
    title: str
    kind: str
    model: str
    date: str
    line: str


def write_gallery(folder: Path, title: str = "Gallery") -> list[Exhibit]:
    """Write an index of the exported pages of a folder; other files are left alone.

    Raises:
        FileError: the folder or a file can't be read or written, or holds no exported page; its
            index is of something else.
    """
    exhibits = exhibits_of(folder)
    if not exhibits:
        raise FileError(
            f"{folder} holds no exported pages.",
            "Export some with `fork-explorer export ... --as html` into it.",
        )
    try:
        _check_index(folder / INDEX)
        replace_file(folder / INDEX, gallery_page(exhibits, title).encode("utf-8"))
    except OSError as error:
        raise FileError(
            f"{folder / INDEX} can't be written ({error.strerror or error}).",
            "Choose another folder.",
        ) from error
    return exhibits


def exhibits_of(folder: Path) -> list[Exhibit]:
    """The exported pages of a folder, by title.

    Raises:
        FileError: the folder or a file can't be read.
    """
    try:
        paths = sorted(folder.iterdir())
        pages = [path for path in paths if path.suffix == ".html" and path.name != INDEX]
        found = [_exhibit(path) for path in pages if path.is_file()]
    except OSError as error:
        raise FileError(
            f"{folder} can't be read ({error.strerror or error}).", "Check the path."
        ) from error
    return sorted((each for each in found if each is not None), key=lambda each: each.title.lower())


def gallery_page(exhibits: list[Exhibit], title: str) -> str:
    """The index: a link a page, relative to it, with model, day and one line."""
    items = "\n".join(
        f'<li><a href="{escape(quote(each.file))}">{escape(each.title)}</a>\n'
        f'<p class="kind">{escape(" · ".join(_known(each)))}</p>\n'
        f"<p>{escape(each.line)}</p></li>"
        for each in exhibits
    )
    body = (
        f"<header><h1>{escape(title)}</h1></header>\n<main><ul class='gallery'>{items}</ul></main>"
    )
    return document(title, read_assets(_FOLDER, "page.css"), body, about={_GALLERY: title})


def _check_index(path: Path) -> None:
    """A folder's index is replaced only if it is a gallery's."""
    if path.exists() and _GALLERY not in _head(path).about:
        raise FileError(
            f"{path} is not an index that this program wrote.",
            "Rename it, or export the pages into another folder.",
        )


def _known(each: Exhibit) -> list[str]:
    return [part for part in (each.kind, each.model, each.date) if part]


def _exhibit(path: Path) -> Exhibit | None:
    """What a page says of itself; None for a page that this program didn't export."""
    parser = _head(path)
    about = parser.about
    if "kind" not in about:
        return None
    return Exhibit(
        path.name,
        " ".join(parser.title.split()) or path.stem,
        *(about.get(name, "") for name in ("kind", "model", "date", "line")),
    )


def _head(path: Path) -> _Head:
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", "replace")
    parser = _Head()
    parser.feed(head)
    return parser


class _Head(HTMLParser):
    """Title and meta elements of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.about: dict[str, str] = {}
        self.title = ""
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, content = given.get("name") or "", given.get("content") or ""
        self._in_title = tag == "title"
        if tag == "meta" and name.startswith(_PREFIX):
            self.about.setdefault(name.removeprefix(_PREFIX), content)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title and len(self.title) < 300:
            self.title += data
