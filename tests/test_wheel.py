"""The wheel, installed where no clone is in sight, is the whole program.

It is built from a copy of the checkout and installed without its dependencies, which the new
environment borrows from the one that runs the tests.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core.cli.serving import NEEDED
from core.models.spec import DEMO_FOLDER

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("core", "explorer", "pages", "sample_data")
LIMIT_S = 240
"""Seconds a command may take before its test fails, on however busy a machine."""

slow = pytest.mark.slow
needs_demo = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel in it, and a folder elsewhere to stand in."""

    python: Path
    site: Path
    here: Path

    @property
    def environment(self) -> dict[str, str]:
        """What commands run with: nothing that leads back to the checkout."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**kept, "FORK_EXPLORER_HOME": str(self.here / "home")}

    def command(self, *arguments: object) -> list[str]:
        """`fork-explorer` as a person of this environment calls it."""
        return [str(self.python.with_name("fork-explorer")), *map(str, arguments)]

    def run(self, command: list[str]) -> str:
        """Run a command in the other folder; returns its stdout."""
        done = subprocess.run(
            command, cwd=self.here, env=self.environment, capture_output=True, text=True,
            timeout=LIMIT_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def evaluate(self, code: str) -> str:
        """Run Python code there; returns its stdout."""
        return self.run([str(self.python), "-P", "-c", code])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: setuptools builds in the folder that it is given."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", out, source], check=True, timeout=LIMIT_S)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own."""
    folder = tmp_path_factory.mktemp("environment") / "with a space"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True, timeout=LIMIT_S,
    )  # fmt: skip
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    site = Path(found.stdout.strip())
    # A folder that a .pth file names comes after the environment's own packages, and .pth files
    # in it, such as that of an editable install, are not followed. Not before pip has run: it
    # would see the editable install and take it for this one.
    packages = [each for each in sys.path if Path(each).name in ("site-packages", "dist-packages")]
    (site / "borrowed.pth").write_text("\n".join(packages) + "\n")
    return Installed(python, site, tmp_path_factory.mktemp("elsewhere"))


def files(folder: Path) -> set[str]:
    """The program's own files in a checkout, as paths from its root."""
    return {
        path.relative_to(folder).as_posix()
        for name in PACKAGES
        for path in (folder / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@slow
def test_the_wheel_holds_every_file_of_the_program_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    own = {name for name in files(ROOT) if not name.startswith("sample_data/build/")}
    assert names == own
    assert {Path(name).suffix for name in names} >= {".py", ".js", ".css", ".svg", ".toml"}
    assert set(NEEDED) <= names


@slow
def test_what_is_imported_is_the_installed_program(installed: Installed) -> None:
    code = (
        "import core, explorer, pages, importlib.metadata as m; "
        "from core.system.project_root import project_root as root; "
        "print(core.__file__, explorer.__file__, pages.__file__, root() / 'x', sep='\\n')"
    )
    lines = installed.evaluate(code).splitlines()
    assert {Path(line).parent for line in lines} == {
        *(installed.site / name for name in ("core", "explorer", "pages")),
        installed.site,
    }


@slow
def test_every_command_has_its_help(installed: Installed) -> None:
    code = """if True:
        import sys
        from core.cli import app, main
        names = [[c.name or c.callback.__name__.replace("_", "-")] for c in app.registered_commands]
        for group in app.registered_groups:
            for c in group.typer_instance.registered_commands:
                names.append([group.name, c.name or c.callback.__name__.replace("_", "-")])
        for name in names:
            sys.argv = ["fork-explorer", *name, "--help"]
            try:
                main()
            except SystemExit as ended:
                print("ENDED", *name, ended.code)
    """
    ended = re.findall(r"^ENDED (.+) (\S+)$", installed.evaluate(code), flags=re.M)
    assert {code for _, code in ended} <= {"0", "None"}
    assert {"app", "evaluate", "train", "runs list"} <= {name for name, _ in ended}
    assert len(ended) >= 20
    assert "evaluate" in installed.run(installed.command("--help"))


@slow
@needs_demo
def test_problems_are_evaluated_on_the_demo(installed: Installed) -> None:
    command = installed.command(
        "evaluate", "--sample", 4, "-n", 1, "--max-new-tokens", 60, "--json"
    )
    results = json.loads(installed.run(command))
    assert results["n"] == sum(results["verdicts"].values()) == 4
    (run,) = (installed.here / "home" / "runs").iterdir()
    assert json.loads((run / "results.json").read_text()) == results


@slow
@needs_demo
def test_every_screen_is_drawn(installed: Installed) -> None:
    code = f"""if True:
        import json
        from pathlib import Path
        import explorer
        from streamlit.testing.v1 import AppTest
        path = Path(explorer.__file__).parent / "app.py"
        from explorer.engine import load_engine
        load_engine()
        app = AppTest.from_file(path, default_timeout={LIMIT_S}).run()
        for page in sorted(path.parents[1].glob("pages/[a-z]*.py")):
            app.switch_page(f"../pages/{{page.name}}").run()
            shown = [each.value for each in app.markdown] + [each.label for each in app.button]
            print(json.dumps([page.stem, shown, [each.value for each in app.exception]]))
    """
    drawn = [json.loads(line) for line in installed.evaluate(code).splitlines()]
    texts = {"claims": "### Claims", "compare": "### Compare", "evaluate": "### Evaluate",
             "explore": "Find the fix", "finetune": "### Fine-tune",
             "interventions": "### Interventions", "learn": "### Learn",
             "rollouts": "### Rollouts",
             "runs": "### Runs"}  # fmt: skip
    assert [name for name, _, _ in drawn] == list(texts)
    for name, shown, exceptions in drawn:
        assert texts[name] in shown
        assert exceptions == []


@contextmanager
def serving(installed: Installed, port: int, log: Path) -> Iterator[psutil.Popen]:
    """The server of `fork-explorer app`, once it answers."""
    command = installed.command("app", "--port", port, "--headless")
    with log.open("wb") as output:
        server = psutil.Popen(
            command, cwd=installed.here, env=installed.environment, stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + LIMIT_S
        while not answers(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield server
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()


def answers(port: int) -> bool:
    """Whether a healthy server listens."""
    try:
        return get(port, "/_stcore/health") == (200, "ok")
    except OSError:
        return False


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, "" if response.status == 101 else response.read().decode()
    finally:
        connection.close()


def websocket_status(port: int, host: str) -> int:
    """What the server says to a page that wants to be kept up to date, by the name of a host."""
    upgrade = {
        "Host": host,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    return get(port, "/_stcore/stream", **upgrade)[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def assert_ends(server: psutil.Popen, port: int, signal_: signal.Signals) -> None:
    """A server and all of its processes end by a signal."""
    family = [server, *server.children(recursive=True)]
    server.send_signal(signal_)
    server.wait(LIMIT_S)
    _, alive = psutil.wait_procs(family, timeout=LIMIT_S)
    assert alive == []
    assert not answers(port)


@slow
@needs_demo
@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_the_app_is_served_and_ends_when_it_is_terminated(
    installed: Installed, tmp_path: Path
) -> None:
    port = free_port()
    with serving(installed, port, tmp_path / "log.txt") as server:
        status, page = get(port, "/")
        assert (status, "<html" in page) == (200, True)
        # The settings of the app hold, though the person stands elsewhere.
        assert websocket_status(port, f"localhost:{port}") == 101
        assert websocket_status(port, f"attacker.example:{port}") == 403
        refused = subprocess.run(
            installed.command("app", "--port", port), cwd=installed.here,
            env=installed.environment, capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
        assert refused.returncode == 2
        assert f"Port {port} of 127.0.0.1 is in use." in refused.stderr
        assert_ends(server, port, signal.SIGTERM)


@slow
@needs_demo
@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_the_app_ends_at_an_interrupt(installed: Installed, tmp_path: Path) -> None:
    port = free_port()
    with serving(installed, port, tmp_path / "log.txt") as server:
        assert_ends(server, port, signal.SIGINT)


def test_every_floor_of_a_dependency_is_a_tested_version() -> None:
    pins = dict(
        re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), flags=re.M)
    )
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    extras = PROJECT["optional-dependencies"]
    tested = ("gguf", "hub-datasets", "pictures")
    asked = [
        *PROJECT["dependencies"],
        *extras["dev"],
        *(e for name in tested for e in extras[name]),
    ]
    asked.remove(f"decision-fork-explorer[{','.join(tested)}]")
    assert len(asked) > 30
    wrong = []
    for each in asked:
        name, floor = each.split(">=")  # a plain floor: no extra, no cap
        pin = pins[name.lower().replace("_", "-")]
        if not re.match(r"\d+\.\d+", floor) or not f"{pin}.".startswith(f"{floor}."):
            wrong.append((each, pin))
    assert wrong == []
