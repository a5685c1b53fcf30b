"""`fork-explorer`: JSON on stdout, messages on stderr, one clear line and exit code 2."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from models import save_tiny_model

from core.cli import main
from core.records import SCHEMA_VERSION

FIELDS = {
    "prompt_ids", "token_ids", "tokens", "entropy_nats", "logprob", "rank", "top_ids",
    "top_logprobs", "forced", "stop_reason", "answer", "verdict", "model", "seed",
    "schema_version",
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fork-explorer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def chain(run: Any, model: str, tmp_path: Path) -> Path:
    out = tmp_path / "chain.json"
    code, _, _ = run(
        "generate", "--model", model, "--question", "How many cuts?", "--gold", "8",
        "--max-new-tokens", 20, "--temperature", 1, "--seed", 3, "--out", out,
    )  # fmt: skip
    assert code == 0
    return out


def test_a_generated_chain_has_every_field_and_prints_nothing_else(run: Any, model: str) -> None:
    code, out, _ = run(
        "generate", "--model", model, "--question", "Why?", "--max-new-tokens", 8,
        "--top-k-alternatives", 3, "--json",
    )  # fmt: skip
    assert code == 0
    data = json.loads(out)
    assert data.keys() >= FIELDS
    assert data["schema_version"] == SCHEMA_VERSION
    assert data["verdict"] == "no_gold"
    assert {len(row) for row in data["top_ids"]} == {3}
    assert len(data["tokens"]) == len(data["token_ids"]) == len(data["entropy_nats"])


def test_the_same_seed_prints_the_same_chain(run: Any, model: str) -> None:
    command = ("generate", "--model", model, "--question", "Why?", "--temperature", 1,
               "--max-new-tokens", 16, "--json", "--seed")  # fmt: skip
    (_, a, _), (_, b, _), (_, c, _) = run(*command, 7), run(*command, 7), run(*command, 8)
    assert a == b != c


def test_samples_are_one_object_a_line_with_seeds_that_repeat_them(run: Any, model: str) -> None:
    common = ("--model", model, "--question", "Why?", "--temperature", 1,
              "--max-new-tokens", 16, "--json")  # fmt: skip
    _, out, _ = run("generate", *common, "--samples", 3, "--seed", 5)
    chains = [json.loads(line) for line in out.splitlines()]
    assert [chain["seed"] for chain in chains] == [5, 6, 7]
    _, alone, _ = run("generate", *common, "--seed", 6)
    assert json.loads(alone)["token_ids"] == chains[1]["token_ids"]


def test_a_problem_file_gives_a_chain_a_problem_whatever_its_order(
    run: Any, model: str, tmp_path: Path
) -> None:
    rows = [{"id": f"p{i}", "question": f"What is {i}?", "answer": str(i)} for i in range(3)]
    chains = []
    for name, order in (("a.jsonl", rows), ("b.jsonl", rows[::-1])):
        (tmp_path / name).write_text("\n".join(map(json.dumps, order)))
        _, out, _ = run(
            "generate", "--model", model, "--problems", tmp_path / name, "--temperature", 1,
            "--max-new-tokens", 12, "--json",
        )  # fmt: skip
        found = [json.loads(line) for line in out.splitlines()]
        chains.append({chain["problem"]["id"]: chain["token_ids"] for chain in found})
    assert chains[0] == chains[1]


def test_a_problem_keeps_its_chains_when_it_stands_alone(
    run: Any, model: str, tmp_path: Path
) -> None:
    rows = [json.dumps({"id": f"p{i}", "question": f"What is {i}?"}) for i in range(2)]
    found = []
    for name, lines in (("one.jsonl", rows[:1]), ("two.jsonl", rows)):
        (tmp_path / name).write_text("\n".join(lines))
        _, out, _ = run(
            "generate", "--model", model, "--problems", tmp_path / name, "--temperature", 1,
            "--max-new-tokens", 12, "--json",
        )  # fmt: skip
        found.append(json.loads(out.splitlines()[0])["token_ids"])
    assert found[0] == found[1]


def test_scoring_a_chain_uses_its_own_model_unless_told(run: Any, model: str, chain: Path) -> None:
    _, own, _ = run("score", "--ids", chain, "--json")
    assert json.loads(own)["model"] == model


def test_forcing_a_token_by_id_keeps_the_past(run: Any, chain: Path) -> None:
    before = json.loads(chain.read_text())
    token = before["top_ids"][4][1]
    code, out, _ = run("force", chain, "--position", 4, "--token-id", token, "--json")
    assert code == 0
    after = json.loads(out)
    assert after["token_ids"][:4] == before["token_ids"][:4]
    assert after["token_ids"][4] == token
    assert after["forced"][4] is True
    assert after["seed"] == 3


def test_forcing_a_token_by_text(run: Any, chain: Path) -> None:
    code, out, _ = run("force", chain, "--position", 2, "--text", "7", "--json")
    assert code == 0
    assert json.loads(out)["tokens"][2] == "7"


def test_scoring_a_chain_gives_its_own_statistics_back(run: Any, model: str, chain: Path) -> None:
    code, out, _ = run("score", "--model", model, "--ids", chain, "--json")
    assert code == 0
    scored, made = json.loads(out), json.loads(chain.read_text())
    assert scored["entropy_nats"] == pytest.approx(made["entropy_nats"], abs=1e-4)
    assert scored["rank"] == made["rank"]
    assert scored["tokens"] == made["tokens"]


def test_people_get_text_and_a_verdict(run: Any, model: str) -> None:
    code, out, _ = run(
        "generate", "--model", model, "--question", "Why?", "--max-new-tokens", 4
    )  # fmt: skip
    assert code == 0
    assert "no_gold" in out


def bad_commands(model: str, chain: Path, tmp: Path) -> dict[str, tuple[tuple[object, ...], str]]:
    future = json.loads(chain.read_text()) | {"schema_version": SCHEMA_VERSION + 1}
    (tmp / "future.json").write_text(json.dumps(future))
    (tmp / "broken.json").write_text("{")
    (tmp / "problems.jsonl").write_text('{"question": "Why?"}\n{broken\n')
    ask = ("generate", "--model", model, "--question")
    return {
        "no such model": (("generate", "--model", tmp / "no", "--question", "Why?"), "no model"),
        "offline hub": (
            ("generate", "--model", "nobody/nothing", "--question", "Why?"),
            "hub can't be reached",
        ),
        "no adapter": ((*ask, "Why?", "--adapter", tmp), "no adapter"),
        "empty question": ((*ask, "  "), "empty"),
        "too long a question": ((*ask, "why " * 900), "512"),
        "too many tokens": ((*ask, "Why?", "--max-new-tokens", 9999), "9999"),
        "negative temperature": ((*ask, "Why?", "--temperature", -1), "temperature"),
        "top-p of zero": ((*ask, "Why?", "--top-p", 0), "top-p"),
        "unknown style": ((*ask, "Why?", "--prompt-style", "x"), "prompt style"),
        "no chat template": ((*ask, "Why?", "--prompt-style", "chat_template"), "chat template"),
        "nothing to solve": (("generate", "--model", model), "nothing to solve"),
        "both": ((*ask, "Why?", "--problem", "p1"), "both"),
        "broken line": (
            ("generate", "--model", model, "--problems", tmp / "problems.jsonl"),
            "line 2",
        ),
        "no such file": (("generate", "--model", model, "--problems", tmp / "no"), "no"),
        "future chain": (
            ("force", tmp / "future.json", "--position", 0, "--token-id", 1),
            "version",
        ),
        "broken chain": (
            ("force", tmp / "broken.json", "--position", 0, "--token-id", 1),
            "JSON",
        ),
        "position outside": (("force", chain, "--position", 999, "--token-id", 1), "999"),
        "unknown id": (("force", chain, "--position", 0, "--token-id", 10**7), "vocabulary"),
        "text of many tokens": (("force", chain, "--position", 0, "--text", "xyz 1"), "not one"),
        "id and text": (
            ("force", chain, "--position", 0, "--text", "7", "--token-id", 1),
            "not clear",
        ),
        "ids missing": (("score", "--model", model, "--ids", tmp / "broken.json"), "JSON"),
        "zero samples": ((*ask, "Why?", "--samples", 0), "samples"),
        "negative seed": ((*ask, "Why?", "--seed", -1), "seed"),
        "unknown option": ((*ask, "Why?", "--nope"), "nope"),
        "temperature that overflows": ((*ask, "Why?", "--temperature", "1e-40"), "temperature"),
        "unwritable": ((*ask, "Why?", "--max-new-tokens", 2, "--out", tmp), "can't be written"),
    }


def test_bad_input_ends_with_one_clear_line_and_exit_code_2(
    run: Any, model: str, chain: Path, tmp_path: Path
) -> None:
    for what, (command, says) in bad_commands(model, chain, tmp_path).items():
        code, out, err = run(*command)
        assert code == 2, what
        assert out == "", what
        lines = [line for line in err.splitlines() if line.startswith("fork-explorer: ")]
        assert len(lines) == 1, (what, err)
        assert says in lines[0], (what, lines[0])
        assert "Traceback" not in err, what
