"""ReasonMaxxer, sections 5 and 6, and 80/20: which tokens a fine-tune has to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.claims.claim import MARGIN, Check, Claim, Figure, Finding
from core.claims.papers import EIGHTY_TWENTY, REASONMAXXER
from core.claims.rules import Rule
from core.claims.study_figures import EXPLORATORY, Rates, not_trained, rates_by, results_of
from core.claims.training_steps import study
from core.errors import RunError
from core.runs.headline import counted
from core.system.percent import percent

if TYPE_CHECKING:
    from core.claims.claim import Runs
    from core.claims.scope import Scope

_TAU, _SIGNS, _GATE = "gate.tau", "selection.positive_only", "gate.kind"
_SHUFFLED, _WINDOW = "selection.shuffle_advantages", "selection.pass_rate_window"
_TOP, _REST = "top-fraction-of-all", "rest-of-all"

_BY_TAU = study("study of tau", "study over τ", _TAU, least=3)
_BY_SIGN = study("study of signs", "study of both signs or one", _SIGNS, "false", "true")
_BY_GATE = study(
    "study of gates", "study of gates", _GATE, "threshold", "random", "low-entropy", "all"
)
_BY_ORDER = study("study of advantages", "study of shuffled advantages", _SHUFFLED, "false", "true")
_BY_WINDOW = study(
    "study of windows",
    "study of the pass-rate window",
    _WINDOW,
    "0.5",
    "1.0",
    planned={"selection.max_problems": None},  # those closest to one half are in both windows
)
_BY_PART = study(
    "study of the top 20 %",
    "study of the top 20 % and the rest",
    _GATE,
    _TOP,
    _REST,
    "all",
    fraction=0.2,
)


def _difference(label: str, one: Rates, other: Rates) -> Figure:
    return Figure(label, one.less(other), "points")


def _accuracies(rates: dict[str, Rates], names: dict[str, str] | None = None) -> str:
    named = {value: (names or {}).get(value, value) for value in rates}
    shown = "; ".join(
        f"{named[value]} {percent(each.accuracy.value)} ({percent(each.gated)} of tokens, "
        f"{percent(each.mass)} of the signal)"
        for value, each in rates.items()
    )
    return f"Test accuracy: {shown}."


def _said(*sentences: str) -> tuple[str, ...]:
    return tuple(each for each in sentences if each)


def _plateau(runs: Runs, scope: Scope) -> Finding | None:
    run = runs[_BY_TAU.name]
    rates, results = rates_by(run, _TAU), results_of(run)
    if len(rates) < 2 or results is None:
        return None
    worst = min(rates, key=lambda value: rates[value].rates.mean())
    best = max(rates, key=lambda value: rates[value].rates.mean())
    figure = _difference(
        f"accuracy at the worst τ ({worst} nats) less that at the best ({best} nats)",
        rates[worst],
        rates[best],
    )
    return Finding(
        (Check(figure, Rule(low=-MARGIN)),),
        Figure("the base's accuracy", results.base_test, "share"),
        _said(
            _accuracies(rates, {value: f"τ {value}" for value in rates}),
            "The worst and the best of several are further apart than two given ones, by chance "
            "alone.",
            _same_tokens(rates),
            not_trained(run),
        ),
        EXPLORATORY,
    )


def _same_tokens(rates: dict[str, Rates]) -> str:
    """Which thresholds made the same fine-tune; "" where all differ."""
    alike: dict[object, list[str]] = {}
    for value, each in rates.items():
        alike.setdefault(each.trainings, []).append(value)
    same = [" and ".join(values) for values in alike.values() if len(values) > 1]
    if not same:
        return ""
    return f"No entropy lies between τ {'; '.join(same)}: the same tokens, so the same fine-tune."


def _chosen(runs: Runs, scope: Scope) -> Finding | None:
    run = runs[_BY_TAU.name]
    results = results_of(run)
    if results is None or results.chosen is None:
        return None
    chosen, cost = results.chosen, results.cost
    values = ", ".join(f"{name} = {value}" for name, value in chosen.values.items())
    figure = Figure("test accuracy at the chosen τ, less the base's", chosen.difference, "points")
    return Finding(
        (Check(figure, Rule(low=0.0)),),
        Figure("the base's accuracy", results.base_test, "share"),
        (
            f"Chosen on held-out problems: {values}; test accuracy {percent(chosen.test.value)}.",
            f"With all {counted(results.all_cells, 'cell')} and the choice: "
            f"{cost.total_seconds:,.0f} s, {cost.usd:.2f} US$ at {cost.usd_per_hour:g} an hour.",
        ),
    )


def _window(runs: Runs, scope: Scope) -> Finding | None:
    run = runs[_BY_WINDOW.name]
    rates, results = rates_by(run, _WINDOW), results_of(run)
    widths = sorted(rates, key=float)
    if results is None or len(widths) < 2:
        return None
    narrow, wide = widths[0], widths[-1]
    if rates[narrow].trainings == rates[wide].trainings:
        raise RunError(
            f"The windows {narrow} and {wide} took the same problems in {run.id}: a fine-tune is "
            "compared with itself.",
            "Make a study that keeps all problems: set selection.max_problems to none.",
        )
    figure = _difference(
        f"a window of {narrow} around one half, less one of {wide}", rates[narrow], rates[wide]
    )
    return Finding(
        (Check(figure, Rule(-MARGIN, MARGIN)),),
        Figure("the base's accuracy", results.base_test, "share"),
        _said(_accuracies(rates, {value: f"width {value}" for value in rates}), not_trained(run)),
        EXPLORATORY,
    )


def _both_signs(runs: Runs, scope: Scope) -> Finding | None:
    run = runs[_BY_SIGN.name]
    rates, results = rates_by(run, _SIGNS), results_of(run)
    if results is None or not {"True", "False"} <= rates.keys():
        return None
    figure = _difference(
        "learning from correct and wrong rollouts, less from correct ones only",
        rates["False"],
        rates["True"],
    )
    return Finding(
        (Check(figure, Rule(low=0.0)),),
        Figure("the base's accuracy", results.base_test, "share"),
        _said(_accuracies(rates, {"True": "correct only", "False": "both"}), not_trained(run)),
        EXPLORATORY,
    )


def _gates(runs: Runs, scope: Scope) -> Finding | None:
    run = runs[_BY_GATE.name]
    rates, results = rates_by(run, _GATE), results_of(run)
    if results is None or not {"threshold", "random"} <= rates.keys():
        return None
    figure = _difference(
        "learning at forks, less at as many random tokens", rates["threshold"], rates["random"]
    )
    checks = [Check(figure, Rule(low=0.0))]
    if "low-entropy" in rates:
        label = "less at as many tokens of lowest entropy"
        lowest = _difference(label, rates["threshold"], rates["low-entropy"])
        checks.append(Check(lowest, Rule(low=0.0)))
    return Finding(
        tuple(checks),
        Figure("accuracy with the random gate", rates["random"].accuracy, "share"),
        _said(_accuracies(rates), not_trained(run)),
        EXPLORATORY,
    )


def _advantages(runs: Runs, scope: Scope) -> Finding | None:
    run = runs[_BY_ORDER.name]
    rates, results = rates_by(run, _SHUFFLED), results_of(run)
    if results is None or not {"True", "False"} <= rates.keys():
        return None
    figure = _difference("own advantages, less shuffled ones", rates["False"], rates["True"])
    return Finding(
        (Check(figure, Rule(low=0.0)),),
        Figure("accuracy with shuffled advantages", rates["True"].accuracy, "share"),
        _said(
            f"The base's accuracy is {percent(results.base_test.value)}.",
            _accuracies(rates, {"True": "shuffled", "False": "own"}),
            not_trained(run),
        ),
        EXPLORATORY,
    )


def _top_fifth(runs: Runs, scope: Scope) -> Finding | None:
    run = runs[_BY_PART.name]
    rates, results = rates_by(run, _GATE), results_of(run)
    if results is None or not {_TOP, _REST, "all"} <= rates.keys():
        return None
    enough = _difference("the top 20 %, less all tokens", rates[_TOP], rates["all"])
    rest = _difference("the top 20 %, less the other 80 %", rates[_TOP], rates[_REST])
    return Finding(
        (Check(enough, Rule(low=-MARGIN)), Check(rest, Rule(low=0.0))),
        Figure("accuracy with the other 80 %", rates[_REST].accuracy, "share"),
        _said(
            f"The base's accuracy is {percent(results.base_test.value)}.",
            _accuracies(rates),
            not_trained(run),
        ),
        EXPLORATORY,
    )


FINE_TUNES = (
    Claim(
        id="rm-tau",
        paper=REASONMAXXER,
        section="6.3, Fig. 4",
        sentence="The threshold τ hardly matters over a wide range.",
        stated="a plateau over τ 1.0 to 2.2; best 1.4 with 5.2 % of tokens, second 1.8 with 2.6 %",
        numbers=(),
        steps=(_BY_TAU,),
        read=_plateau,
    ),
    Claim(
        id="rm-chosen",
        paper=REASONMAXXER,
        section="6.1",
        sentence="Fine-tuning at forks, with τ chosen on held-out problems, makes the base more "
        "accurate.",
        stated="Qwen2.5-1.5B on MATH-500: .298 to .502, for 4 US$; the cost of the choice is part "
        "of it",
        numbers=(0.204,),
        steps=(_BY_TAU,),
        read=_chosen,
    ),
    Claim(
        id="rm-signs",
        paper=REASONMAXXER,
        section="6.3",
        sentence="Learning from wrong rollouts, too, is better than from correct ones only.",
        stated=".298 to .398 with correct ones only, to .502 with both",
        numbers=(0.104,),
        steps=(_BY_SIGN,),
        read=_both_signs,
    ),
    Claim(
        id="rm-window",
        paper=REASONMAXXER,
        section="5.1, 6.3",
        sentence="How close to one half the pass rates of the problems are that are learned from "
        "hardly matters.",
        stated="the width of the pass-rate window does not matter",
        numbers=(),
        steps=(_BY_WINDOW,),
        read=_window,
    ),
    Claim(
        id="rm-gates",
        paper=REASONMAXXER,
        section="6, controls",
        sentence="Learning at forks is better than at as many other tokens.",
        stated="forks, against random and low-entropy tokens of the same budget",
        numbers=(),
        steps=(_BY_GATE,),
        read=_gates,
    ),
    Claim(
        id="rm-advantages",
        paper=REASONMAXXER,
        section="6, controls",
        sentence="Learning from each rollout's own advantage is better than from another's.",
        stated="own advantages, against shuffled ones",
        numbers=(),
        steps=(_BY_ORDER,),
        read=_advantages,
    ),
    Claim(
        id="8020-top",
        paper=EIGHTY_TWENTY,
        section="training on forks",
        sentence="Training on the 20 % of tokens with the highest entropy is as good as on all, "
        "and better than on the other 80 %.",
        stated="the top 20 % suffices, the bottom 80 % hurts",
        numbers=(),
        steps=(_BY_PART,),
        read=_top_fifth,
    ),
)
