"""What a command line says of itself: options that stay, groups, settings by name, a fast start."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer

import core.cli.run_command
from core.cli import app
from core.cli.option_groups import SettingOptions
from core.cli.options import LoadOptions, ModelOptions, OutputOptions, RunOptions
from core.models.spec import DEMO_FOLDER
from core.runs.context import DONE
from core.runs.run import Run
from core.system.project_root import project_root
from core.system.setting import setting

MOST = 8
"""Parameters of a function of the command line."""

RUNS = ("evaluate", "interventions", "compare", "rollouts", "train", "distill")
PROMPT = {"prompt_style", "template", "prompt_date"}

OPTIONS = {
    "app": "--address --allow-host --headless/--no-browser --port",
    "classroom": (
        "--address --allow-host --disk --headless/--no-browser --idle-minutes --model --port "
        "--runs-at-once --seats --tokens-a-minute --tokens-in-all"
    ),
    "check": "--alone --gold --json --out",
    "compare": (
        "--adapter --batch-size --device --dtype --json --max-new-tokens --model --name --out "
        "--problems --prompt-date --prompt-style --quantization --resume --revision --run "
        "--runs-dir --sample --seed --tau --teacher --template --trust-remote-code"
    ),
    "distill": (
        "--batch-size --device --dtype --eval-problems --json --max-new-tokens --model --name "
        "--out --preset --problems --prompt-date --prompt-style --quantization --rank --resume "
        "--revision --run --runs-dir --sample --seed --set --targets --teacher --teacher-from "
        "--template --trust-remote-code --usd-per-hour"
    ),
    "download": "--adapter --revision --trust-remote-code",
    "evaluate": (
        "--adapter --against --batch-size --device --dtype --json --max-new-tokens --model "
        "--name --out --problems --prompt-date --prompt-style --quantization --resume "
        "--revision --run --runs-dir --sample --seed --temperature --template --top-p "
        "--trust-remote-code -n/--samples"
    ),
    "find-fix": (
        "--device --dtype --json --out --quantization --revision --temperature "
        "--trust-remote-code -k/--positions"
    ),
    "force": (
        "--device --dtype --json --out --position --quantization --revision --text --token-id "
        "--trust-remote-code"
    ),
    "generate": (
        "--adapter --batch-size --device --dtype --gold --json --max-new-tokens --min-p --model "
        "--out --problem --problems --prompt-date --prompt-style --quantization --question "
        "--revision --sample --seed --temperature --template --top-k --top-k-alternatives "
        "--top-p --trust-remote-code -n/--samples"
    ),
    "get": "--json",
    "interventions": (
        "--adapter --arms --batch-size --device --dtype --first-k --json --max-new-tokens "
        "--model --name --out --problems --prompt-date --prompt-style --quantization --resume "
        "--revision --run --runs-dir --sample --seed --tau --teacher --template "
        "--trust-remote-code -k/--positions"
    ),
    "model": (
        "--batch-size --device --dtype --json --length --quantization --revision "
        "--trust-remote-code"
    ),
    "overrule": "--branch --json --out --verdict",
    "pivotality": (
        "--device --dtype --json --out --position --quantization --revision --samples "
        "--temperature --trust-remote-code"
    ),
    "problems": (
        "--answer --choices --columns --config --hub --json --out --question --revision "
        "--sample --seed --split"
    ),
    "prompt": (
        "--device --dtype --json --model --out --problem --problems --prompt-date "
        "--prompt-style --quantization --question --revision --template --trust-remote-code"
    ),
    "rollouts": (
        "--batch-size --device --dtype --json --max-new-tokens --model --name --out --preset "
        "--problems --prompt-date --prompt-style --quantization --resume --revision --run "
        "--runs-dir --sample --seed --set --template --trust-remote-code -k"
    ),
    "runs cancel": "--runs-dir",
    "runs delete": "--runs-dir --yes",
    "runs list": "--json --runs-dir",
    "runs rename": "--runs-dir",
    "runs repeat": "--json --out --runs-dir --trust-remote-code",
    "runs resume": "--json --out --runs-dir --trust-remote-code",
    "runs show": "--json --runs-dir",
    "score": (
        "--adapter --device --dtype --ids --json --model --out --quantization --revision "
        "--top-k-alternatives --trust-remote-code"
    ),
    "thresholds": (
        "--above --adapter --batch-size --device --dtype --examples --json --max-new-tokens "
        "--min-p --model --out --problems --prompt-date --prompt-style --quantization --revision "
        "--sample --seed --set --stop --temperature --template --top-k --top-p "
        "--trust-remote-code"
    ),
    "train": (
        "--batch-size --device --dtype --eval-problems --gate --json --max-new-tokens --model "
        "--name --out --preset --problems --prompt-date --prompt-style --quantization --resume "
        "--revision --rollouts --run --runs-dir --sample --seed --set --tau --template "
        "--trust-remote-code --usd-per-hour -k"
    ),
}
"""The options of every command in November 2026."""


def commands() -> dict[str, Any]:
    """Every command by the words that call it."""

    def walk(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        for name, each in group.commands.items():
            if hasattr(each, "commands"):
                yield from walk(each, f"{name} ")
            elif each.callback.__module__.startswith("core."):
                yield prefix + name, each

    return dict(walk(typer.main.get_command(app), ""))


def parameters(command: Any) -> set[str]:
    return {each.name for each in command.params}


def groups(command: Any) -> list[Any]:
    """The groups that a command names as its parameters, and the settings' options."""
    hints = get_type_hints(inspect.unwrap(command.callback), include_extras=True).values()
    return [each for hint in hints for each in (hint, *getattr(hint, "__metadata__", ()))]


def test_no_option_is_lost() -> None:
    now = {
        name: {"/".join((*each.opts, *each.secondary_opts)) for each in command.params}
        for name, command in commands().items()
    }
    lost = {name: set(words.split()) - now[name] for name, words in OPTIONS.items()}
    assert {name: each for name, each in lost.items() if each} == {}


def test_no_function_of_the_command_line_has_more_than_eight_parameters() -> None:
    long = {}
    for path in sorted((project_root() / "core" / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                if len([each for each in own if each.arg != "self"]) > MOST:
                    long[f"{path.name}: {node.name}"] = len(own)
    assert long == {}


@pytest.mark.parametrize("group", [LoadOptions, ModelOptions, RunOptions, OutputOptions])
def test_a_command_has_all_options_of_a_group_or_takes_none_from_it(group: type) -> None:
    names = {each.name for each in fields(group)}
    users = 0
    for name, command in commands().items():
        if any(isinstance(each, type) and issubclass(each, group) for each in groups(command)):
            assert names <= parameters(command), name
            users += 1
    assert users >= 6


def test_every_command_that_loads_a_model_has_every_way_to_load_it() -> None:
    loading = {each.name for each in fields(LoadOptions)}
    for name, command in commands().items():
        found = parameters(command) & (loading - {"trust_remote_code", "revision"})
        assert not found or loading <= parameters(command), name
    assert sum(loading <= parameters(each) for each in commands().values()) == 22


def test_every_command_that_asks_a_question_has_every_way_to_ask_it() -> None:
    for name, command in commands().items():
        found = parameters(command) & PROMPT
        assert not found or found == PROMPT, name
    asking = {name for name, each in commands().items() if parameters(each) >= PROMPT}
    assert asking == {*RUNS, "study", "distill-study", "generate", "prompt", "thresholds", "lesson"}


def test_defaults_and_help_are_the_models() -> None:
    checked = 0
    for command in commands().values():
        options = {each.name: each for each in command.params}
        for group in groups(command):
            if not isinstance(group, SettingOptions):
                continue
            for parameter, name in group.dotted_names().items():
                found = setting(group.model, name)
                option = options[parameter]
                assert found.title in option.help
                assert found.range in option.help
                if not group.preset and found.kind is not tuple:
                    assert option.default == found.default
                checked += 1
    assert checked > 60


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are prepared and not carried out."""
    monkeypatch.setattr(core.cli.run_command, "carry_out", lambda *_, **__: DONE)


@pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
@pytest.mark.parametrize("command", RUNS)
@pytest.mark.usefixtures("no_work")
def test_set_takes_any_setting_by_its_name(command: str, run: Any, tmp_path: Path) -> None:
    teacher = ("--teacher", "demo-teacher") if command == "distill" else ()
    name, value, wanted = {
        "evaluate": ("top_p", "0.5", 0.5),
        "interventions": ("alternatives", "3", 3),
        "compare": ("tau", "0.7", 0.7),
    }.get(command, ("evaluation.samples", "2", 2))
    code, _, err = run(command, *teacher, "--set", f"{name}={value}", "--set", "seed=7",
                       "--run", tmp_path / "new")  # fmt: skip
    assert code == 0, err
    settings: Any = Run.open(tmp_path / "new").config.settings
    assert settings["seed"] == 7
    for place in name.split("."):
        settings = settings[place]
    assert settings == wanted

    for bad, said in (
        ("nonsense=1", "There's no setting 'nonsense'. Use one of max_new_tokens, "),
        ("seed", "--set seed has no value."),
        ("max_new_tokens=0", "A setting can't be used (max_new_tokens: Input should be "),
    ):
        code, out, err = run(command, *teacher, "--set", bad, "--run", tmp_path / "no")
        assert (code, out) == (2, "")
        assert said in err
        assert len(err.splitlines()) == 1
    assert not (tmp_path / "no").exists()


@pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
@pytest.mark.usefixtures("no_work")
def test_an_option_and_the_same_name_in_set_mean_the_same(run: Any, tmp_path: Path) -> None:
    assert run("evaluate", "--temperature", 0, "--run", tmp_path / "a")[0] == 0
    assert run("evaluate", "--set", "temperature=0", "--run", tmp_path / "b")[0] == 0
    one, two = (Run.open(tmp_path / each).config.settings for each in "ab")
    assert one == two
    assert (one["temperature"], one["samples"]) == (0, 1)
    code, _, err = run("evaluate", "--run", tmp_path / "a", "--resume", "--set", "seed=1", "-n", 2)
    assert code == 2
    assert "has its settings already, so --samples, --set can't be given" in err


def test_the_command_line_starts_without_torch() -> None:
    """Seconds for every `--help`."""
    code = "import sys, core.cli; print(*(each for each in ('torch', 'transformers', 'pandas', "
    code += "'scipy', 'sympy', 'huggingface_hub') if each in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project_root(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
