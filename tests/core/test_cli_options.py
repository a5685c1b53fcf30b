"""Every command's options, looked up in the program itself: a new command or path is tested too."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer
from models import save_tiny_model

import core.cli.run_command
from core.cli import app
from core.models.spec import DEMO_FOLDER, ModelSpec, check_spec
from core.problems.problem_sets import read_problems, write_problems
from core.records import Problem
from core.runs.context import DONE
from core.runs.run import Run
from core.system.environment import runs_folder
from core.system.person_path import person_path

MODEL = {"device", "dtype", "trust_remote_code", "revision", "quantization"}
PROMPT = {"prompt_style", "template", "prompt_date"}
PROBLEMS = {"problems", "sample", "seed", "max_new_tokens", "batch_size"}
RUN = {"run", "runs_dir", "name", "resume", "estimate", "shard", "ray", "workers"}
OUTPUT = {"as_json", "out"}
SETTINGS = {"settings", "preset", "usd_per_hour"}

TRAININGS = {"rollouts", "train", "study", "distill", "distill-study"}
RUNS = TRAININGS | {"interventions", "compare", "evaluate"}
ON_A_CHAIN = {"force", "find-fix", "pivotality", "expand"}
ASKING = RUNS | {"generate", "prompt", "thresholds", "lesson"}
LOADING = ASKING | ON_A_CHAIN | {"score", "model", "protocol", "claims", "import", "engine"}
WITHOUT_A_MODEL = {
    *(
        "app",
        "classroom",
        "check",
        "overrule",
        "download",
        "get",
        "problems",
        "export",
        "notes",
        "align",
    ),
}
ON_AN_ADAPTER = {"adapter merge", "adapter push"}
OF_RESULTS = {"words", "paper-table"}
GROUPS: list[tuple[set[str], set[str]]] = [
    (MODEL, LOADING),
    # `model` has it as its argument, `import` as its --score
    ({"model"}, LOADING - ON_A_CHAIN - {"model", "import"}),
    (
        {"adapter"},
        {"generate", "score", "interventions", "compare", "evaluate", "thresholds", "protocol"}
        | {"claims", "import", "engine", "lesson"},
    ),
    (PROMPT, ASKING),
    (PROBLEMS, ASKING - {"prompt"}),
    ({"temperature", "top_p"}, {"generate", "evaluate", "thresholds"}),
    (
        {"teacher"},
        {"interventions", "compare", "distill", "distill-study", "train", "claims", "lesson"},
    ),
    (SETTINGS - {"usd_per_hour"}, TRAININGS),
    ({"usd_per_hour"}, TRAININGS - {"rollouts"}),
    ({"report_to"}, {"train", "distill"}),
    (RUN, RUNS),
    ({"engine", "engine_model", "score"}, {"evaluate", "rollouts", "train", "study"}),
    (OUTPUT, LOADING - {"model"} | {"overrule", "problems", "align"} | OF_RESULTS),
]
"""Options, and the commands in which they mean something."""


def callbacks() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command by the words that call it."""
    for prefix, each in [
        ("", app),
        *((f"{g.name} ", g.typer_instance) for g in app.registered_groups),
    ]:
        assert each is not None
        for info in each.registered_commands:
            assert info.callback is not None
            if info.callback.__module__.startswith("core."):
                name = info.name or info.callback.__name__.replace("_", "-")
                yield prefix + name, info.callback


def options(callback: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(callback).parameters)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are prepared and not carried out."""
    monkeypatch.setattr(core.cli.run_command, "carry_out", lambda *_, **__: DONE)


def test_every_command_is_in_the_table() -> None:
    own = {name for name, _ in callbacks() if not name.startswith("runs ")}
    assert own == LOADING | WITHOUT_A_MODEL | OF_RESULTS | ON_AN_ADAPTER


@pytest.mark.parametrize(("shared", "commands"), GROUPS, ids=lambda each: "-".join(sorted(each)))
def test_an_option_is_in_every_command_in_which_it_means_something(
    shared: set[str], commands: set[str]
) -> None:
    known = dict(callbacks())
    missing = {name: shared - options(known[name]) for name in commands}
    assert {name: each for name, each in missing.items() if each} == {}


def test_an_option_is_spelled_alike_in_every_command() -> None:
    commands: Any = typer.main.get_command(app)
    spelled: dict[str, set[tuple[str, ...]]] = {}
    for name in dict(callbacks()):
        if " " not in name:
            for param in commands.commands[name].params:
                if param.param_type_name == "option" and name != "download":
                    long = tuple(each for each in param.opts if each.startswith("--"))
                    spelled.setdefault(param.name, set()).add(long)
    assert {name: ways for name, ways in spelled.items() if len(ways) > 1} == {}


def paths() -> list[tuple[str, str]]:
    """Every parameter of every command whose value is a path."""
    return [
        (name, parameter)
        for name, callback in callbacks()
        for parameter, hint in get_type_hints(callback).items()
        if hint is Path or Path in get_args(hint)
    ]


@pytest.mark.parametrize(("command", "parameter"), paths())
def test_a_tilde_is_the_home_folder_in_every_path(command: str, parameter: str, home: Path) -> None:
    found: Any = typer.main.get_command(app)
    for word in command.split():
        found = found.commands[word]
    param = next(each for each in found.params if each.name == parameter)
    context = found.make_context(command, [], resilient_parsing=True)
    for given, wanted in (
        ("~/a b/x.json", home / "a b" / "x.json"),
        ("x/~/y", Path("x/~/y")),
        ("~no-such-user/y", Path("~no-such-user/y")),
    ):
        assert param.process_value(context, given) == wanted


def test_there_are_paths_to_look_at() -> None:
    assert len(paths()) >= 40


def test_commands_read_and_write_below_the_home_folder(run: Any, home: Path) -> None:
    save_tiny_model(home / "model")
    problem = {"question": "1+1?", "answer": "2"}
    (home / "mine.jsonl").write_text(json.dumps(problem) + "\n")
    generate = ("generate", "--model=~/model", "--max-new-tokens", 4)
    assert run(*generate, "--problems=~/mine.jsonl", "--out=~/chain.json")[0] == 0
    assert (home / "chain.json").is_file()
    assert run("force", "~/chain.json", "--position", 0, "--token-id", 5)[0] == 0
    code, out, err = run("problems", "~/mine.jsonl", "--out=~/copy.jsonl")
    assert (code, "1 problem" in out) == (0, True), err
    assert (home / "copy.jsonl").is_file()
    code, _, err = run("evaluate", "--model=~/model", "--problems=~/mine.jsonl", "-n", 2,
                       "--max-new-tokens", 4, "--run=~/runs/mine")  # fmt: skip
    assert code == 0, err
    assert "mine" in run("runs", "list", "--runs-dir=~/runs")[1]
    assert not Path("~").exists()


def test_python_and_the_environment_mean_the_same_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_model(home / "model")
    monkeypatch.setenv("FORK_EXPLORER_HOME", "~/data")
    assert runs_folder() == home / "data" / "runs"
    write_problems("~/mine.jsonl", [Problem("a", "Why?", "8")])
    assert read_problems("~/mine.jsonl") == [Problem("a", "Why?", "8")]
    check_spec(ModelSpec("~/model"))
    assert person_path("~") == home


@pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
@pytest.mark.parametrize("command", sorted(RUNS))
@pytest.mark.usefixtures("no_work")
def test_what_is_given_is_in_the_settings_of_the_run(
    command: str, run: Any, tmp_path: Path
) -> None:
    teacher = ("--teacher", "demo-teacher") if command.startswith("distill") else ()
    more = ("--set", "held_out.problems=0") if command in ("rollouts", "train") else ()
    code, _, err = run(
        command, *teacher, *more, "--prompt-style", "plain", "--template", "Q: {problem}",
        "--max-new-tokens", 33, "--batch-size", 7, "--seed", 4, "--sample", 3,
        "--run", tmp_path / "new",
    )  # fmt: skip
    assert code == 0, err
    made = Run.open(tmp_path / "new")
    wanted = {"prompt_style": "plain", "template": "Q: {problem}", "max_new_tokens": 33,
              "batch_size": 7, "seed": 4}  # fmt: skip
    assert {name: made.config.settings[name] for name in wanted} == wanted
    assert len(made.problems()) == 3


@pytest.mark.parametrize(
    "option",
    [("--template", "Q: {problem}"), ("--prompt-style", "plain"), ("--max-new-tokens", "5"),
     ("--sample", "3"), ("--revision", "main"), ("--quantization", "4bit")],
)  # fmt: skip
def test_rollouts_bring_their_own_prompt(option: tuple[str, str], run: Any, tmp_path: Path) -> None:
    code, _, err = run("train", "--rollouts", tmp_path, *option, "--run", tmp_path / "new")
    assert code == 2
    assert f"bring their own, so {option[0]} can't be given" in err


def test_a_sample_of_a_file_is_drawn_by_the_seed(run: Any, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    write_problems(tmp_path / "p.jsonl", [Problem(f"p{n}", f"{n}+1?", "2") for n in range(9)])
    command = ("generate", "--model", model, "--problems", tmp_path / "p.jsonl", "--sample", 2,
               "--max-new-tokens", 2, "--temperature", 1, "--top-k", 3, "--min-p", 0.1,
               "--json")  # fmt: skip
    made = [json.loads(line) for line in run(*command)[1].splitlines()]
    again = [json.loads(line) for line in run(*command)[1].splitlines()]
    other = [json.loads(line) for line in run(*command, "--seed", 1)[1].splitlines()]
    ids = [[each["problem"]["id"] for each in lines] for lines in (made, again, other)]
    assert len(ids[0]) == 2
    assert ids[0] == ids[1] != ids[2]
    assert (made[0]["sampler"]["top_k"], made[0]["sampler"]["min_p"]) == (3, 0.1)
