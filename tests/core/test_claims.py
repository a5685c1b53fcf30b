"""Claims: verdicts by hand-made intervals, the runs that are taken, what is said of them."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from functools import partial
from math import nan
from pathlib import Path
from typing import Any

import pytest
from claim_runs import MAKERS, PROBLEMS, N, comparison, make, make_all, scope_in
from made_once import MadeOnce

from core.claims.claim import Check, Figure, Finding
from core.claims.decoding_steps import COMPARISON, SAMPLED, fork_temperature
from core.claims.html_report import html_report
from core.claims.markdown_report import markdown_report
from core.claims.measuring import missing_runs
from core.claims.registry import CLAIMS, chosen_claims
from core.claims.report import make_report
from core.claims.rules import Rule, Verdict, together
from core.claims.scope import ProblemSet
from core.claims.sizes import FULL, size_for
from core.claims.table import ClaimRow, claims_table
from core.claims.training_steps import ROLLOUTS
from core.claims.wording import enough_in_words, figure_in_words, rule_in_words
from core.cli.claims_measuring import commands_of, report_of
from core.errors import RunError
from core.models.spec import DEMO_FOLDER, DEMO_NOTICE, DEMO_TEACHER_FOLDER
from core.problems.problem_sets import demo_problems
from core.runs.context import DONE, carry_out
from core.runs.run import Run
from core.statistics import Estimate, paired_difference, share

needs_demo = pytest.mark.skipif(
    not DEMO_FOLDER.is_dir() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)

# Verdicts.

ABOVE, BELOW, BETWEEN = Rule(low=0.0), Rule(high=0.04), Rule(-0.05, 0.05)


@pytest.mark.parametrize(
    ("rule", "value", "low", "high", "verdict"),
    [
        (ABOVE, 0.1, 0.01, 0.2, Verdict.HOLDS),
        (ABOVE, 0.1, 0.0, 0.2, Verdict.UNCLEAR),  # it touches the bound
        (ABOVE, 0.1, -0.1, 0.3, Verdict.UNCLEAR),
        (ABOVE, -0.1, -0.2, 0.0, Verdict.FAILS),
        (ABOVE, -0.1, -0.2, -0.01, Verdict.FAILS),
        (BELOW, 0.013, 0.011, 0.014, Verdict.HOLDS),
        (BELOW, 0.03, 0.02, 0.04, Verdict.UNCLEAR),
        (BELOW, 0.06, 0.04, 0.08, Verdict.FAILS),
        (BETWEEN, 0.0, -0.04, 0.04, Verdict.HOLDS),
        (BETWEEN, 0.0, -0.06, 0.04, Verdict.UNCLEAR),
        (BETWEEN, 0.1, 0.06, 0.14, Verdict.FAILS),
        (BETWEEN, -0.1, -0.14, -0.06, Verdict.FAILS),
        (ABOVE, 0.1, nan, nan, Verdict.UNCLEAR),
        (ABOVE, nan, 0.0, 1.0, Verdict.UNCLEAR),
    ],
)
def test_the_whole_interval_decides(
    rule: Rule, value: float, low: float, high: float, verdict: Verdict
) -> None:
    assert rule.judge(Estimate(value, low, high, 100)) is verdict


def test_a_claim_with_several_figures_holds_only_if_all_do() -> None:
    holds, fails, unclear = Verdict.HOLDS, Verdict.FAILS, Verdict.UNCLEAR
    assert together([holds, holds]) is holds
    assert together([holds, unclear]) is unclear
    assert together([unclear, fails, holds]) is fails
    assert together([]) is Verdict.NOT_MEASURED


def test_the_n_that_would_tell_is_that_at_which_the_interval_leaves_the_bound() -> None:
    # .10 above 0 with .20 down to the end: half the width needs four times the problems.
    assert ABOVE.enough(Estimate(0.1, -0.1, 0.3, 50)) == 200
    # -.10, whose upper end is .15 away, needs 1.5² as many to be clearly below.
    assert ABOVE.enough(Estimate(-0.1, -0.3, 0.05, 40)) == 90
    # Between bounds both sides count: .08 must become .05, .02 is narrow enough.
    assert BETWEEN.enough(Estimate(0.0, -0.08, 0.02, 100)) == 256
    assert ABOVE.enough(Estimate(0.1, 0.05, 0.2, 50)) is None, "it can tell"
    assert ABOVE.enough(Estimate(0.0, -0.1, 0.1, 50)) is None, "no n would be enough"
    assert ABOVE.enough(Estimate(0.1, nan, nan, 1)) is None


def test_of_equal_values_the_interval_shrinks_with_n_itself() -> None:
    """0 of n: Wilson's upper end is z² / (n + z²), which falls below .04 after n = 92."""
    n = BELOW.enough(share(0, 20))
    assert n == 93
    assert BELOW.judge(share(0, n)) is Verdict.HOLDS
    assert BELOW.judge(share(0, n - 1)) is Verdict.UNCLEAR
    same = paired_difference([1.0] * 20, [1.0] * 20)
    n = BETWEEN.enough(same)
    assert n == 73
    assert BETWEEN.judge(paired_difference([1.0] * (n + 1), [1.0] * (n + 1))) is Verdict.HOLDS


def test_words_say_figure_interval_n_and_rule() -> None:
    found = Estimate(0.0126, 0.0111, 0.0141, 333)
    reranked = Check(Figure("reranked", found, "share", "chains"), Rule(high=0.041))
    assert figure_in_words(reranked.figure) == "1.26 % [1.11, 1.41], n = 333 chains"
    assert rule_in_words(reranked) == "holds if the interval is below 4.1 %"
    gain = Check(Figure("gain", Estimate(0.1, -0.1, 0.3, 50), "points"), ABOVE)
    assert figure_in_words(gain.figure) == "+10.0 points [−10.0, +30.0], n = 50 problems"
    assert enough_in_words(Finding((gain,), "")) == "It would take about 200 problems."
    assert enough_in_words(Finding((reranked,), "")) == ""


def test_every_claim_names_a_paper_a_figure_and_a_run() -> None:
    for claim in CLAIMS.values():
        assert re.fullmatch(r"\d{4}\.\d{5}", claim.paper.arxiv)
        assert claim.sentence.endswith(".")
        assert claim.stated
        assert claim.steps
    assert len({claim.sentence for claim in CLAIMS.values()}) == len(CLAIMS)


def test_claims_are_chosen_by_their_ids() -> None:
    chosen = chosen_claims(["sbc-top-3", "rm-rank"])
    assert [each.id for each in chosen] == ["rm-rank", "sbc-top-3"]
    with pytest.raises(RunError, match="No claim is called 'rm-nonsense'"):
        chosen_claims(["rm-nonsense"])


# Runs.


@pytest.fixture(scope="session")
def claim_runs_folder(made_once: MadeOnce) -> Path:
    """A folder with a finished run for every step, to read."""
    return made_once("runs of claims", make_all)


@needs_demo
def test_every_claim_reads_the_runs_of_its_kind(claim_runs_folder: Path) -> None:
    scope = scope_in(claim_runs_folder)
    rows = {row.claim.id: row for row in claims_table(scope)}
    assert rows.keys() == CLAIMS.keys()
    for row in rows.values():
        assert row.problem is None
        assert row.finding is not None, row.claim.id
        assert row.finding.checks[0].figure.estimate.n in (N, 15)
        assert row.finding.control
        assert [run.config.task for run in row.runs.values()] == [
            step.task for step in row.claim.steps
        ]
    assert missing_runs(scope, list(rows.values())) == []
    figure = {key: row.finding.checks[0].figure.estimate for key, row in rows.items()}  # type: ignore[union-attr]
    assert figure["rm-reranked"].value == 0.1  # of ten tokens one
    assert figure["rm-rank"].value == 2
    assert figure["rm-entropy"].value == pytest.approx(10)  # 2 nats over .2
    assert figure["sbc-top-3"].value == 1
    assert figure["8020-sure"].value == pytest.approx(0.8)
    assert figure["8020-hot"].value == 0.5
    assert figure["rm-signs"].value == 0.75  # 12 of 12 problems, less 3
    assert rows["rm-entropy"].verdict is Verdict.HOLDS
    assert rows["rm-reranked"].verdict is Verdict.FAILS
    assert rows["rm-oracle"].verdict is Verdict.UNCLEAR
    assert rows["rm-oracle"].finding.enough == 73  # type: ignore[union-attr]


@needs_demo
def test_only_the_chosen_cell_of_a_study_confirms(claim_runs_folder: Path) -> None:
    rows = {row.claim.id: row for row in claims_table(scope_in(claim_runs_folder))}
    explored = {key for key, row in rows.items() if row.finding and row.finding.exploratory}
    assert explored == {
        "rm-tau", "rm-signs", "rm-window", "rm-gates", "rm-advantages", "8020-top",
    }  # fmt: skip
    chosen = rows["rm-chosen"].finding
    assert chosen is not None
    assert any("Chosen on held-out problems: gate.tau = " in each for each in chosen.more)


@needs_demo
def test_the_run_with_the_most_problems_is_taken_and_never_pooled(tmp_path: Path) -> None:
    first = make(tmp_path, COMPARISON)
    plan = COMPARISON.new_run(scope_in(tmp_path), {})
    few = replace(plan, problems=plan.problems[:5])
    newer = Run.create(tmp_path, "compare", few)
    assert carry_out(newer, MAKERS["compare"], bar=False) == DONE
    (row,) = claims_table(scope_in(tmp_path), ["rm-rank"])
    assert [run.id for run in row.runs.values()] == [first.id]
    assert row.finding is not None
    assert row.finding.checks[0].figure.estimate.n == N
    assert "2 runs fit" in row.note


@needs_demo
def test_runs_of_other_models_teachers_problems_or_states_don_t_count(tmp_path: Path) -> None:
    run = make(tmp_path, COMPARISON)
    ids = ["rm-rank"]

    def verdict(**others: Any) -> Verdict:
        return claims_table(scope_in(tmp_path, **others), ids)[0].verdict

    assert verdict() is Verdict.HOLDS
    assert verdict(problems=ProblemSet("demo", demo_problems()[N:])) is Verdict.NOT_MEASURED
    assert verdict(teacher="another/model") is Verdict.NOT_MEASURED
    config = run.folder / "config.json"
    data = json.loads(config.read_text())
    config.write_text(json.dumps({**data, "settings": {**data["settings"], "along": "teacher"}}))
    assert verdict() is Verdict.NOT_MEASURED
    config.write_text(json.dumps({**data, "model": {**data["model"], "model": "other/base"}}))
    assert verdict() is Verdict.NOT_MEASURED
    config.write_text(json.dumps(data))
    (run.folder / "progress.jsonl").write_text("")
    assert verdict() is Verdict.NOT_MEASURED, "it is not finished"


@needs_demo
@pytest.mark.parametrize(
    ("group", "setting", "value"),
    [
        ("gate", "kind", "random"),
        ("selection", "positive_only", True),
        ("selection", "shuffle_advantages", True),
    ],
)
def test_a_study_of_controls_says_nothing_about_learning_at_forks(
    group: str, setting: str, value: Any, tmp_path: Path
) -> None:
    rollouts = make(tmp_path, ROLLOUTS)
    (step,) = CLAIMS["rm-chosen"].steps
    run = make(tmp_path, step, {"rollouts": rollouts})

    def verdict() -> Verdict:
        return claims_table(scope_in(tmp_path), ["rm-chosen"])[0].verdict

    assert verdict() is Verdict.HOLDS
    config = run.folder / "config.json"
    data = json.loads(config.read_text())
    settings = data["settings"]
    also = (*settings["vary"], f"{group}.{setting}={value}")
    config.write_text(json.dumps({**data, "settings": {**settings, "vary": also}}))
    assert verdict() is Verdict.NOT_MEASURED, "the control varies, and may be the one chosen"
    own = {**settings[group], setting: value}
    config.write_text(json.dumps({**data, "settings": {**settings, group: own}}))
    assert verdict() is Verdict.NOT_MEASURED, "every cell is a control"


@needs_demo
def test_two_values_are_compared_in_the_cells_that_both_have(tmp_path: Path) -> None:
    """With both signs, a second seed solves nothing; with one sign that seed could not be
    trained. The seed that both have solves all problems or 3 of 12: .75, not 6 of 12 less 3."""
    (step,) = CLAIMS["rm-signs"].steps
    run = make(tmp_path, step, {"rollouts": make(tmp_path, ROLLOUTS)})
    place = run.folder / "results.json"
    data = json.loads(place.read_text())
    both, one = data["cells"]
    assert (both["values"], one["values"]) == (
        {"selection.positive_only": "False"},
        {"selection.positive_only": "True"},
    )
    bad = {**both, "number": 2, "seed": 1, "pass_rates": [0.0] * N}
    failed = {**one, "number": 3, "seed": 1, "failure": "no", "pass_rates": []}
    place.write_text(json.dumps({**data, "seeds": 2, "cells": [both, one, bad, failed]}))
    (row,) = claims_table(scope_in(tmp_path), ["rm-signs"])
    assert row.finding is not None
    assert row.finding.checks[0].figure.estimate.value == pytest.approx(0.75)


@needs_demo
@pytest.mark.parametrize("claim", ["sbc-forward", "sbc-backward"])
def test_few_tokens_are_counted(claim: str, claim_runs_folder: Path) -> None:
    """One of forty tokens is put into each chain; more than a tenth would not be few."""
    (row,) = claims_table(scope_in(claim_runs_folder), [claim])
    assert row.finding is not None
    _, budget, _ = row.finding.checks
    assert budget.figure.estimate.value == pytest.approx(1 / 40)
    assert (budget.verdict, budget.rule.high) == (Verdict.HOLDS, 0.1)


@needs_demo
def test_thresholds_that_take_the_same_tokens_are_named(claim_runs_folder: Path) -> None:
    """Two of the three taus of the hand-made study take ten tokens and solve all problems."""
    (row,) = claims_table(scope_in(claim_runs_folder), ["rm-tau"])
    assert row.finding is not None
    assert any("No entropy lies between τ 1.0 and 1.4:" in e for e in row.finding.more)


@needs_demo
def test_windows_that_took_the_same_problems_are_not_equal_windows(tmp_path: Path) -> None:
    """With few problems to keep, the closest to one half are all that both windows learn from."""
    (step,) = CLAIMS["rm-window"].steps
    run = make(tmp_path, step, {"rollouts": make(tmp_path, ROLLOUTS)})
    assert run.config.settings["selection"]["max_problems"] is None
    place = run.folder / "results.json"
    data = json.loads(place.read_text())
    data["cells"][1]["pass_rates"] = data["cells"][0]["pass_rates"]
    place.write_text(json.dumps(data))
    (row,) = claims_table(scope_in(tmp_path), ["rm-window"])
    assert row.verdict is Verdict.NOT_MEASURED
    assert "a fine-tune is compared with itself" in str(row.problem)


@needs_demo
def test_a_run_without_the_figure_is_named_and_not_asked_for_again(tmp_path: Path) -> None:
    (step,) = CLAIMS["rm-signs"].steps
    run = make(tmp_path, step, {"rollouts": make(tmp_path, ROLLOUTS)})
    place = run.folder / "results.json"
    data = json.loads(place.read_text())
    data["cells"][0] |= {"failure": "no", "pass_rates": []}
    place.write_text(json.dumps(data))
    (row,) = claims_table(scope_in(tmp_path), ["rm-signs"])
    assert row.verdict is Verdict.NOT_MEASURED
    assert f"The figure of this claim is missing in {run.id}" in str(row.problem)
    assert missing_runs(scope_in(tmp_path), [row]) == []


@needs_demo
@pytest.mark.parametrize("claim", ["rm-rank", "rm-entropy", "sbc-low-entropy", "sbc-top-3"])
def test_of_a_teacher_that_changes_nothing_it_says_that_there_is_nothing_to_count(
    claim: str, tmp_path: Path
) -> None:
    plan = COMPARISON.new_run(scope_in(tmp_path), {})
    run = Run.create(tmp_path, "compare", plan)
    assert carry_out(run, partial(comparison, changed=None), bar=False) == DONE, run.log_tail()
    (row,) = claims_table(scope_in(tmp_path), [claim])
    assert row.finding is not None
    assert row.verdict is Verdict.UNCLEAR
    assert figure_in_words(row.finding.checks[0].figure) == "unknown"
    said = " ".join(row.finding.more)
    assert re.search(rf"None of {10 * N} tokens in {N} chains (was|has) .*: there is nothing", said)
    assert missing_runs(scope_in(tmp_path), [row]) == []


@needs_demo
def test_a_threshold_measured_on_the_same_problems_only_explores(tmp_path: Path) -> None:
    run = make(tmp_path, COMPARISON)
    config = run.folder / "config.json"
    data = json.loads(config.read_text())
    origin = {"share": 0.05, "nats": 1.2, "measurement": {"problem_set": "demo"}}
    config.write_text(json.dumps({**data, "thresholds": {"tau": origin}}))
    (row,) = claims_table(scope_in(tmp_path), ["rm-rank"])
    assert row.finding is not None
    assert row.finding.exploratory == "Exploration: tau was measured on the same problems."


@needs_demo
def test_missing_runs_come_after_those_they_build_on_and_each_once(tmp_path: Path) -> None:
    scope = scope_in(tmp_path)
    missing = missing_runs(scope, claims_table(scope, ["rm-signs", "8020-sure", "8020-hot"]))
    forks, control = fork_temperature(1)
    assert [each.step.name for each in missing] == [
        "rollouts", "study of signs", SAMPLED.name, forks.name, control.name,
    ]  # fmt: skip
    assert missing[0].claims == ("rm-signs", "8020-sure")
    assert [each.plan is not None for each in missing] == [True, False, True, True, False]
    assert all(each.plan or each.sketch for each in missing), "all can be estimated"
    rollouts = make(tmp_path, ROLLOUTS)
    (study,) = missing_runs(scope_in(tmp_path), claims_table(scope_in(tmp_path), ["rm-signs"]))
    assert study.plan is not None
    assert study.plan.inputs == {"rollouts_from": str(rollouts.folder.resolve())}


@needs_demo
def test_the_control_at_random_positions_has_the_share_of_the_forks(tmp_path: Path) -> None:
    forks, control = fork_temperature(1)
    make(tmp_path, SAMPLED)
    at_forks = make(tmp_path, forks)
    plan = control.new_run(scope_in(tmp_path), {forks.name: at_forks})
    assert plan.settings["fork_random_share"] == 0.2  # two of ten tokens
    assert plan.settings["fork_temperature"] == 1.2


@needs_demo
def test_settings_that_change_no_chain_don_t_keep_evaluations_apart(tmp_path: Path) -> None:
    """One run has kept entropies; another is of a version that knew neither these nor protocols."""
    forks, control = fork_temperature(1)
    plain, at_forks = make(tmp_path, SAMPLED), make(tmp_path, forks)
    make(tmp_path, control, {forks.name: at_forks})

    def verdict() -> Verdict:
        return claims_table(scope_in(tmp_path), ["8020-hot"])[0].verdict

    known = verdict()
    assert known is not Verdict.NOT_MEASURED
    config = plain.folder / "config.json"
    data = json.loads(config.read_text())
    config.write_text(json.dumps({**data, "settings": {**data["settings"], "keep_entropy": True}}))
    assert verdict() is known
    old = {k: v for k, v in data["settings"].items() if k not in ("keep_entropy", "protocol")}
    config.write_text(json.dumps({**data, "settings": old}))
    assert verdict() is known
    config.write_text(json.dumps({**data, "settings": {**old, "top_p": 0.9}}))
    assert verdict() is Verdict.NOT_MEASURED


@needs_demo
def test_a_run_that_was_begun_with_the_same_plan_is_continued(tmp_path: Path) -> None:
    scope = scope_in(tmp_path)
    run = Run.create(tmp_path, "compare", COMPARISON.new_run(scope, {}))
    rows = claims_table(scope_in(tmp_path), ["rm-rank"])
    (missing,) = missing_runs(scope_in(tmp_path), rows)
    assert missing.run is not None
    assert missing.run.id == run.id
    size = size_for(FULL, is_demo=True, parameters=None, on_cpu=True, problems=3)
    other = replace(scope_in(tmp_path), size=size)
    (missing,) = missing_runs(other, rows)
    assert missing.run is None, "another plan"


def test_without_a_teacher_only_claims_about_one_model_are_missing(tmp_path: Path) -> None:
    scope = replace(scope_in(tmp_path), teacher=None)
    tasks = {each.step.task for each in missing_runs(scope, claims_table(scope))}
    assert tasks == {"evaluate", "rollouts", "study"}


def test_own_problems_have_none_to_learn_from_which_is_said(tmp_path: Path) -> None:
    own = {"problems": ProblemSet("mine.jsonl", PROBLEMS.problems), "training": None}
    scope = scope_in(tmp_path, **own)
    (rollouts, study) = missing_runs(scope, claims_table(scope, ["rm-signs"]))
    assert rollouts.plan is not None
    assert study.problem is not None
    assert "There are no problems to learn from beside mine.jsonl" in str(study.problem)


# The report.

HOSTILE = "<script>alert(1)</script> | `x` [a](b) **c**"


@pytest.fixture
def hostile(claim_runs_folder: Path, tmp_path: Path) -> Path:
    """The runs, of a teacher and settings that want to be markup."""
    folder = Path(shutil.copytree(claim_runs_folder, tmp_path / "runs"))
    for config in folder.glob("*/config.json"):
        data = json.loads(config.read_text())
        data["versions"]["evil"] = HOSTILE
        config.write_text(json.dumps(data))
    return folder


@needs_demo
def test_reports_escape_what_files_and_people_say(hostile: Path) -> None:
    scope = replace(scope_in(hostile), set_name=HOSTILE)
    rows = claims_table(scope)
    report = make_report(scope, rows, [], commands_of(scope, rows, None))
    page = html_report(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in re.sub(r"https://arxiv\.org/abs/[\d.]+", "", page), "self-contained"
    assert DEMO_NOTICE in page
    text = markdown_report(report)
    assert not re.search(r"(?<!\\)<script", re.sub(r"(`+).*?\1", "", text))
    table = [line for line in text.splitlines() if line.startswith("| **")]
    assert len(table) == len(rows)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {7}
    assert DEMO_NOTICE in text


@needs_demo
def test_a_report_can_be_repeated(tmp_path: Path) -> None:
    rollouts = make(tmp_path, ROLLOUTS)
    steps = {"rollouts": rollouts}
    (study,) = CLAIMS["rm-signs"].steps
    runs = [rollouts, make(tmp_path, study, steps), make(tmp_path, COMPARISON)]
    scope = scope_in(tmp_path)
    rows = claims_table(scope, ["rm-signs", "rm-rank"])
    report = make_report(scope, rows, [], commands_of(scope, rows, ["rm-signs", "rm-rank"]))
    text = markdown_report(report)
    assert "fork-explorer claims demo --problems demo --size quick --rows rm-signs,rm-rank" in text
    assert "fork-explorer compare --teacher demo-teacher" in text
    assert f"--rollouts RUNS/{rollouts.id}" in text
    assert str(tmp_path) not in text, "no path of this machine"
    for run in runs[1:]:
        assert f'<a id="run-{run.id}"></a>' in text
    assert re.search(r"- versions: .*torch", text)


@needs_demo
def test_a_report_says_how_its_teacher_was_made(tmp_path: Path) -> None:
    rollouts = make(tmp_path, ROLLOUTS)
    (step,) = CLAIMS["rm-signs"].steps
    trained = make(tmp_path, step, {"rollouts": rollouts})  # of another kind, but as a run is
    scope = replace(scope_in(tmp_path), teacher=str(trained.folder / "adapter"))
    rows = claims_table(scope, ["rm-rank"])
    report = make_report(scope, rows, [], commands_of(scope, rows, None))
    assert [(run.id, run.title) for run in report.runs] == [
        (rollouts.id, "rollouts, of the teacher"),
        (trained.id, "study, of the teacher"),
    ]
    assert f"--rollouts RUNS/{rollouts.id}" in report.runs[1].command
    shutil.rmtree(rollouts.folder)
    report = make_report(scope, rows, [], commands_of(scope, rows, None))
    assert [run.id for run in report.runs] == [trained.id]


@needs_demo
def test_a_report_says_no_folder_of_the_machine_it_was_made_on(tmp_path: Path) -> None:
    make(tmp_path, COMPARISON)
    size = size_for("quick", is_demo=True, parameters=None, on_cpu=True, problems=5)
    spec = replace(scope_in(tmp_path).spec, quantization="4bit", adapter="/home/zacharias/adapter")
    others = {"set_name": "/home/zacharias/my sets/mine.jsonl", "teacher": "/data/zacharias/strong"}
    scope = replace(scope_in(tmp_path), spec=spec, size=size, **others)
    rows = claims_table(scope_in(tmp_path), ["rm-rank"])
    report = report_of(scope, rows, [], ["rm-rank"])
    for text in (markdown_report(report), html_report(report)):
        assert "zacharias" not in text
        assert str(tmp_path) not in text
        assert "https://arxiv.org/abs/2605.06241" in text
    again = dict(report.facts)["to measure it again"]
    assert again == (
        "fork-explorer claims demo --adapter adapter --quantization 4bit --teacher strong "
        "--problems 'my sets/mine.jsonl' --train-problems demo-train --size quick --sample 5 "
        "--rows rm-rank --measure"
    )


def test_a_report_of_nothing_says_what_is_missing(tmp_path: Path) -> None:
    scope = scope_in(tmp_path)
    rows = claims_table(scope)
    report = make_report(scope, rows, missing_runs(scope, rows), {})
    assert "Not measured yet: comparison along the base's chains;" in markdown_report(report)
    assert ("verdicts", f"not measured: {len(CLAIMS)}") in report.facts


def test_a_row_without_a_finding_has_no_verdict() -> None:
    row = ClaimRow(CLAIMS["rm-rank"], {}, None)
    assert row.verdict is Verdict.NOT_MEASURED
    assert [each.name for each in row.missing] == ["comparison"]


# The command.


@needs_demo
def test_the_command_prints_the_table_of_the_runs(
    claim_runs_folder: Path, run: Any, tmp_path: Path
) -> None:
    own = tmp_path / "report.html"
    code, out, _ = run(
        "claims", "demo", "--runs-dir", claim_runs_folder, "--rows", "rm-rank,sbc-top-3",
        "--report", own,
    )  # fmt: skip
    assert code == 0
    assert "✓ holds: Where the trained model prefers another token" in out
    assert "mean rank 2.14 to 2.39" in out
    assert "holds: 1, can't tell with this n: 1" in out
    assert DEMO_NOTICE in out
    assert own.read_text().startswith("<!doctype html>")
    loud = tmp_path / "REPORT.MD"
    assert run("claims", "demo", "--runs-dir", claim_runs_folder, "--report", loud)[0] == 0
    assert loud.read_text().startswith("# Claims of three papers")
    code, out, _ = run("claims", "demo", "--runs-dir", claim_runs_folder, "--json")
    assert {each["id"] for each in json.loads(out)["claims"]} == CLAIMS.keys()
    assert json.loads(out)["teaching_model"] is True


@needs_demo
def test_an_interval_that_is_unknown_is_null_in_json(tmp_path: Path, run: Any) -> None:
    """Of one chain there is a mean rank and no interval."""
    plan = COMPARISON.new_run(scope_in(tmp_path), {})
    one = Run.create(tmp_path, "compare", replace(plan, problems=plan.problems[:1]))
    assert carry_out(one, MAKERS["compare"], bar=False) == DONE
    code, out, _ = run("claims", "demo", "--runs-dir", tmp_path, "--rows", "rm-rank", "--json")
    assert code == 0
    (figure,) = json.loads(out)["claims"][0]["figures"]
    assert (figure["value"], figure["low"], figure["n"]) == (2.0, None, 1)
    assert figure["verdict"] == "can't tell with this n"


def test_what_the_command_can_t_do_is_said(run: Any, tmp_path: Path) -> None:
    code, _, err = run("claims", "demo", "--rows", "nonsense")
    assert (code, "No claim is called 'nonsense'" in err) == (2, True)
    code, _, err = run("claims", "demo", "--report", tmp_path / "report.pdf")
    assert (code, "its name says no format" in err) == (2, True)
    code, _, err = run("claims", "demo", "--size", "huge")
    assert (code, "The size 'huge' is unknown" in err) == (2, True)


@needs_demo
def test_planned_commands_plan_the_same_run(tmp_path: Path, run: Any) -> None:
    """What is printed for a missing run is carried out to the run that the claim finds."""
    code, out, _ = run("claims", "demo", "--runs-dir", tmp_path, "--rows", "rm-rank")
    assert code == 0
    assert "fork-explorer compare --teacher demo-teacher --problems demo --sample 150" in out
    measure = "Measure them with: fork-explorer claims demo --problems demo --size quick"
    assert f"{measure} --rows rm-rank --measure --runs-dir {tmp_path}" in out
