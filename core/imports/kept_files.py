"""Files that were opened on a screen, kept on this machine until they are removed.

Each lies in a folder of its own, named by its content, beside what scoring says of it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from core.errors import FileError, ResourceError
from core.system.durable_files import is_full, replace_file
from core.system.environment import rollouts_folder
from core.system.json_text import json_text

SCORES = "scores-"
"""Begins the names of the files with scores; the name of no kept file begins with it."""

_ID = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"[^\w.+ -]+")
_BEGIN = re.compile(rf"^(?:{SCORES}|[ .-])+")  # of scores, of hidden files, of options
_PART = 1024**2  # bytes read at once
_LONGEST = 100  # bytes of a name: file systems allow 255, and files are written beside it


@dataclass(frozen=True)
class KeptFile:
    """A file of rollouts that is kept, and where."""

    id: str  # (16,) hexadecimal digits, of its content and name
    path: Path

    @property
    def name(self) -> str:
        """As the person called it."""
        return self.path.name


class KeptFiles:
    """The folder of the files that are kept."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is that of the environment when not given; it need not exist yet."""
        self.folder = rollouts_folder() if folder is None else folder

    def keep(self, name: str, content: bytes) -> KeptFile:
        """Keep a file; one with the same content and name is kept once.

        Args:
            name: of the file; what a file's name can't hold is left out.

        Raises:
            ResourceError: the disk is full or can't be written.
        """
        found = self._place(_plain_name(name), BytesIO(content))
        try:
            if not found.path.is_file():
                found.path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(found.path, content, private=True)
        except OSError as error:
            raise ResourceError(
                "The disk is full: the file can't be kept."
                if is_full(error)
                else f"The file can't be kept ({error.strerror or error}).",
                f"Free space in {self.folder}, or read the file with fork-explorer import.",
            ) from error
        return found

    def place_of(self, path: Path) -> KeptFile:
        """Where a file would be kept, and where its scores are, kept or not.

        Raises:
            FileError: it can't be read.
        """
        try:
            with path.open("rb") as file:
                return self._place(_plain_name(path.name), file)
        except OSError as error:
            raise FileError(
                f"{path} can't be read ({error.strerror or error}).",
                "Check the path and its permissions.",
            ) from error

    def _place(self, name: str, content: BinaryIO) -> KeptFile:
        digest = hashlib.sha256(name.encode() + b"\0")
        while part := content.read(_PART):
            digest.update(part)
        file_id = digest.hexdigest()[:16]
        return KeptFile(file_id, self.folder / file_id / name)

    def keep_pasted(
        self, prompt: str, answer: str, gold: str | None = None, *, ids: bool = False
    ) -> KeptFile:
        """Keep a prompt and an answer as a file with one rollout.

        Args:
            gold: the correct answer, if it is known.
            ids: prompt and answer are token ids, with spaces or commas between them.

        Raises:
            FileError: one of them is empty, or not token ids.
            ResourceError: as `keep`.
        """
        row: dict[str, object]
        if ids:
            row = {"prompt_ids": _ids(prompt, "prompt"), "answer_ids": _ids(answer, "answer")}
        else:
            for text, what in ((prompt, "prompt"), (answer, "answer")):
                if not text.strip():
                    raise FileError(f"The {what} is empty.", f"Paste the text of the {what}.")
            row = {"prompt": prompt, "answer": answer}
        if gold:
            row["gold"] = gold
        return self.keep("pasted.jsonl", json_text(row).encode() + b"\n")

    def get(self, file_id: str) -> KeptFile | None:
        """The file with an id; None if there is none."""
        folder = self.folder / file_id
        if not _ID.fullmatch(file_id) or not folder.is_dir():
            return None
        for path in folder.iterdir():
            if path.is_file() and not path.name.startswith((".", SCORES)):
                return KeptFile(file_id, path)
        return None

    def remove(self, kept: KeptFile) -> None:
        """Delete a file with its scores.

        Raises:
            ResourceError: it can't be deleted.
        """
        try:
            shutil.rmtree(self.folder / kept.id)
        except OSError as error:
            raise ResourceError(
                f"{kept.name} can't be removed ({error.strerror or error}).",
                f"Check the permissions of {self.folder / kept.id}.",
            ) from error


def _plain_name(name: str) -> str:
    plain = _NAME.sub("_", Path(name.replace("\\", "/")).name)
    plain = plain.encode()[-_LONGEST:].decode(errors="ignore")
    return _BEGIN.sub("", plain).rstrip(" .") or "rollouts"


def _ids(text: str, what: str) -> list[int]:
    words = re.split(r"[\s,]+", text.strip().removeprefix("[").removesuffix("]").strip())
    if not all(re.fullmatch(r"\d{1,9}", word) for word in words):
        raise FileError(
            f"The {what} is not a list of token ids.",
            "Write whole numbers with spaces or commas between them, or switch to text.",
        )
    return [int(word) for word in words]
