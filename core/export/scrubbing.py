"""Keep folders, secrets and the host name of this machine out of what is handed out."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

from core.components.heatmap_view import HeatmapView
from core.system.environment import cache_folder, user_folder
from core.system.project_root import project_root

_T = TypeVar("_T")
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL", re.IGNORECASE)
_SECRET = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{20,}"
)
_SHORTEST_SECRET = 8  # characters; a shorter value may be any word
_PATH = re.compile(
    r"(?<![\w/.:<~])~?/(?:[\w.@+-]+/)+[\w.@+-]*"  # /data/models/mine
    r"|(?<!\w)[A-Za-z]:\\(?![^\s\"']*[{}$^])[^\s\"']+"  # C:\models\mine, not f:\mathbb{R}
    r"|(?<![^\s\"'(=,;])\\\\[\w.-]+\\(?![^\s\"']*[{}$^])[^\s\"']+"  # \\server\models\mine
)
"""A path; LaTeX looks like one of Windows, but has braces, or text just before a line break."""
_REST_OF_PATH = r"(?:[/\\][^\s\"']*)?(?![\w-])"
_CONTENT = {"question", "gold", "text"}
"""Fields that hold what a model or a problem says: there, only what this machine alone could have
brought in is covered, character by character."""


@dataclass(frozen=True)
class Scrubber:
    """What must not leave this machine.

    Attributes:
        folders: absolute.
        secrets: values such as that of HF_TOKEN; one that begins another one comes after it.
        hosts: names of this machine.
    """

    folders: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @staticmethod
    def of_this_machine(environment: Mapping[str, str] | None = None) -> Scrubber:
        """The folders of this machine and its user, its host name, and the values of environment
        variables that are named like secrets."""
        named = os.environ if environment is None else environment
        places = [
            Path.home(),
            user_folder(),
            cache_folder(),
            project_root(),
            Path.cwd(),
            Path(tempfile.gettempdir()),
        ]
        folders = {str(each) for place in places for each in (place.absolute(), place.resolve())}
        host = platform.node()
        return Scrubber(
            tuple(sorted((each for each in folders if len(Path(each).parts) > 1), key=_longest)),
            tuple(
                sorted(
                    (
                        value
                        for name, value in named.items()
                        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET
                    ),
                    key=_longest,
                )
            ),
            tuple(
                {name for name in (host, host.partition(".")[0]) if name and name != "localhost"}
            ),
        )

    def prose(self, text: str) -> str:
        """A text about the work: of a path only its last part is left."""
        for secret in self.secrets:
            text = text.replace(secret, "[secret]")
        text = _SECRET.sub("[secret]", text)
        for folder in self.folders:
            pattern = rf"(?<!\w){re.escape(folder)}{_REST_OF_PATH}"
            text = re.sub(pattern, lambda found: _last(found.group(), folder), text)  # noqa: B023
        text = _PATH.sub(lambda found: _last(found.group()), text)
        for host in self.hosts:
            text = re.sub(rf"(?<!\w){re.escape(host)}(?!\w)", "[host]", text, flags=re.IGNORECASE)
        return text

    def content(self, text: str) -> str:
        """What a model or a problem says, covered with bullets of the same number of characters."""
        for pattern in self._patterns():
            text = pattern.sub(lambda found: "•" * len(found.group()), text)
        return text

    def pieces(self, tokens: Sequence[str]) -> list[str]:
        """The tokens of one text, whose secrets may run over several of them."""
        before = "".join(tokens)
        text = self.content(before)
        if text == before:
            return list(tokens)
        ends = list(accumulate(map(len, tokens)))
        return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def _patterns(self) -> Iterable[re.Pattern[str]]:
        yield _SECRET
        for secret in self.secrets:
            yield re.compile(re.escape(secret))
        for folder in self.folders:
            yield re.compile(rf"(?<!\w){re.escape(folder)}(?![\w-])")
        for host in self.hosts:
            if re.search(r"[\d.-]", host):  # others are words that a problem may use
                yield re.compile(rf"(?<!\w){re.escape(host)}(?!\w)", re.IGNORECASE)


def scrubbed(record: _T, scrubber: Scrubber) -> _T:
    """A record of text with all of it scrubbed, however deep it lies."""
    clean: _T = _clean(record, scrubber, content=False)
    return clean


def _clean(value: Any, scrubber: Scrubber, *, content: bool) -> Any:
    if isinstance(value, str):
        return scrubber.content(value) if content else scrubber.prose(value)
    if isinstance(value, HeatmapView):
        return _clean_view(value, scrubber)
    if isinstance(value, tuple):
        return tuple(_clean(each, scrubber, content=content) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        said = _CONTENT | ({"title"} if getattr(value, "question", "") else set())  # its beginning
        changes = {
            each.name: _clean(getattr(value, each.name), scrubber, content=each.name in said)
            for each in fields(value)
        }
        return replace(value, **changes)
    return value


def _clean_view(view: HeatmapView, scrubber: Scrubber) -> HeatmapView:
    other = view.other
    if other is not None:
        other = replace(
            other,
            own_name=scrubber.prose(other.own_name),
            name=scrubber.prose(other.name),
            top_tokens=[list(map(scrubber.content, row)) for row in other.top_tokens],
        )
    return replace(
        view,
        tokens=scrubber.pieces(view.tokens),
        top_tokens=[list(map(scrubber.content, row)) for row in view.top_tokens],
        other=other,
        notes={at: scrubber.prose(text) for at, text in view.notes.items()},
    )


def _last(path: str, folder: str = "") -> str:
    """The last part of a path; nothing of the folder itself, which may be a person's name."""
    bare = path.rstrip("/\\")
    return "[folder]" if bare == folder else re.split(r"[/\\]", bare)[-1]


def _longest(text: str) -> int:
    return -len(text)
