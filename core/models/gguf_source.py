"""The source of the weights in a converted folder, kept in a small file beside them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from core.models.files import is_whole
from core.system.json_text import json_text

_NAME = "gguf.json"


@dataclass(frozen=True)
class GgufSource:
    """The GGUF file that a folder was converted from."""

    file: str  # its name
    sha256: str
    quantization: str  # such as "Q4_1"

    def write(self, folder: Path) -> None:
        """Keep it in a folder.

        Raises:
            OSError: the folder can't be written.
        """
        (folder / _NAME).write_text(json_text(asdict(self)) + "\n", encoding="utf-8")

    @classmethod
    def of(cls, folder: Path) -> GgufSource | None:
        """What a folder was converted from; None for any other folder."""
        try:
            fields = json.loads((folder / _NAME).read_bytes())
            source = cls(**fields)
        except (OSError, ValueError, TypeError):
            return None
        return source if all(isinstance(each, str) for each in fields.values()) else None


def folder_name(file: str) -> str:
    """The folder's name for a file: the file's own, since the prompt style is guessed from a
    model's name."""
    stem = file.removesuffix(".gguf")
    return re.sub(r"[^\w.-]+", "-", stem, flags=re.ASCII).strip(".-")[:100] or "model"


def whole_folder(place: Path) -> Path | None:
    """The converted folder in the place of a file, unless something of it is missing."""
    try:
        found = [path for path in place.iterdir() if GgufSource.of(path) is not None]
    except OSError:
        return None
    return found[0] if len(found) == 1 and is_whole(found[0], "model") else None
