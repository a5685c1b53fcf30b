"""Published problem sets, each as a small file of our own in its shape: the whole question and the
gold answer come out, from JSON lines and from Parquet alike."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.problems.reading import read_problem_file
from core.problems.table import ColumnMapping, Gold, ProblemTable, RowRefusal
from core.records import Problem

DAPO_BEFORE = (
    "Solve the following math problem step by step. The last line of your response should be of "
    "the form Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n"
)
DAPO_AFTER = '\n\nRemember to put your answer on its own line after "Answer:".'
BOXED = " Let's think step by step and output the final answer within \\boxed{}."
HASHES = ' Let\'s think step by step and output the final answer after "####"'


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def dapo(text: str) -> list[dict[str, str]]:
    return user(f"{DAPO_BEFORE}{text}{DAPO_AFTER}")


Row = dict[str, Any]

SHAPES: list[tuple[str, list[Row], list[Problem]]] = [
    (
        "SVAMP",
        [
            {"ID": "chal-1", "Body": "Ann has 5 pens", "Question": "How many are red?",
             "Equation": "( 5.0 - 2.0 )", "Answer": 3.0, "Type": "Subtraction"},
            {"ID": "chal-2", "Body": "Bo ran 4 km.", "Question": "How far is that in m?",
             "Equation": "( 4.0 * 1000.0 )", "Answer": 4000.5, "Type": "Multiplication"},
        ],
        [
            Problem("chal-1", "Ann has 5 pens How many are red?", "3", "", "Subtraction"),
            Problem("chal-2", "Bo ran 4 km. How far is that in m?", "4000.5", "", "Multiplication"),
        ],
    ),
    (
        "ASDiv",
        [
            {"body": "Ann had 4 apples and got 5.", "question": "How many has she?",
             "solution_type": "Addition", "answer": "9 (apples)", "formula": "4+5=9"},
            {"body": "A film takes 150 minutes.", "question": "How long is it?",
             "solution_type": "Time", "answer": "2 (hours); 30 (minutes)", "formula": "150/60"},
            {"body": "Two dice fall.", "question": "Odds of a pair?", "solution_type": "Ratio",
             "answer": "1:5", "formula": "6:30=1:5"},
        ],
        [
            Problem("p-1", "Ann had 4 apples and got 5. How many has she?", "9", "", "Addition"),
            Problem("p-2", "A film takes 150 minutes. How long is it?", "2; 30", "", "Time"),
            Problem("p-3", "Two dice fall. Odds of a pair?", "1:5", "", "Ratio"),
        ],
    ),
    (
        "MAWPS",
        [
            {"iIndex": 7, "sQuestion": "Joan found 70 shells . How many ?",
             "lEquations": ["X=70"], "lSolutions": [70.0]},
            {"iIndex": 8, "sQuestion": "x + y = 5 , x - y = 1 . x , y ?",
             "lEquations": ["x+y=5", "x-y=1"], "lSolutions": [3.0, 2.0]},
        ],
        [
            Problem("7", "Joan found 70 shells . How many ?", "70"),
            Problem("8", "x + y = 5 , x - y = 1 . x , y ?", "3, 2"),
        ],
    ),
    (
        "AQuA-RAT",
        [
            {"question": "What is 7 * 3?", "options": ["A)21", "B)21.5", "C)22", "D)24", "E)None"],
             "rationale": "7 * 3 = 21. Answer A", "correct": "A"},
            {"question": "What is 20 + 4?", "options": ["A)21", "B)21.5", "C)22", "D)24", "E)None"],
             "rationale": "24", "correct": "D"},
        ],
        [
            Problem("p-1", "What is 7 * 3?\n\nA. 21\nB. 21.5\nC. 22\nD. 24\nE. None", "A"),
            Problem("p-2", "What is 20 + 4?\n\nA. 21\nB. 21.5\nC. 22\nD. 24\nE. None", "D"),
        ],
    ),
    (
        "MMLU",
        [
            {"question": "Which is prime?", "subject": "number_theory",
             "choices": ["0", "1", "2", "4"], "answer": 2},
            {"question": "Which is even?", "subject": "number_theory",
             "choices": ["2", "1", "3", "5"], "answer": 0},
        ],
        [
            Problem("p-1", "Which is prime?\n\nA. 0\nB. 1\nC. 2\nD. 4", "C", "", "number_theory"),
            Problem("p-2", "Which is even?\n\nA. 2\nB. 1\nC. 3\nD. 5", "A", "", "number_theory"),
        ],
    ),
    (
        "ARC",
        [
            {"id": "Q1", "question": "What melts?", "answerKey": "B",
             "choices": {"text": ["stone", "ice", "air"], "label": ["A", "B", "C"]}},
            {"id": "Q2", "question": "What burns?", "answerKey": "3",
             "choices": {"text": ["stone", "ice", "wood"], "label": ["1", "2", "3"]}},
        ],
        [
            Problem("Q1", "What melts?\n\nA. stone\nB. ice\nC. air", "B"),
            Problem("Q2", "What burns?\n\nA. stone\nB. ice\nC. wood", "C"),
        ],
    ),
    (
        "ARC",
        [
            {"id": "Q1", "answerKey": "A",
             "question": {"stem": "What melts?", "choices": [{"text": "ice", "label": "A"},
                                                             {"text": "stone", "label": "B"}]}},
            {"id": "Q2", "answerKey": "2",
             "question": {"stem": "What burns?", "choices": [{"text": "ice", "label": "1"},
                                                             {"text": "wood", "label": "2"}]}},
        ],
        [
            Problem("Q1", "What melts?\n\nA. ice\nB. stone", "A"),
            Problem("Q2", "What burns?\n\nA. ice\nB. wood", "B"),
        ],
    ),
    (
        "NuminaMath",
        [
            {"source": "olympiads", "problem": "Find x.", "solution": "So $x = \\boxed{7}$.",
             "messages": [*user("Find x."), {"role": "assistant", "content": "\\boxed{7}"}]},
            {"source": "cn_k12", "problem": "Find y.", "solution": "$\\boxed{\\frac{1}{2}}$",
             "messages": [*user("Find y."), {"role": "assistant", "content": "\\boxed{1}"}]},
        ],
        [
            Problem("p-1", "Find x.", "7", "olympiads"),
            Problem("p-2", "Find y.", "\\frac{1}{2}", "cn_k12"),
        ],
    ),
    (
        "NuminaMath",
        [
            {"problem": "Find x.", "solution": "It is 7.", "answer": "7", "problem_type": "Algebra",
             "question_type": "math-word-problem", "source": "olympiads"},
            {"problem": "Show it.", "solution": "...", "answer": "proof", "problem_type": "Algebra",
             "question_type": "proof", "source": "olympiads"},
        ],
        [
            Problem("p-1", "Find x.", "7", "olympiads", "Algebra"),
            Problem("p-2", "Show it.", None, "olympiads", "Algebra"),
        ],
    ),
    (
        "OpenR1-Math",
        [
            {"problem": "Find x.", "solution": "It is 7.", "answer": "7", "problem_type": "Algebra",
             "question_type": "math-word-problem", "source": "olympiads", "uuid": "u-1",
             "is_reasoning_complete": [True, True], "generations": ["<think>a", "<think>b"],
             "correctness_math_verify": [True, False], "finish_reasons": None,
             "messages": user("Find x.")},
        ],
        [Problem("u-1", "Find x.", "7", "olympiads", "Algebra")],
    ),
    (
        "DAPO-Math",
        [
            {"data_source": "math_dapo", "prompt": dapo("Find x.\n\nIt is."), "ability": "MATH",
             "reward_model": {"ground_truth": "34", "style": "rule-lighteval/MATH_v2"},
             "extra_info": {"index": "9a9b6eb4"}},
            {"data_source": "math_dapo", "prompt": dapo("Find y."), "ability": "MATH",
             "reward_model": {"ground_truth": "-7", "style": "rule-lighteval/MATH_v2"},
             "extra_info": {"index": "b426d104"}},
        ],
        [
            Problem("9a9b6eb4", "Find x.\n\nIt is.", "34", "math_dapo", "MATH"),
            Problem("b426d104", "Find y.", "-7", "math_dapo", "MATH"),
        ],
    ),
    (
        "DeepScaleR",
        [{"problem": "Find x.", "answer": "-\\frac{2}{3}", "solution": "so $\\boxed{1}$"}],
        [Problem("p-1", "Find x.", "-\\frac{2}{3}")],
    ),
    (
        "Big-Math",
        [
            {"problem": "Find x.", "answer": "7", "source": "orca_math",
             "domain": ["Maths -> Algebra", "Maths -> Other"],
             "llama8b_solve_rate": 0.25},
        ],
        [Problem("p-1", "Find x.", "7", "orca_math", "Maths -> Algebra, Maths -> Other")],
    ),
    (
        "verl",
        [
            {"data_source": "openai/gsm8k", "prompt": user(f"How many?{HASHES}"), "ability": "math",
             "reward_model": {"style": "rule", "ground_truth": "72"},
             "extra_info": {"split": "train", "index": 0, "question": "How many?",
                            "answer": "48 + 24\n#### 72"}},
        ],
        [Problem("0", "How many?", "72", "openai/gsm8k", "math")],
    ),
    (
        "verl",
        [
            {"data_source": "DigitalLearningGmbH/MATH-lighteval", "prompt": user(f"Find x.{BOXED}"),
             "ability": "math", "reward_model": {"style": "rule", "ground_truth": "\\frac12"},
             "extra_info": {"split": "test", "index": 5}},
        ],
        [Problem("5", "Find x.", "\\frac12", "DigitalLearningGmbH/MATH-lighteval", "math")],
    ),
    (
        "verl",
        [
            {"data_source": "openai/gsm8k", "prompt": user("How many?"), "ability": "math",
             "reward_model": {"style": "rule", "ground_truth": ["72"]}},
        ],
        [Problem("p-1", "How many?", "72", "openai/gsm8k", "math")],
    ),
    (
        "verl",
        [
            {"data_source": "train-math", "prompt": user("Find x."), "ability": "math",
             "reward_model": {"style": "rule", "ground_truth": '["\\\\frac{1}{2}", "3"]'},
             "extra_info": {"index": 1}},
        ],
        [Problem("1", "Find x.", "\\frac{1}{2}, 3", "train-math", "math")],
    ),
    (
        "chat messages",
        [
            {"messages": [{"role": "system", "content": "Be brief."}, *user("2 + 2?"),
                          {"role": "assistant", "content": "2 + 2 = 4\n#### 4"}]},
            {"messages": [*user("3 + 3?"), {"role": "assistant", "content": "#### 6"}]},
        ],
        [Problem("p-1", "2 + 2?", "4"), Problem("p-2", "3 + 3?", "6")],
    ),
    (
        "chat messages",
        [{"conversations": [{"from": "human", "value": "2 + 2?"},
                            {"from": "gpt", "value": "It is $\\boxed{4}$."}]}],
        [Problem("p-1", "2 + 2?", "4")],
    ),
]  # fmt: skip


def read(rows: list[Row], kind: str = "jsonl") -> ProblemTable:
    if kind == "jsonl":
        data = "\n".join(map(json.dumps, rows)).encode()
    elif kind == "json":
        data = json.dumps(rows, indent=1).encode()
    else:
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), file)
        data = file.getvalue()
    return read_problem_file(data, f"p.{kind}")


def as_numbers_are_written(problem: Problem) -> Problem:
    """A float of JSON keeps its ".0", which Parquet doesn't store."""
    answer = problem.answer
    if answer is not None and ", " in answer:
        answer = ", ".join(f"{each}.0" for each in answer.split(", "))
    elif answer in ("3", "70"):
        answer = f"{answer}.0"
    return Problem(problem.id, problem.question, answer, problem.source, problem.family)


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize(("shape", "rows", "problems"), SHAPES)
def test_a_published_shape_gives_whole_questions_and_golds(
    shape: str, rows: list[Row], problems: list[Problem], kind: str
) -> None:
    found = read(rows, kind)
    assert found.shape == shape
    floats = kind != "parquet" and shape in ("SVAMP", "MAWPS")
    assert found.problems == [as_numbers_are_written(p) for p in problems] if floats else problems
    assert found.refused == []
    assert found.warnings == ()
    assert not found.certain


GPQA = {
    "Pre-Revision Question": "Which?",
    "Question": "Which one is a metal?\n",
    "Correct Answer": "iron\n",
    "Incorrect Answer 1": "neon",
    "Incorrect Answer 2": "argon",
    "Incorrect Answer 3": "xenon",
    "Explanation": "It conducts.",
    "Subdomain": "Chemistry (general)",
    "High-level domain": "Chemistry",
    "Record ID": "rec1",
}


def test_gpqa_shows_its_choices_in_an_order_that_only_the_texts_decide() -> None:
    file = io.StringIO()
    table = csv.DictWriter(file, list(GPQA))
    table.writeheader()
    rows = [
        {**GPQA, "Question": f"{n}: which is a metal?", "Record ID": f"r{n}"} for n in range(40)
    ]
    table.writerows(rows)
    found = read_problem_file(file.getvalue().encode(), "gpqa_diamond.csv")
    assert found.shape == "GPQA"
    assert "shuffled" in found.notes[0]
    letters = [problem.answer for problem in found.problems]
    assert set(letters) == {"A", "B", "C", "D"}
    for problem in found.problems:
        question, *choices = problem.question.split("\n")
        assert question.endswith("which is a metal?")
        assert f"{problem.answer}. iron" in choices
        assert {each[3:] for each in choices if each} == {"iron", "neon", "argon", "xenon"}
        assert (problem.family, problem.id[0]) == ("Chemistry (general)", "r")
    again = read([*reversed(rows)])
    assert {p.id: p for p in again.problems} == {p.id: p for p in found.problems}


def test_the_bare_question_is_asked_where_a_training_set_keeps_it() -> None:
    _, rows, problems = next(each for each in SHAPES if each[0] == "verl")
    found = read(rows)
    assert found.problems == problems
    assert found.mapping.question == ("extra_info.question",)
    (note,) = found.notes
    assert note.startswith(
        "The bare question in extra_info.question is asked, not the messages in prompt"
    )


def test_instructions_and_system_messages_of_prompts_are_left_out_and_counted() -> None:
    system = {"role": "system", "content": "You are careful."}
    rows = [
        {"prompt": [system, *user(f"1 + 1?{BOXED}")], "answer": "2"},
        {"prompt": user("2 + 2?"), "answer": "4"},
    ]
    found = read(rows)
    assert [problem.question for problem in found.problems] == ["1 + 1?", "2 + 2?"]
    assert [note[:30] for note in found.notes] == [
        "1 prompt lost a known instruct",
        "1 prompt lost a system message",
    ]
    data = "\n".join(map(json.dumps, rows)).encode()
    kept = read_problem_file(data, "p.jsonl", ColumnMapping("prompt[-1].content", "answer"))
    assert kept.problems[0].question == f"1 + 1?{BOXED}"
    assert kept.notes == ()


@pytest.mark.parametrize(
    "text",
    [
        f"{DAPO_BEFORE}Find x.{DAPO_AFTER}",
        f"Find x.{DAPO_AFTER}",
        f"{DAPO_BEFORE}Find x.",
        f"Find x.{BOXED}",
        f"Find x.{HASHES}",
        "Find x.\nPlease reason step by step, and put your final answer within \\boxed{}.",
        "Find x.\n\nPresent the answer in LaTex format: \\boxed{Your answer}",
    ],
)
def test_known_instructions_are_left_out(text: str) -> None:
    (found,) = read([{"prompt": user(text), "answer": "2"}]).problems
    assert found.question == "Find x."


@pytest.mark.parametrize(
    "text",
    [
        "Solve the following math problem step by step.",
        "Remember to put your answer on its own line.",
        "Let's think step by step about 1 + 1.",
        DAPO_BEFORE.strip(),
    ],
)
def test_a_text_that_only_resembles_an_instruction_is_kept(text: str) -> None:
    assert read([{"prompt": user(text), "answer": "2"}]).problems[0].question == text


def test_only_the_last_turn_of_a_talk_is_asked_and_that_is_said() -> None:
    talk = [*user("1 + 1?"), {"role": "assistant", "content": "2"}, *user("And 2 + 2?")]
    found = read([{"prompt": talk, "answer": "4"}])
    assert found.problems == [Problem("p-1", "And 2 + 2?", "4")]
    assert found.warnings == (
        "1 prompt lost earlier turns: only the last message of the user is asked.",
    )


def test_a_message_with_a_picture_is_refused() -> None:
    parts = [{"type": "text", "text": "How many?"}, {"type": "image_url", "image_url": {}}]
    rows = [
        {"prompt": [{"role": "user", "content": parts[:1]}], "answer": "1"},
        {"prompt": [{"role": "user", "content": parts}], "answer": "1"},
        {"prompt": [{"role": "assistant", "content": "Hello"}], "answer": "1"},
    ]
    found = read(rows)
    assert found.problems == [Problem("p-1", "How many?", "1")]
    assert found.refused == [
        RowRefusal(2, "the question has a part that is not text (image_url)"),
        RowRefusal(3, "the question has no user message"),
    ]


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("one_line_choices.jsonl", "Which is prime?\n\nA. 4\nB. 7", "B"),
        ("one_line_messages.jsonl", "Two plus two?", "4"),
        ("verl_one_line.jsonl", "Two plus two?", "4"),
        ("verl_two_lines.jsonl", "Two plus two?", "4"),
        ("two_lines_choices.jsonl", "Which is prime?\n\nA. 4\nB. 7", "B"),
    ],
)
def test_the_files_of_the_report_are_read(name: str, question: str, answer: str) -> None:
    path = Path(__file__).parents[3] / "shared" / "cases" / name
    if not path.exists():
        pytest.skip("no ../shared/cases beside the repository")
    found = read_problem_file(path)
    assert (found.problems[0].question, found.problems[0].answer) == (question, answer)
    assert len(found.problems) == len(path.read_text().split("\n{"))
    assert found.refused == []


def test_svamp_is_read_whole() -> None:
    path = Path(__file__).parents[3] / "shared" / "data" / "svamp.json"
    if not path.exists():
        pytest.skip("no ../shared/data beside the repository")
    found = read_problem_file(path)
    rows = json.loads(path.read_text())
    assert (found.shape, len(found.problems), found.refused) == ("SVAMP", 1000, [])
    for row, problem in zip(rows, found.problems, strict=True):
        assert problem.question == f"{row['Body'].strip()} {row['Question'].strip()}"
        assert float(str(problem.answer)) == row["Answer"]


def test_a_gold_that_does_not_exist_is_none() -> None:
    rows = [
        {"problem": "Show it.", "answer": "Proof", "level": 1},
        {"problem": "Find it.", "answer": "notfound", "level": 1},
        {"problem": "Find 4.", "answer": "4", "level": 1},
    ]
    found = read(rows)
    assert [problem.answer for problem in found.problems] == [None, None, "4"]
    assert found.notes == ('2 answers of "proof" or "notfound" count as no gold answer.',)


def test_mawps_as_text_is_read_too() -> None:
    found = read([{"iIndex": 1, "sQuestion": "How many ?", "lSolutions": "43.0"}])
    assert (found.shape, found.problems) == ("MAWPS", [Problem("1", "How many ?", "43.0")])
    assert found.mapping.gold is Gold.AS_WRITTEN
