"""What the README and the documents tell people to type works."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.cli import main
from core.models.spec import DEMO_FOLDER

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_COMMANDS = ["docs/commands.md", "docs/problems.md", "docs/rollouts.md"]
"""Their commands need nothing but the demo and the files that the test writes."""
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands_of(name: str) -> list[str]:
    return re.findall(r"^fork-explorer .*$", text_of(name), flags=re.M)


needs_demo = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)

LESS = [
    (r"fork-explorer expand ", "--budget 500"),
    (r" --sample ", "--sample 2"),
    (r" --samples ", "--samples 2"),
    (r"fork-explorer (train|distill) ", "--eval-problems my.jsonl"),
    (
        r"fork-explorer train ",
        "--set problems=8 --set rollouts.samples=4 --set held_out.problems=0",
    ),
    (r"fork-explorer distill ", "--set problems=3 --set rollouts.samples=1"),
    (r"fork-explorer distill ", "--set training.epochs=2 --set max_new_tokens=80"),
]
"""Patterns of commands, and the options that make them a matter of seconds; the last value counts
of an option that is given twice."""


def with_less_work(command: str) -> str:
    return " ".join([command, *(less for pattern, less in LESS if re.search(pattern, command))])


@needs_demo
@pytest.mark.training
def test_the_commands_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    problems = [{"question": "What is 1+1?", "answer": "2"}]
    Path("my.jsonl").write_text("\n".join(map(json.dumps, problems)))
    Path("my.csv").write_text("prompt,solution\nWhat is 1+1?,It is \\boxed{2}.\n")
    story = {"Body": "Ann has 1 pen.", "Question": "How many are 2 more?", "Answer": 3.0}
    Path("svamp.json").write_text(json.dumps([story]))
    record = {
        "extra_info": {"question": "What is 1+1?"},
        "reward_model": {"ground_truth": "2"},
    }
    pq.write_table(pa.Table.from_pylist([record]), "train.parquet")
    rollouts = ROOT / "tests" / "data" / "rollouts"
    shutil.copy(rollouts / "verl_120.jsonl", "120.jsonl")
    shutil.copy(rollouts / "prime_rl_rank_0.jsonl", "rank_0.jsonl")
    Path("mine.jsonl").write_text(json.dumps({"q": "1+1?", "out": {"text": "2"}}) + "\n")
    commands = [command for name in WITH_COMMANDS for command in commands_of(name)]
    assert set(commands_of("README.md")) <= set(commands)
    for command in map(with_less_work, commands):
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, (command, capsys.readouterr().err)


@needs_demo
def test_the_python_example_runs_and_finds_right_and_wrong_endings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", text_of("README.md"), flags=re.S)
    exec(compile(example, "README.md", "exec"), {})
    *endings, at_forks, at_random = capsys.readouterr().out.strip().splitlines()
    assert len(endings) == 5
    assert {line.split()[-1] for line in endings} == {"correct", "wrong"}
    shares = [float(line.split(": ")[1].split()[0]) for line in (at_forks, at_random)]
    assert shares[0] > shares[1]


def anchors(document: Path) -> set[str]:
    """What links lead to in a document: its headings, as GitHub names them, and ids."""
    text = document.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, flags=re.M)
    named = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    return named | set(re.findall(r'id="([^"]+)"', text))


@each_document
def test_links_and_make_targets_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        file, _, heading = target.partition("#")
        place = document.parent / file if file else document
        assert place.exists(), target
        assert not heading or heading in anchors(place), target
    for name in re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.M):
        assert re.search(rf"^{name}:", text_of("Makefile"), flags=re.M), name


@each_document
def test_every_path_that_is_named_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(
        re.findall(r"`((?:core|explorer|pages|tests|sample_data|benchmarks)/[\w./-]*)`", text)
    )
    assert {path for path in named if not (ROOT / path).exists()} == set()
