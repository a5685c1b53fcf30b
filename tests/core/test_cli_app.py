"""`fork-explorer app` starts Streamlit with the app's own settings, or says why it can't."""

from __future__ import annotations

import errno
import os
import socket
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.cli import serving
from core.system.project_root import project_root

SETTINGS = project_root() / "explorer" / ".streamlit" / "config.toml"
Command = list[str]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Command]:
    """The commands that this process was to become."""
    commands: list[Command] = []

    def execv(program: str, command: Command) -> None:
        assert program == command[0] == sys.executable
        commands.append(command)

    monkeypatch.setattr(os, "execv", execv)
    return commands


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def values(command: Command, flag: str) -> list[str]:
    return [after for each, after in pairwise(command) if each == flag]


def test_it_becomes_streamlit_and_listens_where_the_settings_say(
    run: Any, started: list[Command]
) -> None:
    port = free_port()
    assert run("app", "--port", port) == (0, "", "")
    (command,) = started
    app = str(project_root() / "explorer" / "app.py")
    assert command[1:6] == ["-P", "-m", "streamlit", "run", app]
    settings = tomllib.loads(SETTINGS.read_text())["server"]
    assert values(command, "--server.address") == [settings["address"]] == ["127.0.0.1"]
    assert values(command, "--server.port") == [str(port)]
    assert values(command, "--server.headless") == ["false"]
    assert values(command, "--server.allowedHosts") == []  # as in the settings


@pytest.mark.parametrize("flag", ["--headless", "--no-browser"])
def test_no_browser_is_opened_on_request(flag: str, run: Any, started: list[Command]) -> None:
    assert run("app", "--port", free_port(), flag)[0] == 0
    assert values(started[0], "--server.headless") == ["true"]


def test_other_host_names_are_accepted_beside_those_of_the_settings(
    run: Any, started: list[Command]
) -> None:
    code, _, err = run(
        "app", "--port", free_port(), "--address", "0.0.0.0",
        "--allow-host", "lab.example.org", "--allow-host", "localhost",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert values(started[0], "--server.address") == ["0.0.0.0"]
    hosts = ["localhost", "127.0.0.1", "lab.example.org"]
    assert values(started[0], "--server.allowedHosts") == hosts


@pytest.mark.parametrize("variable", serving.ALLOW_HOST)
def test_other_host_names_can_come_from_the_environment(
    variable: str, run: Any, started: list[Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "lab.example.org ann-forks.hf.space")
    assert run("app", "--port", free_port(), "--address", "0.0.0.0") == (0, "", "")
    hosts = ["localhost", "127.0.0.1", "lab.example.org", "ann-forks.hf.space"]
    assert values(started[0], "--server.allowedHosts") == hosts


def test_the_address_itself_is_an_accepted_host_name(run: Any, started: list[Command]) -> None:
    assert run("app", "--port", free_port(), "--address", "127.0.0.2")[0] == 0
    assert values(started[0], "--server.allowedHosts")[-1] == "127.0.0.2"


def test_all_interfaces_without_a_host_name_are_served_with_a_warning(
    run: Any, started: list[Command]
) -> None:
    code, _, err = run("app", "--port", free_port(), "--address", "0.0.0.0")
    assert code == 0
    assert "Only browsers that call this machine localhost or 127.0.0.1 are served" in err
    assert "--allow-host" in err
    assert values(started[0], "--server.allowedHosts") == []


def test_a_port_in_use_is_said(run: Any, started: list[Command], taken: int) -> None:
    code, out, err = run("app", "--port", taken)
    assert (code, out, started) == (2, "", [])
    assert err == (
        f"fork-explorer: Port {taken} of 127.0.0.1 is in use. Choose another one with --port.\n"
    )


def test_a_port_that_the_system_reserves_is_said(
    run: Any, started: list[Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    code, _, err = run("app", "--port", 80)
    assert (code, started) == (2, [])
    assert "Port 80 is reserved by the system. Choose one above 1023" in err


@pytest.mark.parametrize("address", ["192.0.2.1", "no-such-machine.invalid", "2001:db8::1"])
def test_an_address_of_another_machine_is_refused(
    address: str, run: Any, started: list[Command]
) -> None:
    code, _, err = run("app", "--address", address)
    assert (code, started) == (2, [])
    assert f"{address} is not an address of this machine" in err
    assert "--address" in err


@pytest.mark.parametrize("path", serving.NEEDED)
def test_an_incomplete_installation_is_said(
    path: str,
    run: Any,
    started: list[Command],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for each in serving.NEEDED:
        assert (project_root() / each).is_file()
        if each != path:
            (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / each).touch()
    monkeypatch.setattr(serving, "project_root", lambda: tmp_path)
    code, _, err = run("app", "--port", free_port())
    assert (code, started) == (2, [])
    assert f"The installation in {tmp_path} is incomplete: {path} is missing. Install" in err
