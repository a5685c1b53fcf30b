"""`fork-explorer thresholds`, and --tau as a share of the model's tokens in every command."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
import typer
from small_runs import UNIT
from transformers import AutoModelForCausalLM

import core.cli.run_command
from core.cli import app
from core.cli.option_groups import SettingOptions
from core.models.spec import DEMO_FOLDER
from core.reasonmaxxer.rollouts import rollout_records
from core.runs import problem_units
from core.runs.context import DONE
from core.runs.run import Run
from core.system.environment import cache_folder
from core.system.setting import setting, setting_names

pytestmark = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")

SHORT = ("--max-new-tokens", 48)


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are prepared and not carried out."""
    monkeypatch.setattr(core.cli.run_command, "carry_out", lambda *_, **__: DONE)


@pytest.fixture
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the shared runs."""
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were loaded."""
    found: list[str] = []
    load = AutoModelForCausalLM.from_pretrained

    def counted(folder: Any, *arguments: Any, **named: Any) -> Any:
        found.append(Path(folder).name)
        return load(folder, *arguments, **named)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", counted)
    return found


def test_the_table_is_printed_and_the_same_as_json(run: Any, tmp_path: Path) -> None:
    command = ("thresholds", *SHORT, "--sample", 6, "--above", 1.4, "--above", 50)
    code, out, err = run(*command, "--out", tmp_path / "x.json")
    assert code == 0, err
    assert "Measuring the entropies of demo on demo: 6 chains." in err
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert (data["model"], data["problem_set"], data["problems"]) == ("demo", "demo", 6)
    lines = out.splitlines()
    assert lines[0] == (
        f"{data['tokens']:,} tokens of 6 chains of demo on demo; 95 % intervals over chains"
    )
    assert [each["share"] for each in data["thresholds"]] == [0.02, 0.05, 0.1, 0.2]
    for line, each in zip(lines[1:5], data["thresholds"], strict=True):
        tau = each["tau"]
        assert line == (
            f"top {100 * each['share']:3.0f} %  above {tau['value']:.4g} "
            f"[{tau['low']:.4g}, {tau['high']:.4g}] nats"
        )
    taus = [each["tau"]["value"] for each in data["thresholds"]]
    assert taus == sorted(taus, reverse=True)
    assert data["percentiles"]["95"] == taus[1]
    share = data["above"][0]["share"]
    assert lines[5].startswith(f"above 1.4 nats: {100 * share['value']:.1f} % [")
    assert lines[6].startswith("above 50 nats: 0.0 % [")
    assert "Teaching model" in lines[7]
    # The second time it is there.
    code, out, err = run(*command, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == data
    assert len(list((cache_folder() / "thresholds").iterdir())) == 1


def test_a_damaged_measurement_is_said_and_made_again(run: Any) -> None:
    command = ("thresholds", *SHORT, "--sample", 3, "--json")
    first = run(*command)[1]
    (file,) = (cache_folder() / "thresholds").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    code, out, err = run(*command)
    assert code == 0
    assert out == first
    assert f"The measurement in {file} is damaged" in err
    assert "Measuring the entropies" in err
    assert run(*command)[2] == ""


def test_a_share_becomes_nats_before_the_run_and_the_model_is_loaded_once(
    run: Any, tmp_path: Path, loads: list[str]
) -> None:
    command = ("interventions", "--arms", "base", "--sample", 2, *SHORT)
    code, _, err = run(*command, "--tau", "top5%", "--run", tmp_path / "share")
    assert code == 0, err
    assert loads == ["demo_model"]
    assert "tau: top 5 % of the tokens are above" in err
    made = Run.open(tmp_path / "share")
    origin = made.config.thresholds["tau"]
    assert origin["share"] == 0.05
    assert origin["nats"] == made.config.settings["tau"]
    assert origin["interval"][0] <= origin["nats"] <= origin["interval"][1]
    measurement = origin["measurement"]
    assert (measurement["model"], measurement["problems"]) == ("demo", 30)
    assert measurement["settings"]["max_new_tokens"] == 48
    # The same run in nats has the same settings and results.
    code, _, err = run(*command, "--tau", repr(origin["nats"]), "--run", tmp_path / "nats")
    assert code == 0, err
    plain = Run.open(tmp_path / "nats")
    assert plain.config.settings == made.config.settings
    assert plain.config.thresholds == {}
    assert plain.read_json("results.json") == made.read_json("results.json")
    # And one that repeats it says where its threshold came from, too.
    again = made.repeat(tmp_path / "runs")
    assert again.config.thresholds == made.config.thresholds
    assert again.config.settings == made.config.settings


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("command", "option", "name"),
    [
        (("interventions",), ("--tau", "top10%"), "tau"),
        (("interventions",), ("--set", "tau=top10%"), "tau"),
        (("compare",), ("--tau", "top 10 %"), "tau"),
        (("train", "--set", "held_out.problems=0"), ("--tau", "top10%"), "gate.tau"),
        (("train", "--set", "held_out.problems=0"), ("--set", 'gate.tau="top10%"'), "gate.tau"),
        (("rollouts", "--set", "held_out.problems=0"), ("--set", "gate.tau=top10%"), "gate.tau"),
    ],
)
def test_every_command_with_a_threshold_takes_a_share(
    command: tuple[str, ...], option: tuple[str, str], name: str, run: Any, tmp_path: Path
) -> None:
    code, _, err = run(*command, *option, "--sample", 4, *SHORT, "--run", tmp_path / "new")
    assert code == 0, err
    made = Run.open(tmp_path / "new")
    settings: Any = made.config.settings
    for place in name.split("."):
        settings = settings[place]
    assert made.config.thresholds[name]["nats"] == settings
    assert made.config.thresholds[name]["share"] == 0.1
    sampled = made.config.thresholds[name]["measurement"]["settings"]["temperature"]
    assert sampled == (1.0 if "gate" in name else 0.0)  # as the rollouts are drawn


def test_there_is_no_other_threshold() -> None:
    """A command whose settings have a threshold is in the table above."""
    found = set()
    commands: Any = typer.main.get_command(app)
    for name, command in commands.commands.items():
        for group in _setting_groups(command):
            if any(setting(group.model, each).typed for each in setting_names(group.model)):
                found.add(name)
    assert found == {"interventions", "compare", "train", "rollouts", "study", "lesson"}


def _setting_groups(command: Any) -> list[SettingOptions]:
    if command.callback is None:
        return []
    hints = get_type_hints(inspect.unwrap(command.callback), include_extras=True).values()
    return [
        each
        for hint in hints
        for each in getattr(hint, "__metadata__", ())
        if isinstance(each, SettingOptions)
    ]


@pytest.mark.usefixtures("no_work", "small_units")
def test_rollouts_that_are_there_say_what_a_share_means(
    run: Any, rollouts_folder: Path, tmp_path: Path, loads: list[str]
) -> None:
    source = rollouts_folder / "rollouts"
    code, _, err = run("train", "--rollouts", source, "--tau", "top20%", "--run", tmp_path / "new")
    assert code == 0, err
    assert loads == []  # no model is needed
    every = np.sort(
        np.concatenate(
            [
                np.asarray(sample.entropy, np.float32)
                for record in rollout_records(Run.open(source))
                for sample in record.samples
            ]
        )
    )
    wanted = float(every[len(every) - 1 - len(every) // 5])
    made = Run.open(tmp_path / "new")
    assert made.config.settings["gate"]["tau"] == wanted
    assert made.config.thresholds["gate.tau"]["measurement"]["tokens"] == len(every)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--tau", "top0%"), "a share of the tokens is above 0 % and below 100 %"),
        (("--tau", "tip5%"), "'tip5%' is neither nats, such as 1.4, nor a share, such as top5%"),
        (("--tau", "101"), "A setting can't be used (tau: "),
        (("--set", "tau=tip5%"), "A setting can't be used (tau: 'tip5%' is neither nats"),
    ],
)
def test_what_is_no_threshold_is_refused_in_a_sentence(
    option: tuple[str, str], said: str, run: Any, tmp_path: Path, loads: list[str]
) -> None:
    code, out, err = run("interventions", *option, "--run", tmp_path / "no")
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert loads == []
    assert not (tmp_path / "no").exists()


def test_what_can_t_be_run_is_refused_before_the_measurement(
    run: Any, tmp_path: Path, loads: list[str]
) -> None:
    code, _, err = run(
        "interventions", "--arms", "oracle", "--tau", "top5%", "--run", tmp_path / "no"
    )
    assert code == 2
    assert "need a teacher" in err
    assert "Measuring" not in err
    assert loads == []
