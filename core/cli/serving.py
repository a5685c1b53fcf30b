"""`fork-explorer app`: the app in a browser, served by Streamlit.

The engine never imports Streamlit: this process becomes the server, by the module's name.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from core.cli.files import say
from core.errors import AppError
from core.system.project_root import project_root

NEEDED = (
    "explorer/app.py",
    "explorer/.streamlit/config.toml",
    "pages/explore.py",
    "sample_data/demo_model/config.json",
    "sample_data/demo_teacher/adapter_config.json",
    "sample_data/problems_test.jsonl",
    "sample_data/problems_train.jsonl",
    "sample_data/sessions/welcome.json",
    "sample_data/word_problems/test.jsonl",
    "sample_data/word_problems/train.jsonl",
)
"""Files that the app needs to start, relative to the project's root."""

ALLOW_HOST = ["FORK_EXPLORER_ALLOW_HOST", "SPACE_HOST"]
"""Environment variables with the names for --allow-host; Hugging Face Spaces set the second."""

_ALL_INTERFACES = ("0.0.0.0", "::")


Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the server.")]
Address = Annotated[str, typer.Option(help="Interface to listen on; by default this machine only.")]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        envvar=ALLOW_HOST,
        help="Host name that browsers on other machines use for this one; may be repeated.",
    ),
]
Headless = Annotated[bool, typer.Option("--headless", "--no-browser", help="Don't open a browser.")]


def app(
    port: Port = 8501,
    address: Address = "127.0.0.1",
    allow_host: AllowHost = None,
    headless: Headless = False,
) -> None:
    """Start the app and open it in a browser; Ctrl-C ends it."""
    serve("app.py", port, address, allow_host or [], headless)


def serve(script: str, port: int, address: str, allow_host: list[str], headless: bool) -> None:
    """Let this process become the server of a file in explorer/.

    Raises:
        AppError: the installation is incomplete, or the server can't listen.
    """
    root = project_root()
    missing = [path for path in NEEDED if not (root / path).is_file()]
    if missing:
        raise AppError(
            f"The installation in {root} is incomplete: {missing[0]} is missing.",
            "Install decision-fork-explorer again, or check out the whole repository.",
        )
    check_port(address, port)
    command = [
        *(sys.executable, "-P"),  # a streamlit.py in the current folder is not Streamlit
        *("-m", "streamlit", "run", str(root / "explorer" / script)),
        *("--server.port", str(port)),
        *("--server.address", address),
        *_host_flags(root, address, allow_host),
        *("--server.headless", "true" if headless else "false"),
    ]
    if os.name == "nt":  # exec on Windows gives the terminal back while the server still runs
        raise typer.Exit(subprocess.call(command))
    os.execv(sys.executable, command)


def check_port(address: str, port: int) -> None:
    """Check that the server can listen, before Streamlit starts.

    Raises:
        AppError: the port is taken or reserved, or the address isn't one of this machine.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            if os.name != "nt":  # as the server does; on Windows this would hide a taken port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AppError(
                f"Port {port} of {address} is in use.", "Choose another one with --port."
            ) from error
        if error.errno == errno.EACCES:
            raise AppError(
                f"Port {port} is reserved by the system.", "Choose one above 1023 with --port."
            ) from error
        raise AppError(
            f"{address} is not an address of this machine ({error.strerror}).",
            "Choose one with --address, such as 127.0.0.1, or 0.0.0.0 for all interfaces.",
        ) from error


def _host_flags(root: Path, address: str, names: list[str]) -> list[str]:
    """Flags for the host names that the server accepts, beyond those in the app's own settings."""
    settings = tomllib.loads((root / "explorer/.streamlit/config.toml").read_text("utf-8"))
    own: list[str] = settings["server"]["allowedHosts"]
    more = [*names] if address in _ALL_INTERFACES else [address, *names]
    more = [name for name in more if name not in own]
    if address in _ALL_INTERFACES and not more:
        say(
            f"Only browsers that call this machine {' or '.join(own)} are served. "
            "Allow other names with --allow-host."
        )
    if not more:
        return []
    return [part for name in (*own, *more) for part in ("--server.allowedHosts", name)]
