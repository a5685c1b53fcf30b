"""Answers: the last box, brace-matched; equality by math-verify in a process that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.answers import AnswerChecker, Extracted, default_checker, extract_answer
from core.answers.checker import _CHUNK
from core.records import Outcome, Verdict

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the benchmark files are not here: no folder {DATA}"
)

TOWER = "9^{9^{9^{9}}}"


@pytest.fixture(scope="module")
def checker() -> Iterator[AnswerChecker]:
    with AnswerChecker() as checker:
        yield checker


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{64}.", "64"),
        (r"first \boxed{1}, no: \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{ x }", "x"),
        (r"\boxed {7}", "7"),
        (r"\fbox{7}", "7"),
        (r"\boxed 5", "5"),
        (r"$\boxed 12$.", "12"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{[0, 1\}}", r"[0, 1\}"),
        (r"\\boxed{5}", "5"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"} stray { \boxed{3}", "3"),
        (r"\boxed{7} and then \boxed{8", "7"),
        (r"\boxed{7} and then \boxed{\frac{1}{2}", "7"),
        (r"put it in \boxed. Here: \boxed{9}; \boxedup{1}", "9"),
        (r"\framebox{5}", "5"),
        (r"\Boxed{5}", "5"),
        ("boxed{5}", "5"),
        ("\boxed{5}", "5"),  # JSON read the \b
    ],
)
def test_the_answer_is_the_last_balanced_box(text: str, answer: str) -> None:
    assert extract_answer(text) == Extracted(answer, True)


@pytest.mark.parametrize("text", [r"\boxed{}", r"\boxed{ }", r"\boxed{5} \boxed{}"])
def test_an_empty_last_box_is_an_empty_answer(text: str) -> None:
    assert extract_answer(text) == Extracted(None, True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("9 + 9 = 18\n#### 18", "18"),
        ("#### 1,000", "1,000"),
        ("#### $18", "$18"),
        ("#### Step 2\nThe answer is 5.", "5"),
        ("#### 1. Setting up\nThe answer is 5.", "5"),
        ("The answer is 4. No. The final answer is 5. I hope so", "5"),
        ("the answer is: 3.5.", "3.5"),
        ("The answer is $x = 5$.", "x = 5"),
        ("**The correct answer is 5**.", "5"),
        ("The answer is 18 dollars per day.\n\nQuestion: 3?", "18 dollars per day"),
        ("it takes 3 bolts", "3"),
        ("from 1,000 to 2,500.", "1,000 to 2,500"),  # a range is not its end
        ("a half, 1/2.", "1/2"),
        ("the sum is -7", "-7"),
        ("10-7", "10-7"),  # nor a calculation its last number
        ("it is 5 or 6", "5 or 6"),
        ("so f(x) = 3x", "3x"),
        ("5-12 = -7", "-7"),
        ("It costs $1.5 million.", "$1.5 million"),
        ("There are 2.4e6 of them", "2.4e6"),
        ("She picks 4 pears, 5 plums and 9 figs", "9"),
        ("The answer is:\n\n$$\\frac{1}{2}$$", r"$$\frac{1}{2}$$"),
        ("The answer is\n\\[\\frac{1}{2}\\]", r"\[\frac{1}{2}\]"),
        ("The answer is 5; or 6", "5; or 6"),
        ("The answer is $5$ or $6$.", "$5$ or $6$"),
        ("The answer is 5 because 2 + 3 = 5.", "5"),
        ("Answer: B", "B"),
        ("Answer: at least 5", "at least 5"),
        ("Answer: 18\n\nQuestion: How many are 3 eggs?", "18"),
        ("Answer: She sells 9 eggs at $2. She makes $18.", "$18"),
        ("Solution: She sells 9 eggs, so 18", "18"),
        ("**Final Answer:** 18", "18"),
        ("The correct option is (B).", "(B)"),
        ("<think>17?</think>\n<answer> 18 </answer>", "18"),
        (r"The answer is \boxed{12", "12"),
        ("no number at all", None),
        ("", None),
    ],
)
def test_without_a_box_the_fallbacks_come_in_their_order(text: str, answer: str | None) -> None:
    assert extract_answer(text) == Extracted(answer, False)


def test_a_box_goes_before_every_fallback() -> None:
    text = r"\boxed{1} The answer is 2. #### 3"
    assert extract_answer(text) == Extracted("1", True)


@given(
    st.lists(
        st.sampled_from(
            [
                r"\boxed{",
                r"\boxed",
                "{",
                "}",
                "\\",
                " ",
                "\n",
                "the answer is ",
                "####",
                "1",
                ",",
                ".",
            ]
        )
        | st.characters(),
        max_size=40,
    ).map("".join)
)
def test_any_text_has_an_answer_or_none(text: str) -> None:
    found = extract_answer(text)
    assert found.answer is None or found.answer.strip()


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_characters="{}\\", exclude_categories=["Cs"]), min_size=1).filter(
        lambda answer: bool(answer.strip())
    ),
    st.text(st.characters(exclude_characters="{}\\", exclude_categories=["Cs"])),
)
def test_what_is_boxed_is_what_is_found(answer: str, around: str) -> None:
    assert extract_answer(f"{around}\\boxed{{{answer}}}{around}") == Extracted(answer.strip(), True)


@pytest.mark.parametrize(
    "piece",
    [
        r"\boxed{",
        r"\boxed",
        "\\",
        "{",
        "}",
        " ",
        "1",
        "1,",
        "1,111",
        "-",
        "####",
        "#### ",
        "the answer is ",
        "the answer is. ",
        "the ",
        "the final ",
        "the" + " " * 30,
        r"\boxed{\frac{1}",
        "\\boxed ",
        "1/",
        "$",
    ],
)
def test_long_hostile_text_takes_linear_time(piece: str) -> None:
    start = time.process_time()
    extract_answer(piece * (300_000 // len(piece)))
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("1000", "1,000", "correct"),
        ("64", "64.0", "correct"),
        ("0.5", "1/2", "correct"),
        ("18", "$18", "correct"),
        ("18", r"\$18.00", "correct"),
        ("18", "18 dollars per day", "correct"),
        ("18", "18 thousand", "wrong"),
        ("-5", "−5", "correct"),
        ("12", "1", "wrong"),  # never a substring
        ("1", "12", "wrong"),
        ("12", "5", "wrong"),
        ("0.5", r"\frac12", "correct"),
        (r"2\sqrt{2}", r"\sqrt{8}", "correct"),
        ("5", "x = 5", "correct"),
        ("1/3", "0.333333", "correct"),  # six significant digits
        ("1/3", "0.33", "wrong"),
        ("50\\%", "0.5", "correct"),
        (r"\{1, 2\}", "2, 1", "correct"),
        ("(1, 2)", "(2, 1)", "wrong"),
        ("[1, 2)", "[1, 2)", "correct"),
        ("[1, 2)", "[1, 2]", "wrong"),
        (r"\text{Monday}", "monday", "correct"),
        (r"\text{Monday}", "Tuesday", "wrong"),
        ("C", r"\text{(C)}", "correct"),
        ("90^\\circ", "90", "correct"),
        ("5", None, "unparseable"),
        ("5", "", "unparseable"),
        ("5", "2x+", "unparseable"),
        ("2", "2x+", "unparseable"),  # not the number inside it
        ("5", r"\frac{1}{", "unparseable"),
        ("5", "\ud800", "unparseable"),
        (None, "5", "no_gold"),
        ("  ", "5", "no_gold"),
        (r"\frac{1}{", "5", "no_gold"),
        (r"\frac{1}{", None, "no_gold"),
        (r"\frac{1}{", r"\frac{1}{", "no_gold"),
    ],
)
def test_verdicts(checker: AnswerChecker, gold: str | None, answer: str, verdict: str) -> None:
    assert checker.check(answer, gold) == verdict


@pytest.mark.parametrize(
    ("a", "b"),
    [("(1, 2)", "1 < x < 2"), ("x = 5", "5"), ("50", r"50\%"), (r"\sin 2x", r"2\sin x\cos x")],
)
def test_gold_and_answer_may_be_swapped(checker: AnswerChecker, a: str, b: str) -> None:
    assert checker.check(a, b) == checker.check(b, a) == "correct"


@settings(deadline=None, max_examples=50)
@given(st.fractions(), st.fractions())
def test_two_fractions_are_equal_exactly_when_they_are(a: Any, b: Any) -> None:
    assert (default_checker().check(str(a), str(a))) == "correct"
    assert default_checker().check(str(a), str(b)) == ("correct" if a == b else "wrong")


def test_plain_numbers_need_no_process() -> None:
    with AnswerChecker() as checker:
        assert checker.check("1,234.50", "1234.5") == "correct"
        assert checker._worker is None


def test_judging_finds_checks_and_tells_of_the_box(checker: AnswerChecker) -> None:
    pairs = [(r"\boxed{8 \times 8}", "64"), ("so 63", "64"), ("hm", "64"), ("64", None)]
    assert checker.judge_many(pairs) == [
        Outcome(r"8 \times 8", Verdict.CORRECT, True),
        Outcome("63", Verdict.WRONG, False),
        Outcome(None, Verdict.UNPARSEABLE, False),
        Outcome("64", Verdict.NO_GOLD, False),
    ]
    assert checker.judge(*pairs[0]) == checker.judge_many(pairs)[0]
    assert checker.judge_many([]) == []


@pytest.mark.parametrize("answer", [TOWER, f"x + {TOWER}"])
def test_an_endless_answer_is_timed_out_and_the_next_check_works(answer: str) -> None:
    with AnswerChecker(limit_s=2.0) as checker:
        checker.check("2x", "y^2")  # the start of the process is not the check's time
        start = time.perf_counter()
        assert checker.check(answer, "5") == "timed_out"
        assert time.perf_counter() - start < 60, "it has no end"
        assert checker.check("1 + 4", "5") == "correct"


def test_one_endless_answer_leaves_its_neighbours_their_verdicts() -> None:
    answers = ["1 + 4", TOWER, "2 + 3", "1 + 1", TOWER + "+1", "4 + 1"]
    with AnswerChecker(limit_s=2.0) as checker:
        verdicts = checker.check_many((answer, "5") for answer in answers)
    assert verdicts == ["correct", "timed_out", "correct", "wrong", "timed_out", "correct"]


def test_an_endless_check_before_long_ones_blocks_nobody() -> None:
    # 30 requests of 4 kB and more are more than a pipe holds while the worker is busy
    answers = [TOWER, *(f"\\{{{'x, ' * 60}{n}\\}}" for n in range(30))]
    start = time.perf_counter()
    with AnswerChecker(limit_s=1.0) as checker:
        verdicts = checker.check_many((answer, "5") for answer in answers)
    assert verdicts == ["timed_out"] + ["wrong"] * 30
    assert time.perf_counter() - start < 60


def test_a_huge_answer_is_refused_at_once(checker: AnswerChecker) -> None:
    start = time.process_time()
    outcome = checker.judge("\\boxed{" + "1" * 100_000 + "}", "5")
    assert outcome.verdict == "unparseable"
    assert time.process_time() - start < 0.5
    assert checker.check("5", "1" * 100_000) == "no_gold"


def test_a_killed_worker_is_replaced(checker: AnswerChecker) -> None:
    assert checker.check("x + x", "2x") == "correct"
    assert checker._worker is not None
    checker._worker.process.kill()
    checker._worker.process.wait()
    assert checker.check("x + x + x", "3x") == "correct"


def test_several_threads_at_once_get_their_own_verdicts(checker: AnswerChecker) -> None:
    found: dict[int, list[Verdict]] = {}

    def work(n: int) -> None:
        found[n] = [checker.check(f"x + {m} + 1", f"x + {n + 1}") for m in range(8)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(8):
        assert found[n] == ["correct" if m == n else "wrong" for m in range(8)]


def test_many_checks_at_once_come_back_in_their_order(checker: AnswerChecker) -> None:
    """More than the checker sends ahead of their replies, or checks without a pause."""
    numbers = range(2 * _CHUNK + 12)
    pairs = [(f"\\boxed{{x + {n} + {n % 7}}}", f"x + {n + n % 5}") for n in numbers]
    assert [outcome.verdict for outcome in checker.judge_many(pairs)] == [
        Verdict.CORRECT if n % 7 == n % 5 else Verdict.WRONG for n in numbers
    ]


def test_it_works_from_a_script_without_a_main_guard_and_leaves_no_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from core.answers import default_checker\n"
        "checker = default_checker()\n"
        "print(checker.check('x + x', '2x'), checker._worker.process.pid)\n"
    )
    (tmp_path / "core").mkdir()  # a folder of the same name where the user works
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    verdict, pid = done.stdout.split()
    assert (verdict, done.stderr) == ("correct", "")
    assert not alive(int(pid))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_a_busy_worker_ends_by_itself_when_its_parent_is_killed() -> None:
    script = (
        "import threading\n"
        "from core.answers import AnswerChecker\n"
        "checker = AnswerChecker(limit_s=1.0)\n"
        "checker.check('2x', 'y^2')\n"
        "print(checker._worker.process.pid, flush=True)\n"
        f"checker.check('{TOWER}', '5')\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        worker = int(parent.stdout.readline())
    time.sleep(0.3)  # the tower is being built
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 300
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(worker)


def alive(pid: int) -> bool:
    """Whether a process runs (one that ended and was not yet waited for does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_the_worker_loads_neither_torch_nor_numpy_nor_streamlit() -> None:
    code = (
        "import sys\n"
        "import core.answers.worker as w\n"
        "from core.answers.parsing import parse_answer\n"
        "from core.answers.values import to_json\n"
        "values = {'gold': to_json(parse_answer('2x')), 'answer': to_json(parse_answer('x + x'))}\n"
        "assert w.decided({**values, 'lenient': True})[0] == 'correct'\n"
        "print([m for m in ('torch', 'transformers', 'numpy', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip() == "[]", done.stderr


@example("1")
@settings(deadline=None, max_examples=60)
@given(st.text(max_size=30))
def test_any_answer_gets_a_verdict(answer: str) -> None:
    assert default_checker().check(answer, "7") in set(Verdict) - {Verdict.NO_GOLD}


@needs_data
def test_every_gsm8k_gold_equals_itself(checker: AnswerChecker) -> None:
    solutions = [row["answer"] for row in rows("gsm8k_test.jsonl")]
    golds = [solution.rsplit("#### ", 1)[1] for solution in solutions]
    outcomes = checker.judge_many(zip(solutions, golds, strict=True))
    assert len(outcomes) == 1_319
    assert {outcome.verdict for outcome in outcomes} == {Verdict.CORRECT}


@needs_data
def test_math500_gold_equals_its_solution(checker: AnswerChecker) -> None:
    sample = rows("math500_test.jsonl")[::3]
    solutions = checker.judge_many((row["solution"], row["answer"]) for row in sample)
    assert sum(o.verdict == "correct" and o.boxed for o in solutions) >= 0.995 * len(sample)
