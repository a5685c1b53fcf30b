"""From imported rollouts to a finished run of rollouts, and to the plan of a fine-tune."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chains.pilot import Pilot, PilotChain
from core.claims.training_steps import ANY_ROLLOUTS
from core.cli.command_line import run_command
from core.decoding.scoring import score
from core.errors import ExplorerError, ModelError, ProblemError, RunError
from core.evaluation.results import EvaluationResults
from core.export.of_runs import run_handout
from core.imports.as_run import HowToRead, run_of_rollouts
from core.imports.questions import around
from core.imports.reading import read_rollouts
from core.imports.records import RolloutTable
from core.imports.scores import RolloutScore
from core.imports.scoring import score_rollouts
from core.lora.run_files import EVALUATION
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import ModelSpec
from core.reasonmaxxer.estimate import as_imported
from core.reasonmaxxer.plan import plan_training
from core.reasonmaxxer.recipe import Recipe, recipe_of
from core.reasonmaxxer.results import HELD_OUT, run_recipe
from core.reasonmaxxer.rollouts import (
    imported_records,
    rollout_records,
    take_rollouts,
)
from core.reasonmaxxer.selection import select_examples
from core.reasonmaxxer.settings import GateSettings
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS
from core.records import Problem, StopReason, Verdict
from core.runs.context import DONE, STOPPED, RunContext, carry_out
from core.runs.run import Run
from core.runs.status import RunState

RIGHT, WRONG = "so \\boxed{5}", "then \\boxed{6}"
RECIPE = recipe_of("demo")


@pytest.fixture(scope="module")
def lm(tiny_model: str) -> LanguageModel:
    return load_language_model(ModelSpec(tiny_model, device="cpu"))


def row(question: str, output: str, reward: Any, **more: Any) -> dict[str, Any]:
    return {
        "prompt": f"Q: {question}\nA:",
        "completion": output,
        "reward": reward,
        "gold": "5",
    } | more


ROWS = [
    row("2 + 3?", RIGHT, 1), row("2 + 3?", WRONG, 0), row("2 + 3?", "no idea", 0),
    row("1 + 4?", RIGHT, 1), row("1 + 4?", WRONG, 1),
]  # fmt: skip


def table_of(path: Path, rows: list[dict[str, Any]], **fields: str | None) -> RolloutTable:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return read_rollouts(path, fields)


def scores_of(lm: LanguageModel, table: RolloutTable) -> dict[int, RolloutScore]:
    return dict(enumerate(map(RolloutScore.of, score_rollouts(lm, table.rollouts))))


Make = Callable[..., Run]


@pytest.fixture
def make(lm: LanguageModel, tmp_path: Path) -> Make:
    """Makes a run of rows, all scored."""

    def made(rows: list[dict[str, Any]], how: HowToRead | None = None, **more: Any) -> Run:
        table = table_of(tmp_path / "rollouts 120.jsonl", rows)
        found = run_of_rollouts(
            lm, table, scores_of(lm, table), RECIPE, tmp_path / "runs", how=how, **more
        )
        assert found is not None
        return found

    return made


def test_a_finished_run_has_their_ids_their_rewards_and_the_entropies_of_the_base(
    make: Make, lm: LanguageModel
) -> None:
    run = make(ROWS, name="mine")
    assert run.status().state is RunState.DONE
    assert run.config.name == "mine"
    first, second = rollout_records(run)
    assert [each.verdict for each in first.samples] == [
        Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSEABLE,
    ]  # fmt: skip
    assert (first.correct, first.n, second.correct, second.n) == (1, 3, 2, 2), "the rewards decide"
    prompt, answer = lm.text.tokenise("Q: 2 + 3?\nA:"), lm.text.tokenise(RIGHT)
    assert (list(first.prompt_ids), list(first.samples[0].token_ids)) == (prompt, answer)
    nats = first.samples[0].entropy
    assert nats is not None
    assert np.allclose(nats, score(lm, prompt, answer).entropy)
    assert [(each.question, each.answer) for each in run.problems()] == [
        ("2 + 3?", "5"), ("1 + 4?", "5"),
    ]  # fmt: skip
    assert run.problems(HELD_OUT) == []
    imported = run.config.imported
    assert imported is not None
    assert (imported.file, imported.before, imported.after) == ("rollouts 120.jsonl", "Q: ", "\nA:")
    assert (imported.chains, imported.fewest, imported.most) == (5, 2, 3)
    assert (imported.checked, imported.differ) == (5, 1)
    assert str(Path(run.folder.parent.parent)) not in imported.model_dump_json()
    said = " ".join(imported.sentences())
    assert "sampled by an unknown model, with an unknown sampler" in said
    assert "5 rollouts: text tokenised once." in said
    assert "1 of 5 rollouts with a known correct answer are rewarded otherwise" in said


def test_problems_with_different_numbers_of_rollouts_are_summed_up_by_hand(make: Make) -> None:
    results = SAMPLE_ROLLOUTS.results_of(make(ROWS))
    assert results is not None
    assert (results.n, results.samples, results.chains, results.uneven) == (2, 2, 5, 5)
    assert results.pass_at_1.value == pytest.approx((1 / 3 + 1) / 2)
    assert [each.k for each in results.pass_at_k] == [1, 2]
    assert results.pass_at_k[1].estimate.value == pytest.approx((2 / 3 + 1) / 2)
    assert results.maj_at_k.value == 1, "of a tie, the answer that came first counts"
    assert EvaluationResults.from_json(results.to_json()) == results


def test_the_gate_and_the_selection_take_it_as_any_other(make: Make) -> None:
    run = make(ROWS)
    entropies = [t for each in rollout_records(run)[0].samples for t in each.entropy or ()]
    tau = float(np.median(entropies))
    chosen = select_examples(rollout_records(run), RECIPE.selection, GateSettings(tau=tau))
    assert chosen.report.problems == ("1",)
    assert (chosen.report.right, chosen.report.wrong) == (1, 2)
    assert chosen.report.decisions == sum(nats > tau for nats in entropies)


def test_a_fine_tune_takes_its_rollouts_and_asks_as_its_own_recipe_says(
    make: Make, tiny_model: str, tmp_path: Path
) -> None:
    source = make(ROWS)
    recipe = RECIPE.model_copy(update={"prompt_style": "plain", "seed": 7})
    other = [Problem("x", "7 - 3 =", "4")]
    plan = plan_training(ModelSpec(), [], other, recipe, rollouts=source.folder)
    run = Run.create(tmp_path / "runs", "train", plan)
    assert (run.config.seed, run_recipe(run).prompt_style) == (7, "plain")
    assert run_recipe(run).held_out.problems == 0
    assert run.config.model["model"] == tiny_model
    assert run.config.imported == source.config.imported
    assert [each.id for each in run.problems(EVALUATION)] == ["x"]
    assert carry_out(run, take_rollouts, bar=False) == DONE
    assert rollout_records(run) == rollout_records(source)
    words = run_command(run).text
    assert "--prompt-style plain" in words
    assert "--seed 7" in words
    assert "rollouts.samples" not in words


def test_the_time_of_a_fine_tune_is_foreseen_by_their_lengths(make: Make) -> None:
    records = rollout_records(make(ROWS))
    pilot = Pilot(9, (30,), ((PilotChain(50, False, True, ()),),), 64, 0.1, 1.0, 0.0)
    found = as_imported(pilot, records)
    assert found.prompts == tuple(len(each.prompt_ids) for each in records)
    assert found.lengths == [len(each.token_ids) for one in records for each in one.samples]
    assert 0 < found.shared < min(found.prompts), "the prompts begin alike"
    assert found.prefill_token == 0.1, "as measured"


def test_what_was_imported_is_never_sampled_again(make: Make, tmp_path: Path) -> None:
    source = make(ROWS)
    plan = plan_training(
        ModelSpec(), [], [Problem("x", "7 - 3 =", "4")], RECIPE, rollouts=source.folder
    )
    run = Run.create(tmp_path / "runs", "train", plan)
    with pytest.raises(RunError, match=r"were imported from rollouts 120\.jsonl"):
        source.repeat(tmp_path / "runs")
    source.delete()

    def train(work: RunContext) -> None:
        take_rollouts(work)
        imported_records(work.run)

    assert carry_out(run, train, bar=False) == STOPPED
    assert "rollouts of 2 of 2 problems are missing" in str(run.status().error)


def test_a_damaged_import_is_not_resumed_as_a_sampling(make: Make) -> None:
    run = make(ROWS)
    run.units_path.write_text("")
    assert carry_out(run, SAMPLE_ROLLOUTS.carry_out, bar=False) == STOPPED
    assert "sampling would make others" in str(run.status().error)


@pytest.mark.parametrize(
    "question", ["2 + 3?", "Q: 2 + 3?", "q:  2 + 3?\nA:"], ids=["bare", "with its start", "whole"]
)
def test_problems_of_the_import_are_not_measured_on(make: Make, question: str) -> None:
    source = make(ROWS)
    asked = [Problem("there", question, "5"), Problem("other", "12 + 3?", "15")]
    with pytest.raises(ProblemError, match="there"):
        plan_training(ModelSpec(), [], asked, RECIPE, rollouts=source.folder)
    plan_training(ModelSpec(), [], asked[1:], RECIPE, rollouts=source.folder)


def test_a_second_prompt_of_a_group_is_a_problem_of_its_own(make: Make) -> None:
    rows = [row(q, out, reward, uid="7") for q in ("2 + 3?", "1 + 4?")
            for out, reward in ((RIGHT, 1), (WRONG, 0))]  # fmt: skip
    rows.append(row("5?", RIGHT, 1, uid="7 (2)"))
    run = make(rows)
    assert [each.problem_id for each in rollout_records(run)] == ["7", "7 (2)", "7 (2) (2)"]
    assert [each.n for each in rollout_records(run)] == [2, 2, 1]


def test_ids_of_the_file_are_kept_and_what_it_says_of_the_sampler(
    make: Make, lm: LanguageModel
) -> None:
    prompt, answer = lm.text.tokenise("Q"), lm.text.tokenise("so")
    eos = next(iter(lm.eos_ids))
    rows: list[dict[str, Any]] = [
        {"prompt": "Q", "completion": text, "prompt_ids": prompt, "completion_ids": ids,
         "reward": reward, "model": "org/m", "temperature": 0.7, "finish_reason": stop}
        for text, ids, reward, stop in (
            ("so", [*answer, eos], 1, "stop"),
            ("so", answer, -1, "length"),
            ("so", answer, -1, "stop"),
        )
    ]  # fmt: skip
    run = make(rows)
    (record,) = rollout_records(run)
    assert [each.token_ids for each in record.samples] == [
        (*answer, eos), tuple(answer), tuple(answer),
    ]  # fmt: skip
    assert [each.stop_reason for each in record.samples] == [
        StopReason.EOS, StopReason.LENGTH, StopReason.STOP,
    ]  # fmt: skip
    imported = run.config.imported
    assert imported is not None
    assert imported.sampled_by == "org/m, temperature 0.7"
    assert imported.ids == {"ids of the file, which decode to its text": 3}
    assert imported.ends_known


def test_continuous_rewards_need_a_threshold_that_parts_them(make: Make) -> None:
    rows = [row("2 + 3?", RIGHT, 0.9), row("2 + 3?", WRONG, 0.1), row("2 + 3?", WRONG, 0.5)]
    with pytest.raises(RunError, match=r"3 values \(0.1, 0.5, 0.9\), so which of them are correct"):
        make(rows)
    run = make(rows, HowToRead(0.5))
    assert [each.correct for each in rollout_records(run)[0].samples] == [True, False, True]
    assert run.config.imported is not None
    assert run.config.imported.rule == "correct from a reward of 0.5"
    assert "--correct-from 0.5" in run_command(run).text


GOOD = ROWS[:2]


@pytest.mark.parametrize(
    ("rows", "how", "what"),
    [
        ([row("a", "b", None), row("a", "c", None)], None, "None of the 2 rollouts has a reward"),
        ([row("a", "b", 1), row("a", "c", 1)], None, "All 2 rollouts have the reward 1"),
        ([row("a", "b", 1), row("c", "d", 0)], None, "No problem has both correct and wrong"),
        ([row("a", "b", 0.1), row("a", "c", 0)], None, "which of them are correct"),
        (GOOD, HowToRead(2), "are below 2, so none is better"),
        (GOOD, HowToRead(0), "are at or above 0, so none is better"),
        (GOOD, HowToRead(float("nan")), "can't be nan"),
        ([{"prompt_ids": [1], "completion_ids": [10**6], "reward": reward} for reward in (0, 1)],
         None, "the model can't read them .*1000000 isn't in this model's vocabulary"),
    ],
)  # fmt: skip
def test_what_says_nothing_is_refused_before_there_is_a_run(
    make: Make, tmp_path: Path, rows: list[dict[str, Any]], how: HowToRead | None, what: str
) -> None:
    with pytest.raises(RunError, match=what):
        make(rows, how)
    assert not (tmp_path / "runs").exists()


def test_rollouts_without_a_reward_are_left_out_and_counted(make: Make) -> None:
    imported = make([*GOOD, row("2 + 3?", RIGHT, None)]).config.imported
    assert imported is not None
    assert (imported.chains, imported.left_out) == (2, {"they have no reward": 1})


def test_what_is_not_scored_is_refused(lm: LanguageModel, tmp_path: Path) -> None:
    table = table_of(tmp_path / "x.jsonl", ROWS)
    scores = scores_of(lm, table)
    del scores[1]
    with pytest.raises(RunError, match="1 of 5 rollouts are not scored"):
        run_of_rollouts(lm, table, scores, RECIPE, tmp_path / "runs")
    found = run_of_rollouts(
        lm, table, scores, RECIPE, tmp_path / "runs",
        chosen={each for n, each in enumerate(table.rollouts) if n != 1},
    )  # fmt: skip
    assert found is not None
    assert sum(each.n for each in rollout_records(found)) == 4


def test_scores_of_other_tokens_and_ids_of_another_tokenizer_are_refused(
    lm: LanguageModel, tmp_path: Path
) -> None:
    table = table_of(tmp_path / "x.jsonl", GOOD)
    scores = scores_of(lm, table)
    short = replace(scores[0], entropy=scores[0].entropy[1:])
    with pytest.raises(RunError, match="The scores of row 1 are of"):
        run_of_rollouts(lm, table, scores | {0: short}, RECIPE, tmp_path)
    ids = [{"prompt_ids": [1, 2], "completion_ids": [3, n], "reward": n % 2} for n in (4, 5)]
    table = table_of(tmp_path / "ids.jsonl", ids)
    scored = scores_of(lm, table)
    unlikely = {n: replace(each, unlikely=True) for n, each in scored.items()}
    with pytest.raises(RunError, match="probably of another tokenizer"):
        run_of_rollouts(lm, table, unlikely, RECIPE, tmp_path)


def test_texts_that_the_base_would_not_write_are_counted(lm: LanguageModel, tmp_path: Path) -> None:
    table = table_of(tmp_path / "x.jsonl", GOOD)
    scores = scores_of(lm, table)
    scores = {n: replace(each, unlikely=n == 1) for n, each in scores.items()}
    found = run_of_rollouts(lm, table, scores, RECIPE, tmp_path / "runs")
    assert found is not None
    assert found.config.imported is not None
    assert "1 rollout less likely than chance" in " ".join(found.config.imported.sentences())


def test_a_base_with_an_adapter_is_refused(lm: LanguageModel, tmp_path: Path) -> None:
    table = table_of(tmp_path / "x.jsonl", GOOD)
    tuned = replace(lm, spec=replace(lm.spec, adapter="some"))
    with pytest.raises(ModelError, match="has an adapter already"):
        run_of_rollouts(tuned, table, scores_of(lm, table), RECIPE, tmp_path)


def test_a_cancelled_import_leaves_nothing(lm: LanguageModel, tmp_path: Path) -> None:
    table = table_of(tmp_path / "x.jsonl", GOOD)
    runs = tmp_path / "runs"
    scores = scores_of(lm, table)
    assert run_of_rollouts(lm, table, scores, RECIPE, runs, cancel=lambda: True) is None
    assert not runs.exists()


@pytest.mark.parametrize(
    ("questions", "start", "end"),
    [
        (["Q: 1\nA:", "Q: 2\nA:"], "Q: ", "\nA:"),
        (["one", "two"], "", ""),
        (["same\nx", "same\nx"], "", ""),
        (["one\n1", "one\n1\n1"], "", ""),
        (["ex\nQ: a", "ex\nQ: b"], "ex\nQ: ", ""),
        ([], "", ""),
    ],
)
def test_what_all_prompts_share_is_not_a_question(
    questions: list[str], start: str, end: str
) -> None:
    assert around(questions, 100) == (start, end)
    assert around(questions, 2) == ("", "")


@given(st.lists(st.text("ab\n: ", max_size=12), max_size=5))
def test_a_question_is_never_lost_with_what_all_share(questions: list[str]) -> None:
    start, end = around(questions, 100)
    for each in questions if start or end else ():
        assert each.startswith(start)
        assert each.endswith(end)
        assert each[len(start) : len(each) - len(end)].strip()


# ---- the command -------------------------------------------------------------------------------


def test_import_makes_a_run_and_prints_how_to_go_on(
    run: Any, tiny_model: str, tmp_path: Path
) -> None:
    table_of(tmp_path / "x.jsonl", ROWS)
    code, out, err = run(
        "import", tmp_path / "x.jsonl", "--score", tiny_model, "--to-rollouts", "mine",
        "--where", "problem = 1", "--limit", 4, "--runs-dir", tmp_path / "runs",
    )  # fmt: skip
    assert code == 0, err
    (folder,) = (tmp_path / "runs").iterdir()
    made = Run.open(folder)
    assert made.config.name == "mine"
    assert run_recipe(made).preset == "paper"
    assert sum(each.n for each in rollout_records(made)) == 3
    assert "33.3 % correct on average (1 problem, 3 rollouts each" in out
    assert f"Fine-tune from it: fork-explorer train --rollouts {folder}" in err
    again = run_command(made)
    assert again.text.startswith("fork-explorer import --to-rollouts mine --score ")
    assert again.text.endswith("--where 'problem = 1' --limit 4 -- x.jsonl")
    assert "The first 4 rollouts of the file are read." in err
    assert "the name of the file" in again.note


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--to-rollouts", "x"), "Only scored rollouts are chains, or a run"),
        (("--correct-from", "1"), "are of a run of rollouts"),
        (("--preset", "demo"), "are of a run of rollouts"),
        (("--runs-dir", "x"), "are of a run of rollouts"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    run: Any, tmp_path: Path, options: tuple[str, ...], what: str
) -> None:
    table_of(tmp_path / "x.jsonl", ROWS)
    code, _, err = run("import", tmp_path / "x.jsonl", *options)
    assert (code != 0, what in err) == (True, True)


def test_scoring_for_a_run_continues_where_it_was_stopped(
    run: Any, tiny_model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.imports import scores
    from core.system.environment import rollouts_folder

    file = tmp_path / "x.jsonl"
    table_of(file, ROWS)
    asked = ("import", file, "--score", tiny_model, "--runs-dir", tmp_path / "runs")

    whole = scores.score_rollouts

    def two(lm: Any, rollouts: Any, **how: Any) -> Any:
        for number, each in enumerate(whole(lm, rollouts, **how)):
            if number == 2:
                raise RunError("Stopped.", "Again.")
            yield each

    monkeypatch.setattr(scores, "score_rollouts", two)
    assert run(*asked, "--to-rollouts", "x")[0] != 0
    monkeypatch.setattr(scores, "score_rollouts", whole)
    assert "2 of 5 rollouts are scored already" in run(*asked, "--to-rollouts", "x")[2]
    assert list(rollouts_folder().iterdir()) == [], "the run has them"


def test_rollouts_of_another_model_answer_no_claim(make: Make) -> None:
    run = make(ROWS)
    assert not ANY_ROLLOUTS.fits(run)
    own = run.config.model_copy(update={"imported": None})
    assert ANY_ROLLOUTS.fits(Run(run.folder, own))


def test_what_is_handed_out_of_it_claims_no_sampler_of_ours(make: Make) -> None:
    found = run_handout(make(ROWS))
    facts = dict(found.facts)
    assert facts["rollouts"] == "imported from rollouts 120.jsonl, correct from a reward of 1"
    assert facts["sampled by"] == "an unknown model, with an unknown sampler"
    assert facts["prompt style"] == "of the file"
    (settings,) = (each for each in found.tables if each.caption == "Settings")
    assert not [row for row in settings.rows if row[0].startswith("rollouts.")]
    assert found.headline is not None
    assert "5 rollouts of 2 problems" in found.headline.sentence


def test_every_refusal_has_two_sentences(make: Make) -> None:
    with pytest.raises(ExplorerError) as found:
        make([row("a", "b", None)])
    assert found.value.what.endswith(".")
    assert "--fields reward=FIELD" in found.value.remedy


def test_recipe_settings_of_the_import_do_not_depend_on_the_preset(make: Make) -> None:
    own: Recipe = run_recipe(make(GOOD))
    assert (own.problems, own.held_out.problems, own.rollouts.samples) == (None, 0, 2)
