"""`fork-explorer classroom`: the app for a class, behind a password."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from core.classroom.room import ROOM, Role, Room, new_password
from core.classroom.settings import ClassSettings
from core.cli.files import say
from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.serving import Address, AllowHost, Headless, Port, check_port, serve
from core.models.spec import DEMO, ModelSpec, check_spec
from core.system.environment import user_folder

PASSWORDS: dict[Role, str] = {
    "student": "FORK_EXPLORER_PASSWORD",
    "teacher": "FORK_EXPLORER_TEACHER_PASSWORD",
}
"""Environment variables with the passwords, by who enters with them."""


@grouped
def classroom(
    settings: Annotated[GivenSettings, SettingOptions(ClassSettings, by_name=False)],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help='"demo", "smollm2", a model folder, or a hub id that students may use; may be '
            "repeated. The first one is loaded.",
        ),
    ] = None,
    port: Port = 8501,
    address: Address = "127.0.0.1",
    allow_host: AllowHost = None,
    headless: Headless = False,
) -> None:
    """Serve the app to a class: everyone enters a password once, has a seat, limits, and runs of
    their own. Ctrl-C ends it.

    The passwords come from FORK_EXPLORER_PASSWORD and FORK_EXPLORER_TEACHER_PASSWORD; one that is
    not set is chosen and printed.
    """
    limits = settings.changed(ClassSettings())
    models = tuple(dict.fromkeys(model or [DEMO]))
    check_port(address, port)
    _fetch(models)
    passwords: dict[Role, str] = {}
    for role, variable in PASSWORDS.items():
        given = os.environ.pop(variable, "").strip().lower()  # of no use to the server
        passwords[role] = given or new_password()
        shown = f"is that of {variable}" if given else passwords[role]
        say(f"Password of {'the teacher' if role == 'teacher' else 'students'}: {shown}")
    folder = user_folder() / "classroom"
    Room.new(folder, limits, models, passwords)
    seats = "1 seat" if limits.seats == 1 else f"{limits.seats} seats"
    say(f"{seats}, models: {', '.join(models)}. What people make is kept in {folder}.")
    os.environ[ROOM] = str(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"  # the models are here: nothing else is fetched
    serve("served.py", port, address, allow_host or [], headless)


def _fetch(models: tuple[str, ...]) -> None:
    """Get the files of the models, so that nothing has to be fetched in class.

    Raises:
        ModelError, ResourceError: as `fetch_model`.
    """
    for name in models:
        spec = ModelSpec(name)
        check_spec(spec)
        if name != DEMO:
            from core.models.language_model import fetch_model  # it imports torch

            fetch_model(spec)
