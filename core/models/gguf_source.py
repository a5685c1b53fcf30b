"""Where the weights in a converted folder came from, in a small file beside them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

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
