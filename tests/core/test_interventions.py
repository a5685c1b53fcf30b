"""Every arm puts the tokens it says it puts, where it says it puts them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from lookup_model import (
    BASE,
    ELSE,
    END,
    PROMPT,
    SEVEN,
    SO,
    TEACHER,
    THEN,
    THREE,
    Table,
    lookup_model,
)
from models import byte_level_tokenizer, random_qwen3, tiny_language_model
from peft import LoraConfig, get_peft_model
from pydantic import ValidationError
from scipy.spatial.distance import jensenshannon
from scipy.stats import binomtest, chisquare
from transformers import MambaConfig, MambaForCausalLM

from core.decoding.guidance import Guide, StepContext
from core.decoding.loop import Decoded, decode
from core.errors import FileError, ModelError, ProblemError, PromptError
from core.interventions.arm import BY_TEACHER, CONTROLS, GROUPS
from core.interventions.arms import ARMS
from core.interventions.curves import point_arms
from core.interventions.records import ArmChain, ProblemRecord, Substitution, SweepAttempt
from core.interventions.results import InterventionResults
from core.interventions.rules import at_most, entropy_gated, oracle, random_alternative, top5_oracle
from core.interventions.settings import InterventionSettings
from core.interventions.shared_rows import decode_shared
from core.interventions.study import check_interventions, intervene
from core.interventions.summary import summarise
from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec
from core.records import Problem, Sampler, StopReason, Verdict

SETTINGS = InterventionSettings(arms=tuple(ARMS), positions=1, first_k=1, max_new_tokens=6)


def run(
    lm: LanguageModel,
    teacher: LanguageModel | None,
    problems: list[Problem],
    settings: InterventionSettings,
) -> list[ProblemRecord]:
    check_interventions(lm, teacher, problems, settings)
    records = intervene(lm, teacher, problems, settings)
    assert records is not None
    return records


# The model one can check by hand.


@pytest.fixture(scope="module")
def record() -> ProblemRecord:
    """The right answer is 7."""
    problem = Problem("p", "so", "7")
    return run(lookup_model(BASE), lookup_model(TEACHER), [problem], SETTINGS)[0]


def test_a_record_has_the_prompt_and_every_arm_in_order(record: ProblemRecord) -> None:
    assert (record.problem_id, record.prompt_ids) == ("p", PROMPT)
    assert [chain.arm for chain in record.chains] == list(ARMS)
    assert {chain.stop_reason for chain in record.chains} == {StopReason.EOS}


RIGHT, WRONG = (Verdict.CORRECT, "7"), (Verdict.WRONG, "3")
FIRST, SECOND = Substitution(0, THEN, 2, SO), Substitution(1, SEVEN, 2, THREE)


@pytest.mark.parametrize(
    ("arm", "tokens", "touched", "ending"),
    [
        ("base", (SO, THREE, END), (), WRONG),
        ("teacher", (THEN, SEVEN, END), (), RIGHT),
        ("no_op", (SO, THREE, END), (Substitution(1, THREE, 1, THREE),), WRONG),
        ("oracle", (THEN, SEVEN, END), (FIRST, SECOND), RIGHT),
        ("top5_oracle", (THEN, SEVEN, END), (FIRST, SECOND), RIGHT),
        ("entropy_gated", (SO, SEVEN, END), (SECOND, Substitution(2, END, 1, END)), RIGHT),
        ("complement", (THEN, THREE, END), (FIRST,), WRONG),
        ("first_k_oracle", (THEN, THREE, END), (FIRST,), WRONG),
        ("base_only", (SO, SEVEN, END), (SECOND,), RIGHT),
        ("divergence_gated", (THEN, SEVEN, END), (FIRST, SECOND), RIGHT),
        ("backward", (SO, SEVEN, END), (Substitution(0, SO, 2, THEN),), RIGHT),
    ],
)
def test_an_arm_puts_its_tokens_and_no_others(
    record: ProblemRecord,
    arm: str,
    tokens: tuple[int, ...],
    touched: tuple[Substitution, ...],
    ending: tuple[Verdict, str],
) -> None:
    chain = record.chain(arm)
    assert chain.token_ids == tokens
    assert chain.touched == touched
    assert (chain.verdict, chain.answer) == ending
    assert chain.boxed


def test_a_token_that_stood_there_anyway_is_touched_but_not_changed(record: ProblemRecord) -> None:
    assert record.chain("no_op").changed == ()
    assert record.chain("entropy_gated").changed == (SECOND,)


def test_base_only_tries_the_other_tokens_at_the_fork_most_probable_first(
    record: ProblemRecord,
) -> None:
    assert record.chain("base_only").attempts == (
        SweepAttempt(1, SEVEN, 2, Verdict.CORRECT, "7"),
        SweepAttempt(1, THEN, 3, Verdict.UNPARSEABLE, None),
        SweepAttempt(1, SO, 4, Verdict.UNPARSEABLE, None),
        SweepAttempt(1, END, 5, Verdict.UNPARSEABLE, None),
    )


def test_first_k_of_two_is_the_oracle_here() -> None:
    settings = SETTINGS.model_copy(update={"first_k": 2})
    (record,) = run(lookup_model(BASE), lookup_model(TEACHER), [Problem("p", "so", "7")], settings)
    assert record.chain("first_k_oracle").touched == (FIRST, SECOND)


def test_two_tokens_of_the_base_ruin_the_teachers_chain() -> None:
    settings = SETTINGS.model_copy(update={"first_k": 2})
    (record,) = run(lookup_model(BASE), lookup_model(TEACHER), [Problem("p", "so", "7")], settings)
    assert record.chain("backward").token_ids == record.chain("base").token_ids
    assert record.chain("backward").touched == (
        Substitution(0, SO, 2, THEN),
        Substitution(1, THREE, 2, SEVEN),
    )


def apart(prefix: tuple[int, ...]) -> float:
    """The Jensen-Shannon divergence of base and teacher behind a prefix, nats, by SciPy."""
    rows = [[table[prefix][token] for token in range(5)] for table in (BASE, TEACHER)]
    return float(jensenshannon(*rows)) ** 2


def test_by_divergence_replaces_where_it_is_above_the_threshold_and_nowhere_else() -> None:
    first = apart(())
    assert apart((SO,)) < first < apart((THEN,))  # behind "then" it is higher still
    for least, touched in ((first + 0.001, ()), (first - 0.001, (FIRST, SECOND))):
        settings = SETTINGS.model_copy(update={"divergence": least})
        (found,) = run(
            lookup_model(BASE), lookup_model(TEACHER), [Problem("p", "so", "7")], settings
        )
        assert found.chain("divergence_gated").touched == touched


def test_the_controls_of_divergence_and_backward_replace_as_many_at_even_positions(
    many: list[ProblemRecord],
) -> None:
    for arm, control, pool in (
        ("divergence_gated", "random_teacher", 3),
        ("backward", "backward_random", 3),
    ):
        places: Counter[int] = Counter()
        for record in many:
            made, drawn = record.chain(arm), record.chain(control)
            assert len(drawn.touched) <= len(made.touched)  # it may end before its positions
            places.update(each.position for each in drawn.touched)
        assert set(places) <= set(range(pool))
        assert len(places) > 1


def test_a_chain_that_is_right_already_is_not_swept() -> None:
    problem = Problem("p", "so", "3")  # what the base says, and the teacher doesn't
    (record,) = run(lookup_model(BASE), lookup_model(TEACHER), [problem], SETTINGS)
    for arm in ("base_only", "base_only_control"):
        assert record.chain(arm) == replace(record.chain("base"), arm=arm)
        assert record.chain(arm).correct
    assert record.chain("oracle").verdict is Verdict.WRONG


def test_a_chain_that_no_attempt_rescues_stays_the_bases() -> None:
    problem = Problem("p", "so", "64")
    alone = SETTINGS.model_copy(update={"arms": None})
    (record,) = run(lookup_model(BASE), None, [problem], alone)
    chain = record.chain("base_only")
    assert chain.token_ids == record.chain("base").token_ids
    assert (chain.touched, chain.verdict) == ((), Verdict.WRONG)
    assert [each.verdict for each in chain.attempts[:2]] == [Verdict.WRONG, Verdict.UNPARSEABLE]


# Random arms, over 400 problems that differ only in their name: fixed draws, so no test flakes.


@pytest.fixture(scope="module")
def many() -> list[ProblemRecord]:
    problems = [Problem(f"p{i}", "so", "7") for i in range(400)]
    return run(lookup_model(BASE), lookup_model(TEACHER), problems, SETTINGS)


def chains(records: list[ProblemRecord], arm: str) -> list[ArmChain]:
    return [record.chain(arm) for record in records]


def assert_uniform(drawn: list[int], choices: list[int]) -> None:
    counts = Counter(drawn)
    assert set(counts) == set(choices)
    assert chisquare([counts[choice] for choice in choices]).pvalue > 0.01


@pytest.mark.parametrize("arm", ["random_substitution", "random_substitution_matched"])
def test_random_substitution_draws_evenly_and_may_draw_the_argmax(
    many: list[ProblemRecord], arm: str
) -> None:
    drawn = chains(many, arm)
    assert {chain.touched[0].position for chain in drawn} == {0}
    assert_uniform([chain.token_ids[0] for chain in drawn], [END, SEVEN, THREE, SO, THEN])
    assert {chain.touched[0].changed for chain in drawn} == {True, False}
    after_so = [chain.token_ids[1] for chain in drawn if chain.token_ids[0] == SO]
    assert_uniform(after_so, [END, SEVEN, THREE, SO, THEN])


def test_random_substitution_goes_on_where_its_own_tokens_derail_the_base(
    many: list[ProblemRecord],
) -> None:
    for chain in chains(many, "random_substitution"):
        if chain.token_ids[0] == SEVEN:  # the base goes on with 3, the teacher would end
            assert chain.touched[1].position == 1
            assert chain.touched[1].base_id == THREE
        if chain.token_ids[0] == THREE:  # both would end
            assert len(chain.touched) == 1


def test_the_matched_substitution_stops_after_as_many_tokens_as_the_oracle_put() -> None:
    # A teacher that is content with its own chain only: off it, it wants a 7 at every position.
    wants_sevens = {SEVEN: 0.90, THREE: 0.04, THEN: 0.03, SO: 0.02, END: 0.01}
    teacher = lookup_model({**TEACHER, (THEN, SEVEN): BASE[ELSE], ELSE: wants_sevens})
    problems = [Problem(f"p{i}", "so", "7") for i in range(40)]
    records = run(lookup_model(BASE), teacher, problems, SETTINGS)
    assert {len(chain.touched) for chain in chains(records, "oracle")} == {2}
    assert max(len(chain.touched) for chain in chains(records, "random_substitution")) > 2
    for chain in chains(records, "random_substitution_matched"):
        assert len(chain.touched) == (1 if chain.token_ids[0] == END else 2)


def test_random_positions_are_even_over_the_base_chain_and_never_put_its_argmax(
    many: list[ProblemRecord],
) -> None:
    drawn = chains(many, "random_position")
    at_first = [chain.touched[0] for chain in drawn if chain.touched[0].position == 0]
    # Two of three positions: the first is one of them in two thirds of all draws.
    assert binomtest(len(at_first), len(drawn), 2 / 3).pvalue > 0.01
    assert_uniform([each.token_id for each in at_first], [THEN, THREE, SEVEN, END])
    assert all(each.changed for chain in drawn for each in chain.touched)
    assert {len(chain.touched) for chain in drawn} == {1, 2}  # 1 where the first ends the chain


def test_the_base_only_control_tries_as_many_tokens_at_even_other_positions(
    many: list[ProblemRecord],
) -> None:
    drawn = chains(many, "base_only_control")
    first = [c for c in drawn if c.attempts[0].position == 0]
    assert binomtest(len(first), len(drawn), 1 / 2).pvalue > 0.01
    for chain in drawn:
        assert len(chain.attempts) == 4
        position = chain.attempts[0].position
        expected = {0: [THEN, THREE, SEVEN, END], 2: [SO, THEN, THREE, SEVEN]}[position]
        assert [each.token_id for each in chain.attempts] == expected
        assert {each.position for each in chain.attempts} == {position}
        # After the whole chain a 7 is the last word; at its start the base talks itself out of it.
        assert chain.correct == (position == 2)
        assert chain.touched == ((Substitution(2, SEVEN, 5, END),) if position == 2 else ())


def test_another_seed_draws_other_tokens_and_the_same_seed_the_same(
    many: list[ProblemRecord],
) -> None:
    problems = [Problem(f"p{i}", "so", "7") for i in range(40)]
    lm, teacher = lookup_model(BASE), lookup_model(TEACHER)
    again = run(lm, teacher, problems, SETTINGS)
    assert again == many[:40]
    other = run(lm, teacher, problems, SETTINGS.model_copy(update={"seed": 1}))
    for arm in ARMS:
        same = chains(other, arm) == chains(again, arm)
        drawn = {"base_only_control", "backward_random"}
        assert same == (not arm.startswith("random") and arm not in drawn), arm


# Rules that a vocabulary of five can't tell apart.


def moment(**changes: Any) -> StepContext:
    blank = StepContext(0, np.float32(0), 0, tuple(range(20)), 0)
    return replace(blank, **changes)


def test_the_top5_oracle_leaves_tokens_beyond_the_bases_top_5() -> None:
    assert top5_oracle(moment(teacher_id=4)) == 4
    assert top5_oracle(moment(teacher_id=5)) is None
    assert oracle(moment(teacher_id=5)) == 5
    assert top5_oracle(moment(teacher_id=0)) is None


def test_a_limited_rule_counts_only_what_it_put() -> None:
    rule = at_most(oracle, 1)
    assert [rule(moment(teacher_id=i)) for i in (0, 3, 0, 4)] == [None, 3, None, None]


def test_a_random_alternative_is_one_of_as_many_as_asked_for() -> None:
    rule = random_alternative(frozenset({0}), 3, np.random.default_rng(0))
    assert {rule(moment()) for _ in range(50)} == {1, 2}
    assert rule(moment(position=1)) is None


# Random models: what must hold for any pair.


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


def asked(n: int = 4) -> list[Problem]:
    return [Problem(f"p{i}", f"Ann saws {i + 2} logs into {i} pieces?", "8") for i in range(n)]


def adapted() -> LanguageModel:
    torch.manual_seed(3)
    tokenizer = byte_level_tokenizer()
    config = LoraConfig(r=4, target_modules=["q_proj", "o_proj"], init_lora_weights=False)
    model: Any = get_peft_model(random_qwen3(len(tokenizer)), config).eval()
    return wrap(ModelSpec("tiny", adapter="made here"), model, tokenizer)


def mamba() -> LanguageModel:
    torch.manual_seed(0)
    tokenizer = byte_level_tokenizer()
    model = MambaForCausalLM(
        MambaConfig(hidden_size=32, state_size=8, num_hidden_layers=2, initializer_range=0.5,
                    vocab_size=len(tokenizer), eos_token_id=0, bos_token_id=None,
                    pad_token_id=None)
    )  # fmt: skip
    return wrap(ModelSpec("tiny"), model.eval(), tokenizer)


SMALL = InterventionSettings(positions=2, tau=3.0, max_new_tokens=20, alternatives=3)


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        SMALL.model_copy(update={"batch_size": 1}),
        SMALL.model_copy(update={"batch_size": 7, "max_new_tokens": 45}),
        SMALL.model_copy(update={"max_new_tokens": 1}),
    ],
    ids=["all at once", "one by one", "long", "one token"],
)
@pytest.mark.parametrize(
    "teacher",
    [tiny_language_model(seed=1), adapted(), mamba()],
    ids=["another model", "an adapter", "a recomputed model"],
)
def test_the_oracle_equals_the_teachers_own_chain_token_for_token(
    lm: LanguageModel, teacher: LanguageModel, settings: InterventionSettings
) -> None:
    chosen = settings.model_copy(update={"arms": ("base", "oracle", "teacher")})
    records = run(lm, teacher, asked(), chosen)
    touched = 0
    for record in records:
        by_oracle, by_teacher = record.chain("oracle"), record.chain("teacher")
        assert by_oracle.token_ids == by_teacher.token_ids
        assert by_oracle.stop_reason == by_teacher.stop_reason
        assert by_oracle.changed == by_oracle.touched
        touched += len(by_oracle.touched)
    assert touched > 0


def test_the_oracle_ends_where_the_teacher_ends_whatever_ends_the_base(lm: LanguageModel) -> None:
    teacher = tiny_language_model(seed=1)
    plain = run(lm, teacher, asked(), SMALL)
    often = Counter(t for record in plain for t in record.chain("teacher").token_ids)
    early = replace(teacher, eos_ids=frozenset({often.most_common(1)[0][0]}))
    records = run(lm, early, asked(), SMALL)
    assert [r.chain("teacher") for r in records] != [r.chain("teacher") for r in plain]
    for record in records:
        assert record.chain("oracle").token_ids == record.chain("teacher").token_ids


@pytest.mark.parametrize("padding", [(24, 0), (0, 24)], ids=["base wider", "teacher wider"])
def test_vocabularies_padded_to_other_widths_go_together(padding: tuple[int, int]) -> None:
    base = tiny_language_model(padding=padding[0])
    teacher = tiny_language_model(padding=padding[1], seed=1)
    for record in run(base, teacher, asked(), SMALL):
        for chain in record.chains:
            if not ARMS[chain.arm].by_teacher:
                assert max(chain.token_ids) < base.vocab_size


def test_a_teacher_equal_to_the_base_changes_nothing(lm: LanguageModel) -> None:
    for teacher in (tiny_language_model(), lm):
        for record in run(lm, teacher, asked(), SMALL):
            assert record.chain("oracle").touched == ()
            for chain in record.chains:
                if ARMS[chain.arm].needs_teacher:
                    assert chain.token_ids == record.chain("base").token_ids
                    assert chain.changed == ()


def test_the_no_op_equals_the_base_and_forces_its_highest_entropy_positions(
    lm: LanguageModel,
) -> None:
    for record in run(lm, None, asked(), SMALL):
        base, no_op = record.chain("base"), record.chain("no_op")
        assert no_op.token_ids == base.token_ids
        assert no_op.verdict == base.verdict
        assert len(no_op.touched) == 2
        assert no_op.changed == ()
        assert {each.base_rank for each in no_op.touched} == {1}


@pytest.fixture(scope="module")
def records(lm: LanguageModel) -> list[ProblemRecord]:
    return run(lm, tiny_language_model(seed=1), asked(), SMALL)


def test_neither_order_nor_batch_size_nor_company_changes_a_record(
    lm: LanguageModel, records: list[ProblemRecord]
) -> None:
    teacher = tiny_language_model(seed=1)
    assert run(lm, teacher, asked()[::-1], SMALL)[::-1] == records
    assert run(lm, teacher, asked()[2:3], SMALL) == records[2:3]
    for size in (1, 3):
        assert run(lm, teacher, asked(), SMALL.model_copy(update={"batch_size": size})) == records


def test_two_calls_give_the_same_bytes_whatever_ran_before(
    lm: LanguageModel, records: list[ProblemRecord]
) -> None:
    teacher = tiny_language_model(seed=1)
    first = json.dumps([each.to_json() for each in records], sort_keys=True)
    run(lm, teacher, asked(8)[4:], SMALL)
    again = run(lm, teacher, asked(), SMALL)
    assert json.dumps([each.to_json() for each in again], sort_keys=True) == first
    assert lm.prefixes.longest(records[0].prompt_ids)[0] == 0, "the shared store stays untouched"


def test_a_record_survives_json_exactly(records: list[ProblemRecord]) -> None:
    for record in records:
        assert ProblemRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_a_damaged_or_newer_record_is_refused(records: list[ProblemRecord]) -> None:
    data = records[0].to_json()
    with pytest.raises(FileError, match="version"):
        ProblemRecord.from_json({**data, "schema_version": 99})
    with pytest.raises(FileError, match="damaged"):
        ProblemRecord.from_json({**data, "prompt_ids": ["x"]})
    with pytest.raises(FileError, match="not a"):
        ProblemRecord.from_json([])


def test_cancel_ends_within_a_token(lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = tiny_language_model(seed=1)
    forwards: list[int] = []
    for each in (lm, teacher):
        forward = each.model.forward

        def counted(*args: Any, forward: Any = forward, **kwargs: Any) -> Any:
            forwards.append(1)
            return forward(*args, **kwargs)

        monkeypatch.setattr(each.model, "forward", counted)
    assert intervene(lm, teacher, asked(), SMALL) is not None
    for stop in range(0, len(forwards) - 2, 9):
        forwards.clear()
        answers: list[tuple[bool, int]] = []

        def cancel(stop: int = stop, answers: list[tuple[bool, int]] = answers) -> bool:
            answers.append((len(forwards) >= stop, len(forwards)))
            return answers[-1][0]

        assert intervene(lm, teacher, asked(), SMALL, cancel=cancel) is None
        first_yes = next(after for yes, after in answers if yes)
        assert len(forwards) == first_yes, "nothing runs once it was cancelled"


def test_progress_counts_the_work_of_each_row_and_ends_at_all_of_it(
    lm: LanguageModel, records: list[ProblemRecord]
) -> None:
    reported: list[tuple[float, float]] = []
    intervene(
        lm,
        tiny_language_model(seed=1),
        asked(),
        SMALL,
        on_progress=lambda done, known: reported.append((done, known)),
    )
    whole = [arm for arm in ARMS.values() if arm.by_default and not arm.sweeps]
    guided = [arm for arm in whole if arm.needs_teacher and arm.puts_tokens]
    left = [
        1 - attempt.position / len(record.chains[0].token_ids)
        for record in records
        for chain in record.chains
        for attempt in chain.attempts
    ]
    assert len(reported) == 4 * len(whole) + len(left)
    assert left
    assert all(0 < each <= 1 for each in left)
    every = pytest.approx(4 * (len(whole) + len(guided)) + sum(left))
    assert reported[-1] == (every, every)
    assert all(before < after for (before, _), (after, _) in pairwise(reported))
    assert all(done <= known + 1e-9 for done, known in reported)


# What is refused, and what settings mean.


def test_only_arms_that_the_models_allow_run_by_default(lm: LanguageModel) -> None:
    (record,) = run(lm, None, asked(1), SMALL)
    arms = [chain.arm for chain in record.chains]
    assert arms[:4] == ["base", "no_op", "base_only", "base_only_control"]
    assert arms == [key for key, arm in ARMS.items() if not arm.needs_teacher]
    for work in (check_interventions, intervene):
        with pytest.raises(ModelError, match="oracle"):
            work(lm, None, asked(1), InterventionSettings(arms=("oracle",)))


def test_controls_are_the_arms_that_should_not_help() -> None:
    assert [key for key, arm in ARMS.items() if arm.is_control] == [
        "no_op",
        "random_substitution",
        "random_substitution_matched",
        "random_position",
        "random_teacher",
        "base_only_control",
        "backward_random",
    ]
    for arm in ARMS.values():
        assert arm.control is None or ARMS[arm.control].is_control


def test_every_arm_says_where_it_replaces_what_and_what_that_tells() -> None:
    for arm in ARMS.values():
        for part in (arm.where, arm.what):  # parts of `sentence`
            assert part[0].islower(), arm.key
            assert not part.endswith("."), arm.key
        assert arm.tells[0].isupper(), arm.key
        assert arm.tells.endswith("."), arm.key
        assert (arm.group == CONTROLS) is arm.is_control
        assert arm.group != BY_TEACHER or arm.needs_teacher
    assert {arm.group for arm in ARMS.values()} == set(GROUPS)
    assert ARMS["oracle"].sentence == (
        "Wherever the teacher prefers a different token: the teacher's token."
    )


def test_arms_come_with_those_they_build_on() -> None:
    settings = InterventionSettings(arms=("random_position", "base_only"))
    assert settings.arms == ("base", "oracle", "random_position", "base_only")


@pytest.mark.parametrize(
    "bad",
    [
        {"arms": ("orakel",)},
        {"arms": ()},
        {"positions": 0},
        {"alternatives": 1},
        {"alternatives": 21},
        {"tau": -0.1},
        {"tau": float("nan")},
        {"first_k": 0},
        {"max_new_tokens": 0},
        {"batch_size": 0},
        {"seed": -1},
        {"prompt_style": "poem"},
        {"template": "no place for it", "prompt_style": "plain"},
        {"template": "{problem}", "prompt_style": "qwen_boxed"},
        {"taus": 1.2},
    ],
)
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InterventionSettings(**bad)


def test_settings_survive_json() -> None:
    settings = InterventionSettings(arms=("oracle",), tau=1.4)
    assert InterventionSettings.model_validate_json(settings.model_dump_json()) == settings


def test_problems_without_a_gold_answer_are_refused_and_named(lm: LanguageModel) -> None:
    lacking = [replace(problem, answer=None) for problem in asked(4)]
    with pytest.raises(ProblemError, match=r"can be read: 4 of 4\. "):
        check_interventions(lm, None, lacking, SMALL)
    with pytest.raises(ProblemError, match=r"4 of 5 .*\(p0, p1, p2, \.\.\.\)"):
        check_interventions(lm, None, [*lacking, Problem("p9", "Why?", "8")], SMALL)
    with pytest.raises(ProblemError, match="no problems"):
        check_interventions(lm, None, [], SMALL)


def test_a_teacher_with_another_vocabulary_is_refused_with_the_first_difference(
    lm: LanguageModel,
) -> None:
    tokenizer = byte_level_tokenizer(eos="<end>")
    teacher = wrap(ModelSpec("other"), random_qwen3(len(tokenizer)), tokenizer)
    with pytest.raises(ModelError, match=r"differ: 1 \(0: '<eos>' and '<end>'\)"):
        check_interventions(lm, teacher, asked(), SMALL)


def test_a_question_that_does_not_fit_the_smaller_context_is_refused_by_name(
    lm: LanguageModel,
) -> None:
    short = replace(tiny_language_model(seed=1), context_length=40)
    with pytest.raises(PromptError, match="Problem p0: "):
        check_interventions(lm, short, asked(), SMALL)


def test_a_sweep_of_a_short_chain_leaves_its_control_as_many_tries() -> None:
    settings = InterventionSettings(arms=("base_only", "base_only_control"), positions=5)
    (record,) = run(lookup_model(BASE), None, [Problem("p", "so", "7")], settings)
    assert len(record.chain("base").token_ids) == 3
    tries = [record.chain(arm).attempts for arm in ("base_only", "base_only_control")]
    assert len(tries[0]) == len(tries[1]) == 4, "one position each of three"
    assert {each.position for each in tries[0]} == {1}


# Curves: over tau and over the budget of the teacher's tokens.

CURVES_OF = InterventionSettings(
    arms=("base",), taus=(0.4, 1.0, 1.55, 2.0), budgets=(1, 2, 9), max_new_tokens=6
)


def counting(table: Table, reads: Counter[tuple[int, ...]]) -> LanguageModel:
    """The model of a table, which counts the completions it reads."""
    lm = lookup_model(table)
    forward = lm.model.forward

    def counted(input_ids: torch.Tensor, **others: Any) -> Any:
        reads.update(tuple(ids[len(PROMPT) :]) for ids in input_ids.tolist())
        return forward(input_ids, **others)

    lm.model.forward = counted  # type: ignore[method-assign]
    return lm


def test_the_points_of_a_curve_put_their_tokens_and_no_others() -> None:
    (record,) = run(lookup_model(BASE), lookup_model(TEACHER), [Problem("p", "so", "7")], CURVES_OF)
    third = Substitution(2, END, 1, END)
    for point, tokens, touched in (
        ("taus 0.4", (THEN, SEVEN, END), (FIRST, SECOND, third)),  # above every entropy
        ("taus 1", (SO, SEVEN, END), (SECOND, third)),  # 0.45 nats at the first token
        ("taus 1.55", (SO, THREE, END), ()),  # 1.51 nats at the second, 0.45 behind "so 3"
        ("taus 2", (SO, THREE, END), ()),
        ("budgets 1", (THEN, THREE, END), (FIRST,)),
        ("budgets 2", (THEN, SEVEN, END), (FIRST, SECOND)),
        ("budgets 9", (THEN, SEVEN, END), (FIRST, SECOND)),
    ):
        chain = record.chain(point)
        assert (chain.token_ids, chain.touched) == (tokens, touched), point
        assert chain.correct == (SEVEN in tokens)


def test_a_prefix_is_read_once_however_many_rules_lead_through_it() -> None:
    """Six chains, of which three differ; only the position where one leaves is read once more."""
    base, teacher = Counter[tuple[int, ...]](), Counter[tuple[int, ...]]()
    lm, reader = counting(BASE, base), counting(TEACHER, teacher)
    rules = [entropy_gated(tau) for tau in (0.4, 1.0, 1.2, 1.3, 1.55, 2.0)]
    ended: list[int] = []

    def decode_rows(rows: Any, own: Any, on_row: Any) -> list[Decoded]:
        guide, sampler = Guide(reader, own), Sampler(max_new_tokens=6)
        return decode(lm, rows, sampler, guide=guide, on_row=lambda row, _: on_row(row))

    found = decode_shared([PROMPT], [rules], decode_rows, ended.append)
    assert found is not None
    sevens = (SO, SEVEN, END)
    assert [each.token_ids for each in found[0]] == [
        (THEN, SEVEN, END), sevens, sevens, sevens, (SO, THREE, END), (SO, THREE, END)
    ]  # fmt: skip
    read = {(): 2, (SO,): 2, (SO, SEVEN): 1, (THEN,): 1, (THEN, SEVEN): 1, (SO, THREE): 1}
    assert base == teacher == read
    assert (ended[0], sum(ended)) == (3, len(rules))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_curve_is_what_its_arms_find_one_by_one(lm: LanguageModel, seed: int) -> None:
    teacher = tiny_language_model(seed=seed)
    settings = InterventionSettings(
        arms=("base",), taus=(1.0, 3.0, 4.0, 4.2, 4.4), budgets=(1, 3, 5), max_new_tokens=12
    )
    together = run(lm, teacher, asked(), settings)
    assert len({record.chain(f"taus {tau:g}").token_ids for record in together
                for tau in settings.taus}) > len(together)  # fmt: skip
    for tau, k in zip(settings.taus, (1, 3, 5, 5, 5), strict=True):
        alone = InterventionSettings(
            arms=("entropy_gated", "first_k_oracle"), tau=tau, first_k=k, max_new_tokens=12
        )
        for one, many_ in zip(run(lm, teacher, asked(), alone), together, strict=True):
            for arm, point in (
                ("entropy_gated", f"taus {tau:g}"),
                ("first_k_oracle", f"budgets {k}"),
            ):
                assert replace(many_.chain(point), arm=arm) == one.chain(arm)


def test_the_control_of_a_point_puts_as_many_tokens_at_random(lm: LanguageModel) -> None:
    settings = InterventionSettings(arms=("base",), taus=(4.2,), budgets=(3,), max_new_tokens=12)
    records = run(lm, tiny_language_model(seed=1), asked(30), settings)
    for point in ("taus 4.2", "budgets 3"):
        places: Counter[int] = Counter()
        for record in records:
            made, drawn = record.chain(point), record.chain(f"{point} control")
            assert len(drawn.touched) <= len(made.touched)  # fewer if it ends before its positions
            places.update(each.position for each in drawn.touched)
        assert len(places) > 6
        assert sum(places.values()) > 0.9 * sum(len(r.chain(point).touched) for r in records)
    assert all(each.changed for r in records for each in r.chain("budgets 3 control").touched)


def test_curves_need_a_teacher() -> None:
    with pytest.raises(ModelError, match="curves over thresholds and budgets need a teacher"):
        run(lookup_model(BASE), None, [Problem("p", "so", "7")], CURVES_OF)


def test_curves_are_summed_up_with_their_controls() -> None:
    problems = [Problem("p", "so", "7"), Problem("q", "so", "3")]
    records = run(lookup_model(BASE), lookup_model(TEACHER), problems, CURVES_OF)
    assert [
        ProblemRecord.from_json(json.loads(json.dumps(r.to_json()))) for r in records
    ] == records
    results = summarise(records, 0, point_arms(CURVES_OF))
    assert InterventionResults.from_json(json.loads(json.dumps(results.to_json()))) == results
    taus, budgets = results.curves
    assert [point.value for point in taus.points] == [0.4, 1.0, 1.55, 2.0]
    put = [point.arm.put for point in taus.points]
    assert [(each.touched, each.tokens) for each in put if each] == [(6, 6), (4, 6), (0, 6), (0, 6)]
    assert [point.arm.accuracy.value for point in budgets.points] == [0.5, 0.5, 0.5]
    first = budgets.points[1]
    assert first.arm.comparison is not None
    assert [len(first.arm.comparison.gained), len(first.arm.comparison.lost)] == [1, 1]
    assert first.arm.against_control is not None
    assert first.arm.against_control.reference == "budgets 2 control"
    assert first.control.comparison is not None
    assert len(results.to_rows()) == len(results.arms) + 2 * 7
