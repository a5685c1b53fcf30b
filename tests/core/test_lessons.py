"""The lesson: what is correct in its checks follows from what a model did, and is written once."""

from __future__ import annotations

import json
import math
import platform
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lookup_model import BASE, END, SEVEN, SO, THEN, THREE, lookup_model

from core.chains.generation import Fork, fork
from core.chains.judging import judge
from core.claims.registry import CLAIMS
from core.components.chain_view import bare_view
from core.disagreement.token_classes import TokenClass
from core.export.scrubbing import Scrubber
from core.lessons.chains import LessonChains, TriedFork, find_lesson_chains
from core.lessons.checks import Choice, ChoiceCheck, guess_check, strongest_fork_check
from core.lessons.figures import decision_figures, tuning_figures
from core.lessons.lesson import Lesson
from core.lessons.outline import STEPS, step_named
from core.lessons.papers import CLAIMED, NOT_CLAIMED, claims_check
from core.lessons.preparing import prepare_lesson
from core.lessons.questions import control_check, force_check, idle_check, tuning_check
from core.lessons.settings import LessonSettings
from core.lessons.toy import PRESETS, ToyCheck, toy_entropy
from core.lessons.worksheet import worksheet
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import (
    DEMO_FOLDER,
    DEMO_NOTICE,
    DEMO_TEACHER,
    DEMO_TEACHER_FOLDER,
    ModelSpec,
    teacher_spec,
)
from core.models.teacher import load_beside
from core.problems.problem_sets import demo_problems, find_problem, write_problems
from core.records import Problem
from core.runs.estimate import RunEstimate, phase
from core.statistics import BETTER, SAME, WORSE, Estimate

NATS_PER_BIT = 0.6931471805599453
DEMO_IDS = ("test-fence-006", "test-avenue-013")
needs_demo = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file() or not DEMO_TEACHER_FOLDER.is_dir(),
    reason="the demo model or its teacher is not built",
)


# ---- the toy distribution ---------------------------------------------------------------------


def test_the_presets_have_the_entropies_that_the_method_gives() -> None:
    sure, undecided = (toy_entropy(weights) for _, weights in PRESETS)
    assert sure is not None
    assert undecided is not None
    assert sure / NATS_PER_BIT == pytest.approx(0.4025, abs=5e-5)
    assert undecided / NATS_PER_BIT == pytest.approx(2.1509, abs=5e-5)


@pytest.mark.parametrize(
    ("weights", "correct", "why"),
    [
        ((50, 50, 0, 0, 0), True, "1.00 bits, as much as an even choice between two"),
        ((7, 0, 0, 0, 7), True, "1.00 bits"),
        ((100, 0, 0, 0, 0), False, "0.00 bits: too low"),
        ((1, 1, 1, 1, 0), False, "2.00 bits: too high"),
        ((0, 0, 0, 0, 0), False, "gives no distribution"),
    ],
)
def test_one_bit_is_an_even_choice_between_two(
    weights: tuple[int, ...], correct: bool, why: str
) -> None:
    feedback = ToyCheck("bits").feedback(weights)
    assert feedback is not None
    assert feedback.correct is correct
    assert feedback.word == ("correct" if correct else "wrong")
    assert why in feedback.why


def test_the_question_is_in_the_unit_of_the_session() -> None:
    assert "1.00 bits" in ToyCheck("bits").question
    assert "0.69 nats" in ToyCheck("nats").question
    assert ToyCheck("nats").feedback((50, 50)) is None  # not what the sliders can give
    assert ToyCheck("nats").feedback((50, 50, 0, 0, 1000)) is None


# ---- chains, on a model whose forks are known by hand -----------------------------------------


@pytest.fixture(scope="module")
def by_hand() -> LessonChains:
    settings = LessonSettings(prompt_style="plain", max_new_tokens=8)
    found = find_lesson_chains(lookup_model(BASE), [Problem("p", "so", "7")], settings)
    assert found is not None
    return found


def test_the_fork_that_fixes_a_wrong_chain_is_found_with_all_its_endings(
    by_hand: LessonChains,
) -> None:
    tried = by_hand.fork
    assert tried is not None
    assert (tried.chain.token_ids, tried.position) == ((SO, THREE, END), 1)
    assert tried.nats == pytest.approx(1.51, abs=0.005)
    assert [each.token_id for each in tried.endings] == [THREE, SEVEN, THEN, SO, END]
    assert [each.outcome.answer for each in tried.endings] == ["3", "7", None, None, None]
    assert [each.same for each in tried.endings] == [True, False, False, False, False]
    assert tried.fixes
    assert not tried.decides_nothing
    assert by_hand.other is None  # there is no other problem
    assert by_hand.idle is None


def test_only_the_token_that_leads_to_the_correct_answer_is_correct(by_hand: LessonChains) -> None:
    assert by_hand.fork is not None
    check = force_check(by_hand.fork)
    assert check.question.endswith("the correct answer, 7?")
    assert [each.correct for each in check.choices] == [False, True, False, False, False, False]
    wrong = check.feedback([check.options[0]])
    assert wrong is not None
    assert (wrong.correct, wrong.why) == (False, "It leads to 3, wrong.")
    assert check.choices[-1].why == "1 token of these 5 leads to the correct answer."
    assert check.feedback(["something else"]) is None
    assert check.feedback([]) is None


def test_where_no_token_helps_none_of_them_is_the_answer(by_hand: LessonChains) -> None:
    tried = by_hand.fork
    assert tried is not None
    useless = replace(tried, endings=tuple(replace(e, outcome=tried.judged.outcome)
                                           for e in tried.endings))  # fmt: skip
    check = force_check(useless)
    (correct,) = [each.text for each in check.choices if each.correct]
    assert correct == "None of them"


def test_a_clicked_token_is_judged_by_its_entropy(by_hand: LessonChains) -> None:
    assert by_hand.fork is not None
    check = strongest_fork_check(by_hand.fork.chain, 1.4, "nats")
    assert check.accepted == {1}
    correct, wrong = check.feedback(1), check.feedback(0)
    assert correct is not None
    assert wrong is not None
    assert correct.correct
    assert not wrong.correct
    assert "0.45 nats" in wrong.why
    assert "Try again" in wrong.why
    assert check.feedback(3) is None  # beyond the chain
    assert "1.51 nats" in check.answer
    guess = guess_check(by_hand.fork.chain, [1], 1.4, "bits").feedback(1)
    assert guess is not None
    assert guess.correct
    assert "2.18 bits" in guess.why


def test_a_fork_decides_nothing_only_if_every_ending_has_the_chain_s_answer(
    by_hand: LessonChains,
) -> None:
    tried = by_hand.fork
    assert tried is not None
    idle = replace(tried, endings=tuple(replace(each, same=True) for each in tried.endings))
    assert idle.decides_nothing
    check = idle_check(idle, "nats")
    assert [each.correct for each in check.choices] == [False, True, False]
    naive = check.feedback([check.options[0]])
    assert naive is not None
    assert "1.51 nats" in naive.why
    assert "end in the same answer, 3" in naive.why
    assert [each.correct for each in idle_check(tried, "nats").choices] == [True, False, False]
    silent = replace(idle.judged, outcome=replace(idle.judged.outcome, answer=None))
    assert not replace(idle, judged=silent).decides_nothing  # no answer that could stay the same


def test_a_model_without_forks_gets_a_sentence_for_every_step() -> None:
    settings = LessonSettings(prompt_style="plain", max_new_tokens=8, tau=50)
    found = find_lesson_chains(lookup_model(BASE), [Problem("p", "so", "7")], settings)
    assert found is not None
    assert found.reading is None
    assert (found.searched, found.tried) == (1, 0)
    assert (found.fork, found.other, found.idle) == (None, None, None)
    lesson = Lesson("lookup", False, 1, settings, found)
    for step in STEPS:
        if lesson.check(step, "nats") is None:
            said = lesson.missing(step, "nats")
            assert re.fullmatch(r"[^.].*\. .*\.", said), said  # what is wrong, what to do
    assert "above the threshold of 50.00 nats" in lesson.missing(step_named("heatmap"), "nats")


def test_the_chain_to_guess_is_another_than_the_one_that_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where no fork leads to another answer."""
    monkeypatch.setattr("core.lessons.chains.try_forks", lambda *_, **__: [])
    settings = LessonSettings(prompt_style="plain", max_new_tokens=8)
    problems = [Problem("p", "so", "7"), Problem("q", "so", "3")]
    found = find_lesson_chains(lookup_model(BASE), problems, settings)
    assert found is not None
    assert found.fork is None
    assert found.reading is not None
    assert found.other is not None
    assert [each.chain.problem.id for each in (found.reading, found.other)] == ["p", "q"]
    three = [*problems, Problem("r", "so", "3", family="f")]
    wide = find_lesson_chains(lookup_model(BASE), three, settings)
    assert wide is not None
    assert wide.other is not None
    assert wide.other.chain.problem.id == "r", "of another family"
    shown = TriedFork(wide.other, 1, ())
    monkeypatch.setattr("core.lessons.chains._idle", lambda found: shown)
    paper = find_lesson_chains(lookup_model(BASE), three, settings)
    assert paper is not None
    assert paper.other is not None
    assert paper.other.chain.problem.id == "q", "r is shown with its colours at the end"
    alone = find_lesson_chains(lookup_model(BASE), problems[:1], settings)
    assert alone is not None
    assert alone.reading is not None
    assert alone.other is None


def test_a_cancelled_search_is_none() -> None:
    settings = LessonSettings(prompt_style="plain", max_new_tokens=8)
    problems = [Problem("p", "so", "7")]
    assert find_lesson_chains(lookup_model(BASE), problems, settings, cancel=lambda: True) is None


def test_a_bare_view_sends_nothing_of_what_is_to_be_guessed(by_hand: LessonChains) -> None:
    assert by_hand.fork is not None
    message = bare_view(by_hand.fork.chain, "x").message()
    full = replace(bare_view(by_hand.fork.chain, "x"), entropy=by_hand.fork.chain.entropy)
    assert message["bare"] is True
    assert message["tokens"] == list(by_hand.fork.chain.tokens)
    assert message["entropy"] != full.message()["entropy"]
    assert (message["k"], message["strings"], message["forced"]) == (0, [], [])


# ---- what the papers claim --------------------------------------------------------------------


def test_the_sentences_of_the_papers_are_those_of_the_claims() -> None:
    check = claims_check()
    claimed = [CLAIMS[each].sentence for each in CLAIMED]
    assert [each.text for each in check.choices if each.correct] == claimed
    everything = check.feedback(claimed)
    assert everything is not None
    assert everything.correct
    sentence, why = NOT_CLAIMED[0]
    mixed = check.feedback([*claimed[1:], sentence])
    assert mixed is not None
    assert not mixed.correct
    assert why in mixed.why
    assert mixed.why.endswith(f"\nNot ticked yet: 1 of {len(CLAIMED)}.")


def test_a_question_with_one_correct_option_gives_that_option_s_reason() -> None:
    check = ChoiceCheck("?", (Choice("a", False, "not a"), Choice("b", True, "it is b")))
    assert check.feedback(["b"]) == check.feedback(("b",))
    assert check.answer == "b. it is b"


# ---- on the demo ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo() -> LanguageModel:
    return load_language_model(ModelSpec())


@pytest.fixture(scope="module")
def lesson(demo: LanguageModel) -> Lesson:
    problems = [find_problem(demo_problems(), each) for each in DEMO_IDS]
    teacher = load_beside(demo, teacher_spec(ModelSpec(), DEMO_TEACHER))
    made = prepare_lesson(demo, teacher, problems, LessonSettings(), teacher_name=DEMO_TEACHER)
    assert made is not None
    return made


@needs_demo
def test_the_idle_fork_was_found_by_the_model_and_not_by_us(
    lesson: Lesson, demo: LanguageModel
) -> None:
    chains = lesson.chains
    assert chains is not None
    assert chains.idle is not None
    assert chains.fork is not None
    idle = chains.idle
    assert idle.nats > lesson.settings.tau
    alone = [
        fork(demo, idle.chain, [Fork(idle.position, each.token_id)])[0] for each in idle.endings
    ]
    answers = [each.answer for each in judge(demo, alone)]
    assert answers == [idle.judged.outcome.answer] * 5
    assert chains.fork.fixes
    assert lesson.decisions is not None
    assert lesson.decisions.idle.p_value > 0.05
    assert lesson.decisions.fork is not None
    assert lesson.decisions.fork.p_value < 0.001


@needs_demo
@pytest.mark.parametrize(("word", "option"), [(BETTER, 0), (SAME, 1), (WORSE, 2)])
def test_what_the_figures_allow_follows_from_their_interval(
    lesson: Lesson, word: str, option: int
) -> None:
    assert lesson.control is not None
    arms = tuple(
        replace(each, against_control=replace(each.against_control, word=word))
        if each.against_control is not None
        else each
        for each in lesson.control.arms
    )
    check = control_check(replace(lesson.control, arms=arms))
    assert check is not None
    assert [each.correct for each in check.choices] == [at == option for at in range(4)]
    assert "95 % interval" in check.choices[option].why
    assert "2 wrong chains" in check.choices[option].why


@needs_demo
def test_without_a_wrong_chain_there_is_nothing_to_compare(lesson: Lesson) -> None:
    assert lesson.control is not None
    base = tuple(each for each in lesson.control.arms if each.arm == "base")
    bare = replace(lesson, control=replace(lesson.control, arms=base))
    assert bare.check(step_named("control"), "nats") is None
    assert "has a wrong answer to fix" in bare.missing(step_named("control"), "nats")


@needs_demo
@pytest.mark.parametrize(
    ("changed", "option"), [(0, 0), (50, 0), (51, 1), (200, 1), (500, 2), (501, 3), (1000, 3)]
)
def test_the_share_of_changed_tokens_falls_into_one_of_four_parts(
    lesson: Lesson, changed: int, option: int
) -> None:
    assert lesson.tuning is not None
    counts = dict.fromkeys(TokenClass, 0) | {TokenClass.UNSHIFTED: 1000 - changed}
    teacher = replace(lesson.tuning.teacher, tokens=1000, counts=counts)
    compared = replace(lesson.tuning.compared, teachers=(teacher,))
    check = tuning_check(replace(lesson.tuning, compared=compared))
    assert [each.correct for each in check.choices] == [at == option for at in range(4)]


@needs_demo
def test_what_training_changes_has_n_interval_and_control(lesson: Lesson) -> None:
    assert lesson.tuning is not None
    changed, entropy, accuracy = tuning_figures(lesson.tuning, "bits")
    assert re.search(r"tokens of 2 chains; 95 % interval", changed)
    assert re.search(r"Entropy at changed tokens \d\.\d\d bits", entropy)
    assert "as a control, as many tokens at random positions" in accuracy
    assert lesson.tuning.example is not None
    assert lesson.tuning.example.found.classes


@needs_demo
def test_a_trained_model_that_changes_nothing_has_no_entropy_where_it_does(lesson: Lesson) -> None:
    assert lesson.tuning is not None
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    teacher = replace(lesson.tuning.teacher, entropy_changed=nothing)
    compared = replace(lesson.tuning.compared, teachers=(teacher,))
    _, entropy, _ = tuning_figures(replace(lesson.tuning, compared=compared), "bits")
    assert re.fullmatch(r"Entropy at the others \d\.\d\d bits .* \(95 % intervals\)\.", entropy)


@needs_demo
def test_chains_without_a_token_have_nothing_to_compare(lesson: Lesson) -> None:
    assert lesson.tuning is not None
    teacher = replace(lesson.tuning.teacher, tokens=0)
    compared = replace(lesson.tuning.compared, teachers=(teacher,))
    bare = replace(lesson, tuning=replace(lesson.tuning, compared=compared))
    assert bare.check(step_named("tuning"), "nats") is None
    assert bare.missing(step_named("tuning"), "nats").startswith("All 2 chains")


@needs_demo
def test_samples_that_contradict_the_greedy_endings_are_said_to(lesson: Lesson) -> None:
    found = lesson.decisions
    assert found is not None
    assert found.fork is not None
    words = "but the sampled ones differ"
    assert not any(words in each for each in decision_figures(found))
    idle, control = decision_figures(replace(found, idle=found.fork))
    assert words in idle
    assert words not in control


# ---- on paper ---------------------------------------------------------------------------------

DAY = date(2026, 11, 26)


@needs_demo
def test_the_worksheet_has_every_question_and_no_answer(lesson: Lesson) -> None:
    page = worksheet(lesson, unit="bits", day=DAY)
    for step in STEPS:
        check = lesson.check(step, "bits")
        assert check is not None
        for text in (step.title, check.question):
            assert text.replace("'", "&#x27;") in page
        for note in step.notes:
            assert note.replace("'", "&#x27;") not in page
    assert "Answer." not in page
    assert "☒" not in page
    assert "✗" not in page  # no verdict above a chain
    assert DEMO_NOTICE in page
    assert "0.40 bits" in page
    assert "2.15 bits" in page


@needs_demo
def test_the_teacher_s_copy_has_answers_figures_and_notes(lesson: Lesson) -> None:
    page = worksheet(lesson, answers=True, day=DAY)
    assert page.count("<strong>Answer.</strong>") == len(STEPS)
    assert page.count("☒") >= len(CLAIMED) + 4
    for step in STEPS:
        for note in step.notes:
            assert note.replace("'", "&#x27;") in page
    assert "95 % interval" in page


@needs_demo
def test_the_file_runs_nothing_and_loads_nothing(lesson: Lesson) -> None:
    page = worksheet(lesson, answers=True, day=DAY)
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert re.findall(r"(?:src|href)=", page) == []
    assert " style=" not in page  # which the policy would refuse
    assert platform.node() not in page
    assert len(page) < 100_000


@needs_demo
def test_hostile_text_and_names_of_this_machine_stay_out(lesson: Lesson) -> None:
    chains = lesson.chains
    assert chains is not None
    assert chains.other is not None
    question = "<script>alert(1)</script> in /home/someone/notes"
    chain = replace(chains.other.chain, problem=Problem("x", question, "1"))
    other = replace(chains.other, chain=chain)
    hostile = replace(lesson, model="<b>mine", chains=replace(chains, other=other))
    page = worksheet(hostile, day=DAY, scrubber=Scrubber(folders=("/home/someone",)))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>mine" not in page
    assert "/home/someone" not in page


def test_steps_that_a_model_does_not_show_say_so_on_paper() -> None:
    chains = LessonChains(3, 0, None, None, None, None)
    page = worksheet(Lesson("mine", False, 3, LessonSettings(), chains), day=DAY)
    assert page.count("so there are no forks to look at") == 4
    assert "None of the 3 chains has a wrong answer" not in page  # which was not measured
    assert "There is no trained model" not in page
    assert page.count("Measure this step first") == 2
    assert DEMO_NOTICE not in page


# ---- the command ------------------------------------------------------------------------------


@needs_demo
def test_the_command_writes_the_lesson_that_it_prepares(
    run: Any, lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it is given; the lesson itself is the one above, which took seconds to make."""
    asked: list[tuple[Any, ...]] = []

    def prepared(*given: Any, teacher_name: str, **_: Any) -> Lesson:
        asked.append((*given, teacher_name))
        return lesson

    monkeypatch.setattr("core.lessons.preparing.prepare_lesson", prepared)
    problems = [find_problem(demo_problems(), each) for each in DEMO_IDS]
    write_problems(tmp_path / "two.jsonl", problems)
    options = ("--problems", tmp_path / "two.jsonl", "--tau", 1.2, "--sample", 2)
    sheet = ("--worksheet", tmp_path / "sheet.html", "--answers", "--unit", "bits")
    code, out, err = run("lesson", *options, *sheet, "--json")
    assert code == 0, err
    assert json.loads(out) == lesson.to_json("bits")
    assert (tmp_path / "sheet.html").read_text() == worksheet(lesson, answers=True, unit="bits")
    ((lm, teacher, given, settings, name),) = asked
    assert (lm.spec.adapter, teacher.spec.adapter, name) == (None, DEMO_TEACHER, DEMO_TEACHER)
    assert [each.id for each in given] == list(DEMO_IDS)
    assert settings == LessonSettings(tau=1.2, sample=2)

    known = RunEstimate((phase("Finding chains with forks", 60.0, 0.2),))
    monkeypatch.setattr("core.lessons.estimate.estimate_lesson", lambda *_: known)
    code, out, err = run("lesson", *options)
    assert code == 0
    assert "This takes about 60 s (50" in err, "which is said before"
    assert out.startswith(DEMO_NOTICE)
    assert "8. A fork that decides nothing" in out
    assert "Answer:" not in out
