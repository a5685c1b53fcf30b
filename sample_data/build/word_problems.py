"""Make the word problems: one and two steps of arithmetic, five levels, train and test.

Run: python sample_data/build/word_problems.py
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import operator
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from wordings import GROUPS
from wordings.few_shot import FEW_SHOT
from wordings.group import Group
from wordings.words import draw_words, render

FOLDER = Path(__file__).resolve().parent.parent / "word_problems"
SPLITS = ("train", "test")
PER_WORDING = 4  # problems
IN_TEMPLATE = 4  # worked examples before {problem} in template.txt
LARGEST_QUOTIENT = 12  # as in the times tables

OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def results(expression: str, numbers: Mapping[str, int]) -> list[Fraction]:
    """What every step of an expression comes to, the last one being the answer."""
    steps: list[Fraction] = []

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.Name):
            return Fraction(numbers[node.id])
        if isinstance(node, ast.Constant):
            return Fraction(node.value)
        assert isinstance(node, ast.BinOp)
        steps.append(OPERATIONS[type(node.op)](value(node.left), value(node.right)))
        return steps[-1]

    value(ast.parse(expression, mode="eval").body)
    return steps


def split_of(numbers: Iterable[int]) -> str:
    """The split in which a set of numbers may occur, whatever is asked of them."""
    digest = hashlib.sha256(" ".join(map(str, sorted(numbers))).encode()).digest()
    return SPLITS[digest[0] % 2]


FEW_SHOT_NUMBERS = [
    sorted(int(word) for word in expression.replace("*", " ").split() if word.isdigit())
    for _, _, expression in FEW_SHOT
]


def is_fit(group: Group, split: str, numbers: Mapping[str, int]) -> bool:
    """Whether numbers make a good problem: every step comes to a positive integer, all numbers
    differ, and none of them is the answer, so that copying one is never right."""
    steps = results(group.expression, numbers)
    if "/" in group.expression and steps[-1] > LARGEST_QUOTIENT:
        return False
    return (
        all(step > 0 and step.denominator == 1 for step in steps)
        and len({*numbers.values(), steps[-1]}) == len(numbers) + 1
        and split_of(numbers.values()) == split
        and sorted(numbers.values()) not in FEW_SHOT_NUMBERS
    )


def draw_numbers(
    rng: random.Random, group: Group, split: str, used: list[dict[str, int]]
) -> dict[str, int]:
    """Numbers for one more problem of a wording, other than those of the ones before."""
    while True:
        numbers = {letter: rng.randint(*bounds) for letter, bounds in group.ranges.items()}
        if numbers not in used and is_fit(group, split, numbers):
            return numbers


def problems(split: str) -> Iterator[dict[str, object]]:
    """All problems of a split, level by level."""
    counts: Counter[str] = Counter()  # problems so far by the beginning of their ids
    for group in GROUPS:
        kind = f"{split}-{group.level}-{group.family.replace(', ', '-')}"
        for text in getattr(group, split):
            rng = random.Random(f"word problems/{kind}/{text}")
            used: list[dict[str, int]] = []
            for _ in range(PER_WORDING):
                used.append(draw_numbers(rng, group, split, used))
                expression = "".join(str(used[-1].get(sign, sign)) for sign in group.expression)
                counts[kind] += 1
                yield {
                    "id": f"{kind}-{counts[kind]:02d}",
                    "question": render(text, used[-1], draw_words(rng)),
                    "answer": str(results(group.expression, used[-1])[-1]),
                    "source": "word_problems",
                    "family": group.family,
                    "level": group.level,
                    "expression": expression,
                }


def few_shot() -> list[dict[str, object]]:
    """The worked examples, each with the text that a model is to imitate."""
    examples = []
    for number, (question, reasoning, expression) in enumerate(FEW_SHOT, start=1):
        answer = str(results(expression, {})[-1])
        examples.append(
            {
                "id": f"few-shot-{number}",
                "question": question,
                "solution": f"{reasoning} \\boxed{{{answer}}}.",
                "answer": answer,
                "expression": expression,
            }
        )
    return examples


def template(examples: Iterable[Mapping[str, object]]) -> str:
    """The prompt around {problem}: examples in its own form, then the question."""
    shown = [f"Question: {each['question']}\nAnswer: {each['solution']}\n\n" for each in examples]
    return "".join([*shown, "Question: {problem}\nAnswer:"])


def main() -> None:
    """Write the files of the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write into")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    examples = few_shot()
    files = {split: list(problems(split)) for split in SPLITS} | {"few_shot": examples}
    for name, rows in files.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_bytes(lines.encode())
        print(f"{name}.jsonl: {len(rows)}")
    (folder / "template.txt").write_bytes(template(examples[:IN_TEMPLATE]).encode())


if __name__ == "__main__":
    main()
