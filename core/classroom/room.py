"""A class as its command set it up: settings, models and passwords, in a file for the server.

Passwords are never stored, only what scrypt makes of them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from core.classroom.people import People
from core.classroom.settings import ClassSettings
from core.errors import AppError, ModelError
from core.models.spec import DEMO_TEACHER, DEMO_TEACHER_FOLDER, ModelSpec, absolute_name
from core.system.durable_files import replace_file
from core.system.json_text import json_text

ROOM = "FORK_EXPLORER_CLASSROOM"
"""Environment variable with the folder of the class that a server serves."""

Role = Literal["student", "teacher"]

_FILE = "room.json"
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # none is mistaken for another


def new_password() -> str:
    """A password that is easy to read from a board, such as "k7mw-3xqf": one of 8e11."""
    signs = [secrets.choice(_SIGNS) for _ in range(8)]
    return "".join(signs[:4]) + "-" + "".join(signs[4:])


def _hashed(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()


@dataclass(frozen=True)
class Room:
    """What holds for everyone in a class.

    Args:
        models: names of the models that can be used; the first one is loaded.
        hashes: of the passwords, by role.
    """

    folder: Path
    settings: ClassSettings
    models: tuple[str, ...]
    salt: str
    hashes: dict[Role, str]

    @staticmethod
    def new(
        folder: Path, settings: ClassSettings, models: tuple[str, ...], passwords: dict[Role, str]
    ) -> Room:
        """Set up a class in a folder, which may have one already: its people stay.

        Raises:
            AppError: the passwords are equal or empty, or the folder can't be written.
        """
        if not all(passwords.values()) or passwords["student"] == passwords["teacher"]:
            raise AppError(
                "The passwords of students and teacher are equal, or one is empty.",
                "Choose two, or let the command choose them.",
            )
        salt = secrets.token_hex(16)
        hashes: dict[Role, str] = {role: _hashed(each, salt) for role, each in passwords.items()}
        room = Room(folder, settings, models, salt, hashes)
        data = {
            "settings": settings.model_dump(),
            "models": list(models),
            "salt": salt,
            "hashes": hashes,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / _FILE, json_text(data).encode(), private=True)
        except OSError as error:
            raise AppError(
                f"The class can't be set up in {folder} ({error.strerror}).",
                "Make room on the disk, or choose another folder with FORK_EXPLORER_HOME.",
            ) from error
        return room

    @staticmethod
    def read(folder: Path) -> Room:
        """What `new` has set up.

        Raises:
            AppError: no class, or its file is damaged.
        """
        try:
            data = json.loads((folder / _FILE).read_bytes())
            settings = ClassSettings.model_validate(data["settings"])
            hashes: dict[Role, str] = {
                "student": str(data["hashes"]["student"]),
                "teacher": str(data["hashes"]["teacher"]),
            }
            return Room(
                folder, settings, tuple(map(str, data["models"])), str(data["salt"]), hashes
            )
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise AppError(
                f"{folder} holds no class ({type(error).__name__}).",
                "Start it with `fork-explorer classroom`.",
            ) from error

    def people(self) -> People:
        """The people of the class."""
        return People(self.folder, self.settings)

    def role_of(self, password: str) -> Role | None:
        """Who enters with a password; takes as long for a wrong one. Spaces around it and capital
        letters don't count: it is typed from a board."""
        given = _hashed(password.strip().lower(), self.salt)
        found: Role | None = None
        for role, kept in self.hashes.items():
            if hmac.compare_digest(given.encode(), kept.encode()):
                found = role
        return found

    def check_model(self, spec: ModelSpec) -> None:
        """Check that a model may be loaded in this class: one of its own, with no adapter, the
        demo's teacher, or one that was trained here; nothing else is fetched or run.

        Raises:
            ModelError: the class has other models, or the adapter is of another place.
        """
        if spec.trust_remote_code or spec.model not in {
            each for name in self.models for each in (name, absolute_name(name))
        }:
            raise ModelError(
                f"This class works with {', '.join(self.models)}; {spec.model} is not among them.",
                "Choose one of them in the sidebar.",
            )
        if spec.adapter in (None, DEMO_TEACHER, str(DEMO_TEACHER_FOLDER)):
            return
        if not Path(str(spec.adapter)).resolve().is_relative_to(self.folder.resolve()):
            raise ModelError(
                "In a class an adapter is one that was trained here.",
                "Choose one of your own fine-tunes, or none.",
            )
