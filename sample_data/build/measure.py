"""Measures the demo model on its held-out problems and writes the model card's tables.

    python sample_data/build/measure.py [--card]

Prints the tables; with --card also writes them into sample_data/README.md.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.chains.generation import generate  # noqa: E402
from core.chains.judging import judge  # noqa: E402
from core.decoding.sampling import chain_seed  # noqa: E402
from core.entropy import threshold_gate  # noqa: E402
from core.interventions.records import ProblemRecord  # noqa: E402
from core.interventions.settings import InterventionSettings  # noqa: E402
from core.interventions.study import check_interventions, intervene  # noqa: E402
from core.models.language_model import LanguageModel, load_language_model  # noqa: E402
from core.models.spec import ModelSpec  # noqa: E402
from core.problems.problem_sets import read_problems  # noqa: E402
from core.records import Chain, Outcome, Problem, Sampler, StopReason, Verdict  # noqa: E402
from core.statistics import mean_over_problems, pass_at_k, ratio_over_chains, share  # noqa: E402

SAMPLES = 8
TAU = 1.4
SEED = 0
CHUNK = 16  # problems intervened on together
LIMIT = 200  # completion tokens; the longest chain of the corpus is well below
CARD = ROOT / "sample_data" / "README.md"
MARKERS = ("<!-- measured: begin -->", "<!-- measured: end -->")


def main() -> None:
    """Measure, print, and with --card write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--card", action="store_true", help="write the tables into the card")
    parser.add_argument("--problems", type=Path, default=ROOT / "sample_data/problems_test.jsonl")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # a model this small loses more at thread barriers than it wins
    started = time.monotonic()
    lm = load_language_model(ModelSpec())
    problems = read_problems(arguments.problems)
    report = measure(lm, problems)
    print(report)
    print(f"\nMeasured in {time.monotonic() - started:.0f} s.", file=sys.stderr)
    if arguments.card:
        write_card(report)


def measure(lm: LanguageModel, problems: Sequence[Problem]) -> str:
    """The model card's tables, as markdown."""
    sampled = {
        temperature: sample(lm, problems, Sampler(temperature, 0.95, max_new_tokens=LIMIT))
        for temperature in (1.0, 0.6)
    }
    greedy = sample(lm, problems, Sampler(max_new_tokens=LIMIT), samples=1)
    parts = [
        f"Held-out problems: {len(problems)}, samples a problem: {SAMPLES}, seed {SEED}. "
        "In brackets the 95 % interval, by bootstrap over problems (Wilson where all are alike).",
        accuracy_table({"1.0": sampled[1.0], "0.6": sampled[0.6], "greedy": greedy}),
        entropy_table([chain for rows in sampled[1.0] for chain, _ in rows]),
        family_table(problems, sampled[1.0], greedy),
        rescue_table(lm, problems, [chain for ((chain, _),) in greedy]),
    ]
    return "\n\n".join(parts)


def solved_with_all(rows: Sequence[tuple[Chain, Outcome]]) -> float:
    """pass@n of one problem with all of its n samples."""
    return pass_at_k(len(rows), sum(right(outcome) for _, outcome in rows), len(rows))


def ends_in_box(chain: Chain, outcome: Outcome) -> bool:
    """Whether a chain came to its end by itself, with a box."""
    return outcome.boxed and chain.stop_reason is StopReason.EOS


Judged = list[list[tuple[Chain, Outcome]]]
"""Per problem its samples, each with its outcome."""


def sample(
    lm: LanguageModel, problems: Sequence[Problem], sampler: Sampler, samples: int = SAMPLES
) -> Judged:
    """Judged samples of every problem."""
    asked = [problem for problem in problems for _ in range(samples)]
    seeds = [chain_seed(SEED, problem.id, n) for problem in problems for n in range(samples)]
    chains = generate(lm, asked, sampler, seeds)
    judged = list(zip(chains, judge(lm, chains), strict=True))
    return [judged[i : i + samples] for i in range(0, len(judged), samples)]


def right(outcome: Outcome) -> bool:
    """Whether a chain's answer is the gold one."""
    return outcome.verdict is Verdict.CORRECT


def accuracy_table(by_sampling: dict[str, Judged]) -> str:
    """pass@1, pass@8, boxed rate and length by sampling temperature."""
    lines = [
        "| temperature, top-p 0.95 | pass@1 | pass@8 | boxed | tokens a chain | above tau |",
        "|---|---|---|---|---|---|",
    ]
    for name, judged in by_sampling.items():
        pass_1 = mean_over_problems([np.mean([right(o) for _, o in rows]) for rows in judged])
        solved = mean_over_problems([solved_with_all(rows) for rows in judged])
        boxed = mean_over_problems(
            [np.mean([ends_in_box(*row) for row in rows]) for rows in judged]
        )
        pass_8 = "" if len(judged[0]) == 1 else f"{solved.value:.3f} {interval(solved)}"
        chains = [chain for rows in judged for chain, _ in rows]
        above = threshold_gate(np.concatenate([chain.entropy for chain in chains]), TAU).mean()
        lines.append(
            f"| {name} | {pass_1.value:.3f} {interval(pass_1)} | {pass_8} "
            f"| {boxed.value:.3f} {interval(boxed)} | {np.mean([len(c) for c in chains]):.0f} "
            f"| {above:.1%} |"
        )
    return "\n".join(lines)


def entropy_table(chains: Sequence[Chain]) -> str:
    """Where the entropy is: shares above thresholds, and digits of arithmetic results."""
    entropy = np.concatenate([chain.entropy for chain in chains])
    results = np.concatenate([chain.entropy[result_digits(chain)] for chain in chains])
    above = ", ".join(
        f"{tau:g}: {threshold_gate(entropy, tau).mean():.1%}" for tau in (0.3, 0.69, 1.0, TAU)
    )
    return (
        f"Entropy over {len(entropy):,} tokens sampled at temperature 1.0: mean "
        f"{entropy.mean():.3f} nats; share of tokens above {above}. Digits of arithmetic results "
        f"({len(results):,}): {results.mean():.4f} nats on average."
    )


def result_digits(chain: Chain) -> list[int]:
    """Positions of the digits that follow an equals sign."""
    positions, inside = [], False
    for position, token in enumerate(chain.tokens):
        if inside and re.fullmatch(r"\d+", token):
            positions.append(position)
        else:
            inside = token.endswith("=")
    return positions


def family_table(problems: Sequence[Problem], sampled: Judged, greedy: Judged) -> str:
    """Accuracy of every family."""
    families: dict[str, list[int]] = defaultdict(list)
    for i, problem in enumerate(problems):
        families[problem.family].append(i)
    lines = [
        "| family | problems | pass@1, temperature 1.0 | pass@8 | greedy |",
        "|---|---|---|---|---|",
    ]
    for family, members in sorted(families.items()):
        pass_1 = mean_over_problems([np.mean([right(o) for _, o in sampled[i]]) for i in members])
        pass_8 = mean_over_problems([solved_with_all(sampled[i]) for i in members])
        alone = share(sum(right(greedy[i][0][1]) for i in members), len(members))
        lines.append(
            f"| {family} | {len(members)} | {pass_1.value:.2f} {interval(pass_1, 2)} "
            f"| {pass_8.value:.2f} | {alone.value:.2f} |"
        )
    return "\n".join(lines)


def rescue_table(lm: LanguageModel, problems: Sequence[Problem], greedy: Sequence[Chain]) -> str:
    """What a single forced token does to wrong greedy chains: base-only and its control."""
    settings = InterventionSettings(
        arms=("no_op", "base_only", "base_only_control"), max_new_tokens=LIMIT, seed=SEED
    )
    check_interventions(lm, None, problems, settings)
    records: list[ProblemRecord] = []
    for start in range(0, len(problems), CHUNK):
        found = intervene(lm, None, problems[start : start + CHUNK], settings)
        assert found is not None
        records.extend(found)
    wrong = [
        (record, chain)
        for record, chain in zip(records, greedy, strict=True)
        if not record.chain("base").correct
    ]
    every = [list(record.chain("base_only").attempts) for record, _ in wrong]
    above = [
        [each for each in tried if chain.entropy[each.position] > TAU]
        for tried, (_, chain) in zip(every, wrong, strict=True)
    ]
    control = [list(record.chain("base_only_control").attempts) for record, _ in wrong]
    changed = sum(r.chain("no_op").token_ids != r.chain("base").token_ids for r in records)
    lines = [
        f"Of {len(wrong)} wrong greedy chains, each forced at one position with each other "
        "top-5 token, greedy after that (tokens: bootstrap over chains; chains: Wilson). Forcing "
        f"the tokens that stand there anyway changes {changed} of {len(records)} chains.",
        "",
        "| forced where | tokens tried | tokens that rescue | chains rescued |",
        "|---|---|---|---|",
    ]
    for where, tries in (
        (f"the {settings.positions} highest-entropy positions", every),
        (f"of those, entropy above {TAU:g} nats", above),
        ("random other positions, as many tokens", control),
    ):
        right = [sum(each.verdict is Verdict.CORRECT for each in tried) for tried in tries]
        tokens = ratio_over_chains(right, [len(tried) for tried in tries])
        chains = share(sum(map(bool, right)), len(tries))
        lines.append(
            f"| {where} | {sum(map(len, tries)):,} | {tokens.value:.1%} {interval(tokens)} "
            f"| {chains.value:.1%} {interval(chains)} |"
        )
    return "\n".join(lines)


def interval(estimate: object, digits: int = 3) -> str:
    """[low, high] of an estimate."""
    return f"[{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"  # type: ignore[attr-defined]


def write_card(report: str, markers: tuple[str, str] = MARKERS, card: Path = CARD) -> None:
    """Put the tables between two markers of a card."""
    begin, end = markers
    text = card.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{card} has no {begin} ... {end}")
    card.write_text(f"{before}{begin}\n{report}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
