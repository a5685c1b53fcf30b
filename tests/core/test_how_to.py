"""The pages in docs/adding: their examples are added to the program and their tests run.

A block of code begins with a comment that names its file. A file of the program is extended by the
block, a new one is a new module, and each function of a test file is a test here. Afterwards
everything is as before.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.claims.registry import CLAIMS
from core.cli import app
from core.errors import ExplorerError
from core.interventions.arms import ARMS
from core.kinds import KINDS
from core.models.spec import DEMO_FOLDER
from core.problems import shapes
from core.reasonmaxxer.settings import GATES
from core.tokens.prompts import PROMPT_STYLES
from explorer.engine import load_engine
from explorer.navigation import SCREENS

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs" / "adding").glob("*.md"))
THINGS = [
    "claim",
    "gate",
    "intervention_arm",
    "kind_of_run",
    "problem_file_shape",
    "prompt_style",
    "screen",
]


@dataclass(frozen=True)
class Block:
    """A block of code, and the file that it belongs to."""

    page: Path
    file: str
    code: str  # with empty lines before it, so that line numbers are those of the page

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_test(self) -> bool:
        return self.file.startswith("tests/")

    def run(self, names: dict[str, Any]) -> None:
        exec(compile(self.code, str(self.page), "exec", dont_inherit=True), names)


@cache
def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.M | re.S):
        language, code = match.groups()
        begin = re.match(r"# ([\w/]+\.py)\n", code)
        assert language == "python", f"{page.name} has a block that is not python"
        assert begin is not None, f"{page.name} has a block that names no file"
        lines_before = text.count("\n", 0, match.start(2))
        found.append(Block(page, begin[1], "\n" * lines_before + code))
    return found


def page_tests() -> list[tuple[Path, str]]:
    return [
        (page, node.name)
        for page in PAGES
        for block in blocks(page)
        if block.is_test
        for node in ast.parse(block.code).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


class Restored:
    """Modules that a page extends, put back as they were."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, Any]] = {}
        self._tables: list[tuple[Any, Any]] = []

    def keep(self, module: ModuleType) -> None:
        if module.__name__ not in self._names:
            self._names[module.__name__] = dict(vars(module))
            commands = getattr(vars(module).get("app"), "registered_commands", None)
            self._tables += [
                (each, each.copy())
                for each in (*vars(module).values(), commands)
                if isinstance(each, (dict, list)) and each is not vars(module)["__builtins__"]
            ]

    def __enter__(self) -> Restored:
        return self

    def __exit__(self, *_: object) -> None:
        for name, names in self._names.items():
            module = sys.modules[name]
            for added in vars(module).keys() - names.keys():
                if not isinstance(vars(module)[added], ModuleType):  # imported meanwhile
                    delattr(module, added)
            vars(module).update(names)
        for table, before in reversed(self._tables):  # the first copy is the oldest
            table.clear()
            table.update(before) if isinstance(table, dict) else table.extend(before)


@pytest.fixture
def restored() -> Iterator[Restored]:
    with Restored() as restored:
        yield restored


def add(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, restored: Restored) -> None:
    """Add the example of a page to the program; `folder` is where its new screens are."""
    for block in blocks(page):
        if block.is_test:
            continue
        if block.file.startswith("pages/"):
            add_screen(block, folder, monkeypatch)
        elif (ROOT / block.file).is_file():
            module = import_module(block.module)
            restored.keep(module)
            block.run(vars(module))
        else:
            for package in parents(block.module):
                if (ROOT / package.replace(".", "/")).is_dir():
                    import_module(package)
                elif package not in sys.modules:
                    monkeypatch.setitem(sys.modules, package, ModuleType(package))
            module = ModuleType(block.module)
            monkeypatch.setitem(sys.modules, block.module, module)
            block.run(vars(module))


def parents(module: str) -> list[str]:
    names = module.split(".")
    return [".".join(names[:end]) for end in range(1, len(names))]


def add_screen(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout with links to the files of this one, and the new page."""
    for name in ("pages", "explorer"):
        (folder / name).mkdir(parents=True)
    (folder / "explorer" / "app.py").symlink_to(ROOT / "explorer" / "app.py")
    for page in (ROOT / "pages").glob("*.py"):
        (folder / "pages" / page.name).symlink_to(page)
    (folder / block.file).write_text(block.code, encoding="utf-8")
    monkeypatch.setattr("core.system.project_root.project_root", lambda: folder)
    monkeypatch.setattr("explorer.navigation._FOLDER", folder / "pages")


def call(page: Path, test: str, request: pytest.FixtureRequest) -> None:
    names: dict[str, Any] = {"__name__": "test_of_a_page"}
    for block in blocks(page):
        if block.is_test:
            block.run(names)
    parameters = inspect.signature(names[test]).parameters
    names[test](**{name: request.getfixturevalue(name) for name in parameters})


each_test = pytest.mark.parametrize(
    ("page", "test"), page_tests(), ids=lambda each: getattr(each, "stem", each)
)


@each_test
def test_the_example_of_a_page_passes_its_test(
    page: Path,
    test: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    restored: Restored,
    request: pytest.FixtureRequest,
) -> None:
    if page.stem in ("claim", "screen") and not (DEMO_FOLDER / "config.json").is_file():
        pytest.skip("the demo model is not built")
    if page.stem == "screen":
        load_engine()  # as tests/app does: pages are drawn at once
    add(page, tmp_path / "checkout", monkeypatch, restored)
    call(page, test, request)


@each_test
def test_without_the_example_of_a_page_its_test_fails(
    page: Path, test: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises((ImportError, AssertionError, KeyError, ValueError, ExplorerError)):
        call(page, test, request)


def test_the_program_is_as_before_when_an_example_was_removed(tmp_path: Path) -> None:
    def state() -> list[Any]:
        tables: list[Any] = [
            list(each) for each in (ARMS, CLAIMS, GATES, KINDS, PROMPT_STYLES, SCREENS)
        ]
        commands = [each.callback for each in app.registered_commands]
        return [*tables, [shape.name for shape in shapes.SHAPES], commands, set(sys.modules)]

    def added(folder: Path) -> list[Any]:
        with pytest.MonkeyPatch.context() as monkeypatch, Restored() as restored:
            for page in PAGES:
                add(page, folder, monkeypatch, restored)
            return state()

    added(tmp_path / "first")  # imports what is needed
    before = state()
    during = added(tmp_path / "second")
    more = [len(now) - len(then) for now, then in zip(during, before, strict=True)]
    assert more == [1, 1, 1, 1, 1, 1, 1, 1, 7]
    assert state() == before


def test_every_thing_has_its_page_with_a_test_and_a_link_to_it() -> None:
    assert [page.stem for page in PAGES] == THINGS
    assert {page.stem for page, _ in page_tests()} == set(THINGS)
    links = re.findall(r"\]\(docs/adding/(\w+)\.md\)", CONTRIBUTING)
    assert sorted(links) == THINGS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_names_exists_or_is_its_example(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:core|explorer|pages|tests)/[\w/]+(?:\.py|/))`", text))
    new = {block.file for block in blocks(page)}
    assert [each for each in sorted(named - new) if not (ROOT / each).exists()] == []
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert [each for each in linked if not (page.parent / each).exists()] == []
