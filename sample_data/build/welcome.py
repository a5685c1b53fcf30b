"""Writes the session a new person finds on screen: a wrong chain that one forced token mends.

python sample_data/build/welcome.py
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.chains.generation import Fork, fork, generate  # noqa: E402
from core.chains.judging import judge  # noqa: E402
from core.chains.session import Session  # noqa: E402
from core.entropy import highest_entropy_positions  # noqa: E402
from core.models.language_model import LanguageModel, load_language_model  # noqa: E402
from core.models.spec import ModelSpec  # noqa: E402
from core.problems.problem_sets import demo_problems  # noqa: E402
from core.records import Chain, Outcome, Problem, Sampler, Verdict  # noqa: E402

TARGET = ROOT / "sample_data" / "sessions" / "welcome.json"
FAMILY = "saw"  # short, and everybody sees the mistake: cuts are one fewer than pieces
SAMPLER = Sampler(max_new_tokens=200)


def main() -> None:
    """Find the chain and write the session."""
    lm = load_language_model(ModelSpec())
    problems = [problem for problem in demo_problems() if problem.family == FAMILY]
    chain, outcome = first_mendable(lm, problems)
    session = Session()
    session.open_problem(chain.problem).add_root(chain, outcome)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(session.dumps() + "\n", encoding="utf-8")
    print(f"{chain.problem.id}: {chain.text}")


def first_mendable(lm: LanguageModel, problems: Sequence[Problem]) -> tuple[Chain, Outcome]:
    """The first wrong greedy chain that some alternative at its strongest fork makes right."""
    for problem in problems:
        chains = generate(lm, [problem], SAMPLER, [0])
        (outcome,) = judge(lm, chains)
        if outcome.verdict is Verdict.CORRECT:
            continue
        (position,) = highest_entropy_positions(chains[0].entropy, 1)
        top_ids = chains[0].statistics.top_ids[position]
        forks = fork(lm, chains[0], [Fork(position, int(i)) for i in top_ids])
        if any(each.verdict is Verdict.CORRECT for each in judge(lm, forks)):
            return chains[0], outcome
    raise SystemExit(f"No chain of the family {FAMILY} is wrong and mendable at its top fork.")


if __name__ == "__main__":
    main()
