"""The intervention study: every problem in every arm, all arms of a chunk in the same batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.chains.judging import check_golds, judge_completions
from core.chains.prompting import check_prompts, problem_prompt
from core.chains.run_on import without_run_on
from core.decoding.guidance import Guide, Rule
from core.decoding.loop import Decoded, Row, decode
from core.interventions.arm import Arm, Plan, Situation
from core.interventions.curves import curve_arms
from core.interventions.records import ArmChain, ProblemRecord, Substitution, SweepAttempt
from core.interventions.settings import InterventionSettings
from core.interventions.shared_rows import decode_shared
from core.models.prefix_store import PrefixStore
from core.models.teacher import check_vocabularies
from core.records import Outcome, Problem, Sampler, StopReason, Verdict

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

# For the progress, until the base's chains are there.
_WRONG = 0.5  # share of them that are expected to be wrong
_LEFT = 0.5  # share of a chain that is expected to follow a token that a sweep forces
_GUIDED = 2.0  # times as much work as a plain chain: both models read it


def check_interventions(
    lm: LanguageModel,
    teacher: LanguageModel | None,
    problems: Sequence[Problem],
    settings: InterventionSettings,
) -> None:
    """Check before any work that the study can be run.

    Raises:
        ProblemError: no problems, or some without a readable gold answer.
        ModelError: an arm without the teacher it needs, or a teacher with another vocabulary.
        PromptError: a question that can't be asked, or doesn't fit into a model's context.
    """
    check_golds(problems)
    settings.arms_with(teacher is not None)
    if teacher is not None:
        check_vocabularies(lm, teacher)
    context = min(each.context_length for each in (lm, teacher) if each is not None)
    check_prompts(lm, problems, settings, context)


def intervene(
    lm: LanguageModel,
    teacher: LanguageModel | None,
    problems: Sequence[Problem],
    settings: InterventionSettings,
    *,
    cancel: Callable[[], bool] = lambda: False,
    on_progress: Callable[[float, float], None] = lambda done, total: None,
) -> list[ProblemRecord] | None:
    """Run every arm on a chunk of problems; call `check_interventions` first.

    Independent arms come first, in one batch; then those that need their chains, in another. The
    same chunk gives the same records to the bit: prefixes are cached for this call only, and
    random draws are keyed by problem and arm.

    Args:
        teacher: None runs only the arms that work without one.
        cancel: asked between tokens.
        on_progress: called with (work done, work planned) after each chain. A whole chain of one
            model is 1, one that both models read 2, a continuation its share of the base's chain.
            The work of the second batch is a forecast until the first one is judged.

    Returns:
        One record a problem, in order; None when cancelled.

    Raises:
        ModelError, PromptError: as `check_interventions`.
        ResourceError: as `decode` and the answer checker.
    """
    # So that compared chains end at the same tokens, whichever model decodes them.
    ends = lm.eos_ids | (frozenset() if teacher is None else teacher.eos_ids)
    study = _Study(
        replace(lm, eos_ids=ends),
        None if teacher is None else replace(teacher, eos_ids=ends),
        settings,
        cancel,
        on_progress,
    )
    prompts = [problem_prompt(lm, problem, settings) for problem in problems]
    arms, points = settings.arms_with(teacher is not None), tuple(curve_arms(settings))
    works = [_Work(p, ids, settings) for p, ids in zip(problems, prompts, strict=True)]
    every = (*arms, *points)
    first, second = [a for a in every if not a.after], [a for a in every if a.after]
    for batch, later in ((first, second), (second, [])):
        if not study.run(works, batch, sum(_forecast(arm, settings) for arm in later)):
            return None
    return [work.record(arms, points) for work in works]


def _forecast(arm: Arm, settings: InterventionSettings) -> float:
    """Work per problem that an arm may be, before the base's chains are there."""
    if not arm.sweeps:
        return _GUIDED if arm.needs_teacher and arm.puts_tokens else 1.0
    return _WRONG * settings.positions * (settings.alternatives - 1) * _LEFT


@dataclass(frozen=True)
class _Ended:
    """A finished row, judged."""

    plan: Plan
    decoded: Decoded
    outcome: Outcome

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The whole completion."""
        return (*self.plan.row.completion_ids, *self.decoded.token_ids)


class _Work:
    """The state of one problem during the study."""

    def __init__(
        self, problem: Problem, prompt_ids: tuple[int, ...], settings: InterventionSettings
    ) -> None:
        self.problem = problem
        self.prompt_ids = prompt_ids
        self.settings = settings
        self.ended: dict[str, list[_Ended]] = {}  # by arm

    def plan(self, arm: Arm) -> list[Plan]:
        chains = {key: self.ended[key][0] for key in arm.after}
        return arm.plan(
            Situation(
                arm.key,
                self.problem,
                self.prompt_ids,
                self.settings,
                {key: chain.decoded for key, chain in chains.items()},
                "base" in chains and chains["base"].outcome.verdict is Verdict.CORRECT,
            )
        )

    def amount(self, plan: Plan) -> float:
        """How much work a row is, in whole chains."""
        if plan.attempt is None:
            return 1.0 if plan.rule is None else _GUIDED
        (base,) = self.ended["base"]
        return 1 - plan.attempt.position / len(base.token_ids)

    def record(self, arms: Sequence[Arm], points: Sequence[Arm]) -> ProblemRecord:
        chains = tuple(self._swept(arm) if arm.sweeps else self._single(arm) for arm in arms)
        return ProblemRecord(
            self.problem.id, self.prompt_ids, chains, tuple(map(self._single, points))
        )

    def _single(self, arm: Arm) -> ArmChain:
        (ended,) = self.ended[arm.key]
        decoded = ended.decoded
        touched = tuple(
            Substitution(position, decoded.token_ids[i], int(decoded.statistics.rank[i]), base_id)
            for position, base_id in sorted(decoded.replaced.items())
            for i in [position - decoded.start]
        )
        return _arm_chain(arm, ended, touched)

    def _swept(self, arm: Arm) -> ArmChain:
        (base,) = self.ended["base"]
        every = self.ended[arm.key]
        attempts = tuple(_tried(each) for each in every)
        for each, tried in zip(every, attempts, strict=True):
            if tried.verdict is Verdict.CORRECT:
                base_id = base.token_ids[tried.position]
                put = Substitution(tried.position, tried.token_id, tried.rank, base_id)
                return _arm_chain(arm, each, (put,), attempts)
        return _arm_chain(arm, base, (), attempts)


def _tried(ended: _Ended) -> SweepAttempt:
    attempt, outcome = ended.plan.attempt, ended.outcome
    assert attempt is not None
    return SweepAttempt(
        attempt.position, attempt.token_id, attempt.rank, outcome.verdict, outcome.answer
    )


def _arm_chain(
    arm: Arm,
    ended: _Ended,
    touched: tuple[Substitution, ...],
    attempts: tuple[SweepAttempt, ...] = (),
) -> ArmChain:
    outcome = ended.outcome
    return ArmChain(
        arm.key,
        ended.token_ids,
        ended.decoded.stop_reason,
        outcome.answer,
        outcome.verdict,
        outcome.boxed,
        touched,
        attempts,
    )


class _Study:
    """Decodes and judges what the arms plan."""

    def __init__(
        self,
        lm: LanguageModel,
        teacher: LanguageModel | None,
        settings: InterventionSettings,
        cancel: Callable[[], bool],
        on_progress: Callable[[float, float], None],
    ) -> None:
        self._lm = lm
        self._teacher = teacher
        self._settings = settings
        self._cancel = cancel
        self._on_progress = on_progress
        self._store = PrefixStore()
        self._teacher_store = PrefixStore()
        self._done = self._planned = 0.0

    def run(self, works: Sequence[_Work], arms: Sequence[Arm], later: float) -> bool:
        """Plan, decode and judge all rows of some arms; False when cancelled.

        Args:
            later: work per problem that is expected of the arms after these.
        """
        every = [(work, arm, plan) for work in works for arm in arms for plan in work.plan(arm)]
        self._planned = self._done + sum(work.amount(plan) for work, _, plan in every)
        self._planned += later * len(works)
        for work in works:
            work.ended.update({arm.key: [] for arm in arms})
        alone = [each for each in every if not each[1].shares_rows]
        for asked, decode_plans in (
            ([each for each in alone if not each[1].by_teacher], self._by_base),
            ([each for each in alone if each[1].by_teacher], self._by_teacher),
            ([each for each in every if each[1].shares_rows], self._shared),
        ):
            decoded = decode_plans(
                [plan for _, _, plan in asked], [work.amount(plan) for work, _, plan in asked]
            )
            if decoded is None:
                return False
            decoded = without_run_on(
                self._lm,
                [plan.row for _, _, plan in asked],
                decoded,
                self._settings.answer_ends(self._lm.prompt_style),
            )
            outcomes = judge_completions(
                self._lm,
                [
                    (*plan.row.completion_ids, *each.token_ids)
                    for (_, _, plan), each in zip(asked, decoded, strict=True)
                ],
                [work.problem.answer for work, _, _ in asked],
                [work.prompt_ids for work, _, _ in asked],
            )
            for (work, arm, plan), each, outcome in zip(asked, decoded, outcomes, strict=True):
                work.ended[arm.key].append(_Ended(plan, each, outcome))
        return True

    def _by_base(self, plans: Sequence[Plan], work: Sequence[float]) -> list[Decoded] | None:
        return self._decode(plans, by_teacher=False, on_row=lambda row: self._ended(work[row]))

    def _by_teacher(self, plans: Sequence[Plan], work: Sequence[float]) -> list[Decoded] | None:
        return self._decode(plans, by_teacher=True, on_row=lambda row: self._ended(work[row]))

    def _shared(self, plans: Sequence[Plan], work: Sequence[float]) -> list[Decoded] | None:
        """Rows of the same prompt together, as long as their rules put the same tokens."""
        prompts = list(dict.fromkeys(plan.row.prompt_ids for plan in plans))
        own: dict[tuple[int, ...], list[int]] = {prompt: [] for prompt in prompts}
        for number, plan in enumerate(plans):
            own[plan.row.prompt_ids].append(number)

        def decode_rows(
            rows: Sequence[Row], rules: Sequence[Rule], on_row: Callable[[int], None]
        ) -> list[Decoded] | None:
            together = [Plan(row, rule) for row, rule in zip(rows, rules, strict=True)]
            return self._decode(together, by_teacher=False, on_row=on_row, keep_rows=True)

        rules = [[_rule_of(plans[number]) for number in own[prompt]] for prompt in prompts]
        found = decode_shared(
            prompts, rules, decode_rows, lambda count: self._ended(work[0] * count)
        )
        if found is None:
            return None
        made = {
            number: each
            for prompt, chains in zip(prompts, found, strict=True)
            for number, each in zip(own[prompt], chains, strict=True)
        }
        return [made[number] for number in range(len(plans))]

    def _decode(
        self,
        plans: Sequence[Plan],
        *,
        by_teacher: bool,
        on_row: Callable[[int], None],
        keep_rows: bool = False,
    ) -> list[Decoded] | None:
        lm, store, guide = self._lm, self._store, None
        if self._teacher is not None:
            reader, read = self._teacher, self._teacher_store
            if by_teacher:
                lm, store, reader, read = reader, read, lm, store
            if any(plan.rule for plan in plans):
                rules = [plan.rule for plan in plans]
                divergence = any(plan.sees_divergence for plan in plans)
                guide = Guide(reader, rules, read, divergence, keep_rows)
        decoded = decode(
            lm,
            [plan.row for plan in plans],
            Sampler(
                max_new_tokens=self._settings.max_new_tokens,
                stop=self._settings.stop_strings(self._lm.prompt_style),
            ),
            k=self._settings.alternatives,
            batch_size=self._settings.batch_size,
            on_row=lambda index, ended: (
                None if ended.stop_reason is StopReason.CANCELLED else on_row(index)
            ),
            cancel=self._cancel,
            store=store,
            keep_rows=keep_rows,
            guide=guide,
        )
        if any(each.stop_reason is StopReason.CANCELLED for each in decoded):
            return None
        return decoded

    def _ended(self, work: float) -> None:
        self._done += work
        self._on_progress(self._done, self._planned)


def _rule_of(plan: Plan) -> Rule:
    assert plan.rule is not None
    return plan.rule
