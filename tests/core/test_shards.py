"""A run in shards, merged, is the whole run, byte for byte; what doesn't belong is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import UNIT, fine_tune_recipe, training_problems
from toy_kind import LENGTHS

import core.cli.run_command
from core.cli.command_line import run_command
from core.disagreement.task import COMPARE, plan_comparison
from core.errors import ExplorerError, RunError
from core.evaluation.task import AGAINST, EVALUATE, plan_evaluation
from core.interventions.task import INTERVENTIONS, plan_interventions
from core.kinds import KINDS
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER, ModelSpec
from core.problems.problem_sets import demo_problems, write_problems
from core.reasonmaxxer.plan import plan_rollouts
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS
from core.records import Problem
from core.runs import problem_units
from core.runs.checkpoint import Checkpoint
from core.runs.config import RunPlan, write_config
from core.runs.context import DONE, carry_out
from core.runs.kind import RESULTS, TABLE, RunKind
from core.runs.merging import differing_versions, merge
from core.runs.models import PRECISION, model_fields
from core.runs.run import Run
from core.runs.shards import joined, part, read_shard, sharded
from core.runs.status import RunState

SLURM = Path(__file__).resolve().parents[2] / "docs" / "slurm_array.sh"
needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
FILES = (RESULTS, TABLE, "units.jsonl", "problems.jsonl")


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_units, "PROBLEMS_A_UNIT", UNIT)


def contents(run: Run, *names: str) -> dict[str, bytes]:
    return {name: (run.folder / name).read_bytes() for name in names}


# ---- cutting and joining


@given(st.lists(st.integers(), max_size=60), st.integers(1, 9), st.integers(1, 9))
def test_parts_are_whole_groups_and_their_whole_is_what_was_cut(
    whole: list[int], of: int, group: int
) -> None:
    whole = list(range(len(whole)))
    parts = [part(whole, number, of, group) for number in range(1, of + 1)]
    assert joined(parts, group) == whole
    assert sorted(each for some in parts for each in some) == whole
    for some in parts:
        for start in range(0, len(some), group):
            first = some[start]
            assert first % group == 0
            assert some[start : start + group] == whole[first : first + group]


def test_the_second_of_three() -> None:
    assert part("aabbccddeeffg", 2, 3, 2) == list("bbee")


@pytest.mark.parametrize(
    "text", ["", "2", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/4/2", "1/9999999"]
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(RunError, match="is not a shard"):
        read_shard(text)


def test_a_shard_is_read() -> None:
    assert read_shard(" 2/4 ") == (2, 4)


# ---- any run of the toy, in any number of shards


def toy_plan(count: int, model: str, **changes: Any) -> RunPlan:
    problems = [Problem(f"p{i}", "word " * (i % 7 + 1), family="é\u2028") for i in range(count)]
    plan = RunPlan({}, model_fields(ModelSpec(model)), 0, problems=problems)
    return replace(plan, **changes)


def solved(run: Run, kind: RunKind[Any, Any] = LENGTHS) -> Run:
    """A finished run of the toy, whose units are there before a model would be loaded."""
    for unit in problem_units.problem_units(run.problems()):
        found = LENGTHS.solve(None, unit.problems, None, lambda: False, lambda *_: None)  # type: ignore[arg-type]
        assert found is not None
        Checkpoint(run.units_path).keep(unit.key, [each.to_json() for each in found])
    assert carry_out(run, kind.carry_out, bar=False) == DONE
    return run


def toy_shards(folder: Path, plan: RunPlan, of: int, kind: Any = LENGTHS) -> list[Run]:
    found = []
    for number in range(1, of + 1):
        cut = sharded(kind, plan, number, of)
        found.append(solved(Run.create(folder / f"{number}", kind.name, cut, name="mine"), kind))
    return found


@given(count=st.integers(1, 40), of=st.integers(1, 6), at_once=st.integers(1, 3), data=st.data())
@settings(max_examples=10)
def test_merged_it_is_the_whole_run(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_model: str,
    count: int,
    of: int,
    at_once: int,
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    kind, plan = replace(LENGTHS, at_once=lambda _: at_once), toy_plan(count, tiny_model)
    groups = -(-count // (UNIT * at_once))
    if of > groups:
        with pytest.raises(RunError, match=f"Shard {of} of {of} would be empty"):
            sharded(kind, plan, of, of)
    shards = toy_shards(folder, plan, min(of, groups), kind)
    whole = solved(Run.create(folder / "whole", kind.name, plan), kind)
    order = data.draw(st.permutations(shards))
    merged = merge(kind, order, folder / "merged")
    assert contents(merged, *FILES) == contents(whole, *FILES)
    assert {path.name for path in merged.folder.iterdir()} == {
        p.name for p in whole.folder.iterdir()
    }
    assert merged.config.shard is None
    assert merged.config.merged_from == tuple(run.id for run in shards)
    assert merged.config.name == "mine"
    assert merged.status().state is RunState.DONE
    assert merged.status().elapsed >= sum(run.status().elapsed for run in shards)
    assert Run.open(merged.folder).config == merged.config


def test_empty_shards_are_not_asked_for(tmp_path: Path, tiny_model: str) -> None:
    """An array of four where there is work for two."""
    plan = toy_plan(2 * UNIT, tiny_model)
    for_two = [sharded(LENGTHS, plan, number, 4) for number in (1, 2)]
    shards = [solved(Run.create(tmp_path, LENGTHS.name, each)) for each in for_two]
    assert len(merge(LENGTHS, shards, tmp_path).problems()) == 2 * UNIT


# ---- what doesn't belong together


@pytest.fixture
def three(tmp_path: Path, tiny_model: str) -> list[Run]:
    return toy_shards(tmp_path, toy_plan(3 * UNIT, tiny_model), 3)


def edited(run: Run, change: Callable[[dict[str, Any]], Any]) -> Run:
    path = run.folder / "config.json"
    data = json.loads(path.read_text())
    change(data)
    write_config(path, data)
    return Run.open(run.folder)


def refusal(tmp_path: Path, runs: list[Run]) -> str:
    with pytest.raises(RunError) as refused:
        merge(LENGTHS, runs, tmp_path, folder=tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    return str(refused.value)


def test_a_missing_shard_is_named(tmp_path: Path, three: list[Run]) -> None:
    assert "Shard 2 of 3 is missing" in refusal(tmp_path, [three[0], three[2]])
    assert "Shards 2, 3 of 3 are missing" in refusal(tmp_path, three[:1])
    assert "There are no shards" in refusal(tmp_path, [])


def test_a_shard_that_is_there_twice_is_named(tmp_path: Path, three: list[Run]) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(three[1].folder, copy)
    said = refusal(tmp_path, [*three, Run.open(copy)])
    assert f"Shard 2 of 3 ({three[1].id}) is there twice: copy is the same" in said
    assert merge(LENGTHS, [*three, three[1]], tmp_path).problems(), "the same folder, named twice"


FOREIGN: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda c: c.update(settings={"longest": 9}), "setting longest is 9, not null"),
    (lambda c: c.update(settings={"a": {"b": 1}}), "setting a.b is 1, not null"),
    (lambda c: c.update(seed=1), "seed is 1, not 0"),
    (lambda c: c["model"].update(revision="old"), "model's revision is old, not null"),
    (lambda c: c.update(teachers=["x"]), 'teachers is ["x"], not []'),
    (lambda c: c.update(inputs={"against": "/x"}), 'inputs is {"against": "/x"}, not {}'),
    (lambda c: c.update(schema_version=c["schema_version"] - 1), "format is "),
    (lambda c: c.update(task="evaluate"), "kind is evaluate, not lengths"),
    (lambda c: c["shard"].update(of=4), "number of shards is 4, not 3"),
    (lambda c: c["shard"].update(group=8), "problems decoded together is 8, not 4"),
    (lambda c: c["shard"].update(digest="0" * 64), "problems is 12 problems, 000000000000, not"),
]


def test_a_foreign_shard_is_named_whichever_it_is(tmp_path: Path, three: list[Run]) -> None:
    for which, own in enumerate(three):
        before = (own.folder / "config.json").read_bytes()
        for change, what in FOREIGN:
            foreign = edited(own, change)
            said = refusal(tmp_path, [foreign if run is own else run for run in three])
            assert said.startswith(f"Shard {which + 1} of ")
            assert f"({own.id}) belongs to another run than shard " in said
            assert what in said
            (own.folder / "config.json").write_bytes(before)


def test_shards_of_two_days_whose_prompts_may_show_the_day(
    tmp_path: Path, three: list[Run]
) -> None:
    days = ["2026-03-01T23:59:00+00:00", "2026-03-01T23:59:01+00:00", "2026-03-02T00:00:01+00:00"]
    for style, may in ((None, True), ("chat_template", True), ("plain", False)):
        for run, day in zip(three, days, strict=True):
            fields = {"created": day, "settings": {"longest": 50, "prompt_style": style}}
            edited(run, lambda c, fields=fields: c.update(fields))
        runs = [Run.open(run.folder) for run in three]
        if may:
            said = refusal(tmp_path, runs)
            assert "Shard 3 of 3" in said
            assert "give --prompt-date is 2026-03-02, not 2026-03-01" in said
        else:
            assert merge(LENGTHS, runs, tmp_path).config.created == days[0]


def test_a_run_that_is_not_a_shard_is_named(tmp_path: Path, three: list[Run]) -> None:
    whole = solved(Run.create(tmp_path, LENGTHS.name, toy_plan(3, three[0].config.model["model"])))
    assert f"The run {whole.id} is not a shard" in refusal(tmp_path, [*three, whole])


def test_a_shard_that_is_not_finished_is_named(tmp_path: Path, tiny_model: str) -> None:
    shards = toy_shards(tmp_path, toy_plan(6 * UNIT, tiny_model), 3)
    first, _ = shards[1].units_path.read_text().splitlines(keepends=True)
    shards[1].units_path.write_text(first)
    said = refusal(tmp_path, shards)
    assert f"Shard 2 of 3 ({shards[1].id}) is not finished: it has 1 of its 2 units." in said
    assert f"--run {shards[1].folder} --resume" in said


def test_a_shard_of_another_precision_is_named(tmp_path: Path, three: list[Run]) -> None:
    (three[2].folder / PRECISION).write_text('{"m": "bfloat16"}')
    assert f"Shard 3 of 3 ({three[2].id}) has another precision" in refusal(tmp_path, three)
    for run in three:
        (run.folder / PRECISION).write_text('{"m": "bfloat16"}')
    merged = merge(LENGTHS, three, tmp_path)
    assert (merged.folder / PRECISION).read_text() == '{"m": "bfloat16"}'


def test_problems_that_were_changed_are_found(tmp_path: Path, three: list[Run]) -> None:
    changed = [replace(each, answer="5") for each in three[0].problems()]
    write_problems(three[0].problems_path(), changed)
    assert "not those of the run that was cut" in refusal(tmp_path, three)


def test_other_versions_are_said(three: list[Run]) -> None:
    assert differing_versions(three) is None
    three[1] = edited(three[1], lambda c: c["versions"].update(torch="0.1"))
    warning = differing_versions(three)
    assert warning is not None
    assert "torch 0.1 and " in warning


# ---- the real kinds, on the demo


def assert_four_shards_make_the_whole(
    folder: Path, kind: RunKind[Any, Any], plan: RunPlan, *names: str
) -> None:
    whole = Run.create(folder / "whole", kind.name, plan)
    assert carry_out(whole, kind.carry_out, bar=False) == DONE
    shards = []
    for number in (3, 1, 4, 2):
        shard = Run.create(folder / "shards", kind.name, sharded(kind, plan, number, 4))
        assert carry_out(shard, kind.carry_out, bar=False) == DONE
        assert shard.status().total == len(shard.problems()) < len(whole.problems())
        shards.append(shard)
    merged = merge(kind, shards, folder / "merged")
    assert contents(merged, *names) == contents(whole, *names)
    assert kind.headline_of(merged) == kind.headline_of(whole)


@needs_demo
def test_an_evaluation_of_the_demo_in_four_shards(tmp_path: Path) -> None:
    """Compared with an earlier one, of which each shard keeps the same copy."""
    spec, problems = ModelSpec(), demo_problems()[: 4 * UNIT + 1]
    how = {"samples": 1, "max_new_tokens": 60}
    plan = plan_evaluation(spec, problems, how)
    earlier = Run.create(tmp_path / "earlier", "evaluate", plan)
    assert carry_out(earlier, EVALUATE.carry_out, bar=False) == DONE
    plan = plan_evaluation(spec, problems, how | {"seed": 1}, against=earlier.folder)
    assert_four_shards_make_the_whole(tmp_path, EVALUATE, plan, *FILES, AGAINST)


@pytest.mark.parametrize("kind", [INTERVENTIONS, COMPARE, SAMPLE_ROLLOUTS], ids=lambda k: k.name)
def test_the_other_kinds_in_four_shards(
    kind: RunKind[Any, Any], tmp_path: Path, tiny_model: str
) -> None:
    spec = ModelSpec(tiny_model)
    problems = [Problem(f"p{i}", f"How many cuts make {i} pieces?", str(i)) for i in range(14)]
    if kind is INTERVENTIONS:
        plan = plan_interventions(spec, problems, {"positions": 1, "max_new_tokens": 6})
    elif kind is COMPARE:
        plan = plan_comparison(spec, problems, {"max_new_tokens": 6}, teachers=[tiny_model])
    else:
        recipe = fine_tune_recipe(problems=13, max_new_tokens=6, **{"held_out.problems": 1})
        plan = plan_rollouts(spec, problems, recipe)
    names = [each for each in FILES if kind is not SAMPLE_ROLLOUTS or each != TABLE]
    assert_four_shards_make_the_whole(tmp_path, kind, plan, *names)


# ---- on the command line


@needs_demo
def test_on_the_command_line(run: Any, tmp_path: Path) -> None:
    write_problems(tmp_path / "p.jsonl", demo_problems()[: 3 * UNIT])
    command = ("evaluate", "--problems", tmp_path / "p.jsonl", "-n", 1, "--max-new-tokens", 8)
    runs = ("--runs-dir", tmp_path / "runs")
    assert run(*command, "--run", tmp_path / "whole")[0] == 0
    for number in (1, 2):
        code, _, err = run(*command, "--shard", f"{number}/2", "--run", tmp_path / f"s/{number}")
        assert code == 0, err
    shard = Run.open(tmp_path / "s/2")
    assert [each.id for each in shard.problems()] == [
        each.id for each in demo_problems()[UNIT : 2 * UNIT]
    ]
    listed = run("runs", "list", "--runs-dir", tmp_path / "s")[1]
    assert "shard 2 of 2" in listed
    assert (
        "shard 2 of 2 of 12 problems" in run("runs", "show", "2", "--runs-dir", tmp_path / "s")[1]
    )
    code, _, err = run("runs", "merge", tmp_path / "s/1", *runs)
    assert (code, "Shard 2 of 2 is missing" in err) == (2, True)
    code, out, err = run("runs", "merge", tmp_path / "s", "--run", tmp_path / "merged", *runs)
    assert (code, "(12 problems; 95 % interval" in out) == (0, True), (out, err)
    whole, merged = Run.open(tmp_path / "whole"), Run.open(tmp_path / "merged")
    assert contents(merged, *FILES) == contents(whole, *FILES)
    assert "merged from 1, 2" in run("runs", "show", "merged", "--runs-dir", tmp_path)[1]
    code, out, _ = run("runs", "merge", tmp_path / "s/2", tmp_path / "s/1", *runs, "--json")
    assert (code, out) == (0, (whole.folder / RESULTS).read_text())
    code, _, err = run("runs", "merge", tmp_path / "whole", *runs)
    assert (code, "is not a shard" in err) == (2, True)


@needs_demo
@pytest.mark.parametrize("command", sorted(n for n, e in KINDS.items() if e.place[:5] == "core."))
def test_runs_whose_steps_build_on_each_other_have_no_shards(
    command: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.cli.run_command, "carry_out", lambda *_, **__: DONE)
    teacher = ("--teacher", DEMO_TEACHER) if command.startswith("distill") else ()
    vary = ("--vary", "gate.tau=1.0,1.4") if command == "study" else ()
    code, _, err = run(command, *teacher, *vary, "--shard", "1/2", "--run", tmp_path / "new")
    if command in ("train", "study", "distill", "distill-study"):
        assert (code, "can't be divided" in err) == (2, True), err
    else:
        assert code == 0, err
        made = Run.open(tmp_path / "new").config.shard
        assert made is not None
        assert made.name == "1/2"


@needs_demo
def test_a_shard_s_command_makes_the_shard_again(tmp_path: Path) -> None:
    plan = sharded(EVALUATE, plan_evaluation(ModelSpec(), demo_problems(), {}, sample=40), 2, 3)
    made = Run.create(tmp_path, "evaluate", plan)
    wanted = "fork-explorer evaluate --problems demo --sample 40 --shard 2/3"
    assert run_command(made).text == wanted
    again = made.repeat(tmp_path)
    assert (again.config.shard, again.problems()) == (made.config.shard, made.problems())
    rollouts = plan_rollouts(ModelSpec(), training_problems(), fine_tune_recipe())
    cut = Run.create(tmp_path, "rollouts", sharded(SAMPLE_ROLLOUTS, rollouts, 1, 2))
    assert run_command(cut).text.endswith("--shard 1/2")


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_lines_of_a_slurm_array(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "fork-explorer"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor each in "$@"; do echo "$each"; done\n')
    program.chmod(0o755)
    runs = tmp_path / "my runs"
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "RUNS": str(runs),
        "SLURM_ARRAY_TASK_ID": "2",
        "SLURM_ARRAY_TASK_COUNT": "8",
        "DAY": "2026-03-01",
    }
    command = ["bash", str(SLURM), "evaluate", "--problems", "a b.jsonl"]

    def lines(**more: str) -> list[str]:
        done = subprocess.run(
            command, env=environment | more, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    asked = ["evaluate", "--problems", "a b.jsonl", "--prompt-date", "2026-03-01"]
    assert lines() == [*asked, "--shard", "2/8", "--run", f"{runs}/shard-2"]
    later = lines(DAY="", SLURM_ARRAY_TASK_ID="3")
    assert later == [*asked, "--shard", "3/8", "--run", f"{runs}/shard-3"], "the first task's day"
    (runs / "shard-2").mkdir()
    (runs / "shard-2" / "config.json").touch()
    assert lines() == ["evaluate", "--run", f"{runs}/shard-2", "--resume"]


@needs_demo
def test_the_lines_of_a_slurm_array_are_understood(run: Any, tmp_path: Path) -> None:
    """The options that the script adds, and the folder that is merged."""
    added = SLURM.read_text()
    assert all(each in added for each in ('--prompt-date "', '--shard "', '--run "', "--resume"))
    write_problems(tmp_path / "p.jsonl", demo_problems()[: 2 * UNIT])
    for number in (1, 2):
        folder = tmp_path / f"runs/shard-{number}"
        code, _, err = run(
            "evaluate", "--problems", tmp_path / "p.jsonl", "-n", 1, "--max-new-tokens", 4,
            "--prompt-date", "2026-03-01", "--shard", f"{number}/2", "--run", folder,
        )  # fmt: skip
        assert code == 0, err
        assert run("evaluate", "--run", folder, "--resume")[0] == 0
    assert run("runs", "merge", tmp_path / "runs", "--run", tmp_path / "whole")[0] == 0


def test_errors_of_shards_are_for_people() -> None:
    with pytest.raises(ExplorerError) as refused:
        read_shard("2 of 4")
    assert refused.value.remedy.startswith("Write I/N")
