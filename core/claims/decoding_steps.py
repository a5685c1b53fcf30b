"""Steps that only decode: comparisons, interventions, and evaluations with another temperature at
forks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.claims.scope import Scope, problems_of
from core.claims.steps import Step, teacher_of
from core.runs.config import RunPlan
from core.runs.run import Run

if TYPE_CHECKING:
    from core.claims.claim import Runs

TAU = 1.2  # nats, the paper's for interventions
FIRST_K = 2
HEAT = 0.4  # by which the temperature at forks differs
ARMS = (
    "base", "oracle", "entropy_gated", "complement", "divergence_gated", "random_substitution",
    "random_position", "random_teacher", "teacher", "backward", "backward_random",
)  # fmt: skip
_FORKS = ("fork_temperature", "fork_tau", "fork_random_share")
_SAME_CHAINS = ("batch_size", "keep_entropy", "protocol")  # settings that change no chain


def _compare(scope: Scope, runs: Runs) -> RunPlan:
    from core.disagreement.task import plan_comparison

    return plan_comparison(
        scope.spec,
        scope.problems,
        {**scope.size.asking, "tau": TAU},
        teachers=[teacher_of(scope)],
        sample=scope.sample,
    )


COMPARISON = Step(
    name="comparison",
    title="comparison along the base's chains",
    task="compare",
    plan=_compare,
    fits=lambda run: run.config.settings.get("along", "base") == "base",
    needs_teacher=True,
)


def _intervene(scope: Scope, runs: Runs) -> RunPlan:
    from core.interventions.task import plan_interventions

    return plan_interventions(
        scope.spec,
        scope.problems,
        {**scope.size.asking, "arms": ARMS, "tau": TAU, "first_k": FIRST_K},
        teacher=teacher_of(scope),
        sample=scope.sample,
    )


def interventions(*arms: str, tau: float | None = None) -> Step:
    """Interventions with at least these arms, and where it matters with this threshold."""

    def fits(run: Run) -> bool:
        from core.interventions.settings import InterventionSettings
        from core.runs.settings import checked_settings

        settings = checked_settings(InterventionSettings, run.config.settings)
        present = {arm.key for arm in settings.arms_with(teacher=True)}
        return set(arms) <= present and tau in (None, settings.tau)

    return Step(
        name="interventions",
        title="interventions with the teacher's tokens",
        task="interventions",
        plan=_intervene,
        fits=fits,
        needs_teacher=True,
    )


def _evaluate(scope: Scope, **forks: Any) -> RunPlan:
    from core.evaluation.task import plan_evaluation

    settings = {**scope.size.asking, **scope.size.sampling, **forks}
    return plan_evaluation(scope.spec, scope.problems, settings, sample=scope.sample)


SAMPLED = Step(
    name="evaluation",
    title="evaluation with one temperature",
    task="evaluate",
    plan=lambda scope, runs: _evaluate(scope),
    fits=lambda run: (
        run.config.settings.get("fork_temperature") is None
        and run.config.settings.get("temperature", 0) > 0
    ),
)


def fork_temperature(sign: int) -> tuple[Step, Step]:
    """Evaluations with a higher (1) or lower (-1) temperature at forks only, and the control: the
    same temperature at as many random positions."""
    word = "higher" if sign > 0 else "lower"
    name = f"evaluation, {word} at forks"

    def heat(scope: Scope) -> float:
        return round(float(scope.size.sampling["temperature"]) + sign * HEAT, 3)

    def at_forks(scope: Scope, runs: Runs) -> RunPlan:
        return _evaluate(scope, fork_temperature=heat(scope), fork_tau=scope.size.fork_tau)

    def at_random(scope: Scope, runs: Runs) -> RunPlan:
        from core.evaluation.task import EVALUATE

        results = EVALUATE.results_of(runs[name])
        at = None if results is None or results.at_forks is None else results.at_forks.value
        return _evaluate(scope, fork_temperature=heat(scope), fork_random_share=round(at or 0.0, 4))

    forks = Step(
        name=name,
        title=f"evaluation with a {word} temperature at forks",
        task="evaluate",
        plan=at_forks,
        fits=lambda run: _is_warmer(run, sign, at_random=False),
        goes_with=lambda run, runs: _same_but_forks(run, runs[SAMPLED.name]),
    )
    control = Step(
        name=f"{name}, control",
        title=f"control with the {word} temperature at random positions",
        task="evaluate",
        plan=at_random,
        fits=lambda run: _is_warmer(run, sign, at_random=True),
        goes_with=lambda run, runs: (
            name in runs and _same_but_forks(run, runs[name]) and _is_control_of(run, runs[name])
        ),
        after=(forks,),
        sketch=lambda scope: at_forks(scope, {}),
    )
    return forks, control


def _is_warmer(run: Run, sign: int, *, at_random: bool) -> bool:
    settings = run.config.settings
    forks, everywhere = settings.get("fork_temperature"), settings.get("temperature", 0)
    if forks is None or (settings.get("fork_random_share") is not None) != at_random:
        return False
    return bool(sign * (forks - everywhere) > 0)


def _same_but_forks(run: Run, other: Run) -> bool:
    """Whether two evaluations ask the same problems in the same way, but for the forks."""

    from core.errors import ExplorerError
    from core.evaluation.task import EVALUATE

    def asked(each: Run) -> dict[str, Any]:
        return EVALUATE.settings_of(each).model_dump(exclude={*_FORKS, *_SAME_CHAINS})

    try:
        same = asked(run) == asked(other)
    except ExplorerError:
        return False
    return same and problems_of(run) == problems_of(other)


def _is_control_of(run: Run, forks: Run) -> bool:
    """Whether as many positions have the same temperature as those of the forks."""
    from core.errors import ExplorerError
    from core.evaluation.task import EVALUATE

    if run.config.settings.get("fork_temperature") != forks.config.settings.get("fork_temperature"):
        return False
    try:
        results = EVALUATE.results_of(forks)
    except ExplorerError:
        return False
    at = None if results is None or results.at_forks is None else results.at_forks.value
    return at is not None and abs(at - run.config.settings["fork_random_share"]) < 1e-3
