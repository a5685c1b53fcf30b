"""`fork-explorer`: JSON on stdout, messages on stderr, one clear line and exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from models import save_tiny_model
from safetensors.torch import load_file, save_file
from toy_task import square_numbers

from core.chain_json import chain_from_json
from core.chains.session import Session
from core.interventions.arms import ARMS
from core.records import SCHEMA_VERSION, Verdict
from core.runs.config import RunPlan
from core.runs.context import carry_out
from core.runs.liveness import hold
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState

FIELDS = {
    "prompt_ids", "token_ids", "tokens", "entropy_nats", "logprob", "rank", "top_ids",
    "top_logprobs", "forced", "stop_reason", "answer", "verdict", "model", "seed",
    "schema_version",
}  # fmt: skip


@pytest.fixture
def model(tiny_model: str) -> str:
    return tiny_model


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


def test_forcing_a_phrase_forces_all_its_tokens_in_order(run: Any, chain: Path) -> None:
    code, out, said = run("force", chain, "--position", 2, "--text", "xyz 1", "--json")
    assert code == 0
    by_text = json.loads(out)
    forced = [i for i, each in enumerate(by_text["forced"]) if each]
    assert forced == list(range(2, 2 + len(forced)))
    assert len(forced) > 1
    assert f"Forcing {len(forced)} tokens" in said
    assert "".join(by_text["tokens"][i] for i in forced) == "xyz 1"
    ids = [each for i in forced for each in ("--token-id", by_text["token_ids"][i])]
    _, out, _ = run("force", chain, "--position", 2, *ids, "--json")
    assert json.loads(out)["token_ids"] == by_text["token_ids"]


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


def test_a_prompt_is_shown_with_its_text_ids_and_pieces(run: Any, model: str) -> None:
    code, out, _ = run(
        "prompt", "--model", model, "--question", "你 <b>?", "--prompt-style", "plain",
        "--template", "Q: {problem}\nA:", "--json",
    )  # fmt: skip
    shown = json.loads(out)
    assert code == 0
    assert shown["text"] == "".join(shown["tokens"]) == "Q: 你 <b>?\nA:"
    assert len(shown["prompt_ids"]) == len(shown["tokens"])
    question = ("--question", "你 <b>?", "--prompt-style", "plain")
    template = ("--template", "Q: {problem}\nA:", "--max-new-tokens", 1, "--json")
    _, made, _ = run("generate", "--model", model, *question, *template)
    assert json.loads(made)["prompt_ids"] == shown["prompt_ids"]
    _, text, _ = run("prompt", "--model", model, "--question", "Why?")
    assert "style qwen_boxed" in text
    assert str(shown["prompt_ids"][0]) in text


def test_a_person_can_overrule_a_chains_verdict_and_take_it_back(run: Any, chain: Path) -> None:
    before = json.loads(chain.read_text())
    code, out, _ = run("overrule", chain, "--verdict", "correct")
    assert code == 0
    assert "correct by you" in out
    after = json.loads(chain.read_text())
    assert (after["verdict"], after["overruled"]) == (before["verdict"], "correct")
    run("overrule", chain, "--verdict", "as-checked")
    assert json.loads(chain.read_text()) == before
    run("overrule", chain, "--verdict", "right")  # as earlier versions said it
    assert json.loads(chain.read_text()) == after


def test_a_person_can_overrule_a_branch_of_a_saved_session(
    run: Any, chain: Path, tmp_path: Path
) -> None:
    session = Session()
    made, outcome = chain_from_json(json.loads(chain.read_text()))
    assert outcome is not None
    session.open_problem(made.problem).add_root(made, outcome)
    saved, other = tmp_path / "session.json", tmp_path / "other.json"
    saved.write_text(session.dumps())
    code, out, _ = run("overrule", saved, "--verdict", "wrong", "--json", "--out", other)
    assert code == 0
    assert json.loads(out)["overruled"] == "wrong"
    assert saved.read_text() == session.dumps()
    tree = Session.loads(other.read_text()).tree
    assert tree is not None
    assert tree.branch("b1").outcome == outcome.overrule(Verdict.WRONG)
    code, _, err = run("overrule", saved, "--verdict", "wrong", "--branch", "b9")
    assert code == 2
    assert "no branch 'b9'" in err


def bad_commands(model: str, chain: Path, tmp: Path) -> dict[str, tuple[tuple[object, ...], str]]:
    future = json.loads(chain.read_text()) | {"schema_version": SCHEMA_VERSION + 1}
    (tmp / "future.json").write_text(json.dumps(future))
    (tmp / "broken.json").write_text("{")
    (tmp / "problems.jsonl").write_text("\n{broken\n")
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
        "top-p of zero": ((*ask, "Why?", "--top-p", 0), "top_p"),
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
        "unknown id in a phrase": (
            ("force", chain, "--position", 0, "--token-id", 1, "--token-id", 10**7),
            "vocabulary",
        ),
        "text of no token": (("force", chain, "--position", 0, "--text", ""), "empty"),
        "phrase too long": (
            ("force", chain, "--position", 0, "--text", "xyz 1" * 200),
            "there is room for",
        ),
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


# ---- runs, and commands that are runs (tests/toy_task.py is one)


@pytest.fixture
def toy(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "toy", RunPlan({"numbers": 3}, {}, 7))


def held_in_test(runs: Path) -> list[str]:
    return [str(run.status().state) for run in RunsFolder(runs).list()]


def test_a_long_command_makes_a_run_of_its_own(run: Any, tmp_path: Path) -> None:
    code, out, err = run(
        "toy", "--numbers", 3, "--seed", 5, "--runs-dir", tmp_path / "r", "--name", "mine"
    )
    assert (code, out) == (0, "3 squares\n")
    (made,) = RunsFolder(tmp_path / "r").list()
    assert (made.config.task, made.config.name, made.config.seed) == ("toy", "mine", 5)
    assert str(made.folder) in err
    assert made.status().state is RunState.DONE


def test_a_long_command_keeps_its_runs_in_the_persons_folder(run: Any, user_folder: Path) -> None:
    assert run("toy")[0] == 0
    assert held_in_test(user_folder / "runs") == ["done"]


def test_json_of_a_long_command_is_its_results_and_nothing_else(run: Any, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    code, out, _ = run("toy", "--run", tmp_path / "new", "--json", "--out", copy)
    assert code == 0
    assert out.encode() == (tmp_path / "new" / "results.json").read_bytes() + b"\n"
    assert copy.read_text() == out


def test_a_prepared_run_is_carried_out_as_it_was_prepared(run: Any, toy: Run) -> None:
    code, out, _ = run("toy", "--run", toy.folder, "--json")
    assert code == 0
    assert json.loads(out) == {"squares": {"0": 0, "1": 1, "2": 4}, "seed": 7}


def test_a_run_that_broke_off_goes_on_with_resume(run: Any, toy: Run) -> None:
    def half(work: Any) -> None:
        work.keep("0", {"square": 1000})  # a result that shows it is not computed again
        work.stop.request()

    assert carry_out(toy, half, bar=False) == 130
    code, _, err = run("toy", "--run", toy.folder)
    assert (code, "--resume" in err) == (2, True)
    code, out, _ = run("toy", "--run", toy.folder, "--resume", "--json")
    assert code == 0
    assert json.loads(out)["squares"] == {"0": 1000, "1": 1, "2": 4}
    code, out, _ = run("runs", "resume", toy.id, "--runs-dir", toy.folder.parent, "--json")
    assert (code, json.loads(out)["squares"]["0"]) == (0, 1000)


def test_a_cancelled_command_ends_with_130_and_says_how_to_go_on(
    run: Any, toy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(work: Any) -> None:
        work.stop.request()
        square_numbers(work)

    monkeypatch.setattr("toy_task.square_numbers", cancelled)
    code, out, err = run("toy", "--run", toy.folder, "--json")
    assert (code, out) == (130, "")
    assert f"--run {toy.folder} --resume" in err
    assert toy.status().state is RunState.CANCELLED
    assert run("runs", "resume", toy.id, "--runs-dir", toy.folder.parent)[0] == 130


def test_a_failed_command_ends_with_2_and_one_line(run: Any, tmp_path: Path) -> None:
    made = Run.create(tmp_path, "toy", RunPlan({"numbers": 3, "refuses": 1}, {}, 0))
    code, out, err = run("toy", "--run", made.folder, "--json")
    assert (code, out) == (2, "")
    assert err == "fork-explorer: The model is tired. Let it rest.\n"


@pytest.fixture
def refused(toy: Run, tmp_path: Path) -> Iterator[dict[str, tuple[tuple[object, ...], str]]]:
    other = Run.create(tmp_path, "another", RunPlan({}, {}, 0))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    busy = Run.create(tmp_path, "toy", RunPlan({}, {}, 0))
    runs = ("--runs-dir", tmp_path)
    with hold(busy.folder, 0):
        yield {
            "settings of its own": (("toy", "--run", toy.folder, "--seed", 7), "--seed"),
            "two settings": (
                ("toy", "--run", toy.folder, "--numbers", 1, "--name", "x"), "--name, --numbers",
            ),
            "another task": (("toy", "--run", other.folder), "another"),
            "nothing to resume": (("toy", "--resume"), "Which run to resume"),
            "an empty resume": (("toy", "--run", tmp_path / "no", "--resume"), "holds no run"),
            "two places": (("toy", "--run", tmp_path / "no", *runs), "both given"),
            "somebody's folder": (("toy", "--run", tmp_path / "full"), "other files"),
            "a file as folder": (("toy", "--runs-dir", tmp_path / "file"), "can't be stored"),
            "a file as run": (("toy", "--run", tmp_path / "file"), "can't be stored"),
            "a broken config": (("toy", "--run", tmp_path / "broken"), "damaged"),
            "too long a name": (("toy", *runs, "--name", "x" * 300), "name"),
            "an unwritable copy": (("toy", *runs, "--out", tmp_path), "can't be written"),
            "no such run": (("runs", "show", "toy-1", *runs), "no run"),
            "an id that is a path": (("runs", "show", "../x", *runs), "not a valid id"),
            "a task of tomorrow": (("runs", "resume", other.id, *runs), "the kind another"),
            "no yes": (("runs", "delete", other.id, *runs), "--yes"),
            "busy": (("runs", "delete", busy.id, "--yes", *runs), "at work"),
            "idle": (("runs", "cancel", other.id, *runs), "not at work"),
            "a long name": (("runs", "rename", other.id, "x" * 300, *runs), "name"),
            "no folder": (("runs", "list", "--runs-dir", tmp_path / "file"), "can't be read"),
        }  # fmt: skip


def test_what_a_run_refuses_is_one_clear_line_and_makes_nothing(
    run: Any, refused: dict[str, tuple[tuple[object, ...], str]], tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    for what, (command, says) in refused.items():
        code, out, err = run(*command)
        assert (code, out) == (2, ""), (what, err)
        assert err.startswith("fork-explorer: "), what
        assert err.count("\n") == 1, (what, err)
        assert says in err, (what, err)
    assert sorted(tmp_path.rglob("*")) == before


def test_runs_are_listed_shown_renamed_and_deleted(run: Any, toy: Run) -> None:
    runs = ("--runs-dir", toy.folder.parent)
    (toy.folder.parent / "odd").mkdir()
    assert run("runs", "rename", toy.id, "A new name", *runs)[0] == 0
    code, out, err = run("runs", "list", *runs)
    assert code == 0
    assert toy.id in out
    assert "A new name" in out
    assert "odd: " in err
    listed = json.loads(run("runs", "list", "--json", *runs)[1])
    assert [each["id"] for each in listed["runs"]] == [toy.id]
    assert listed["runs"][0]["state"] == "new"
    assert len(listed["broken"]) == 1
    carry_out(toy, square_numbers, bar=False)
    _, out, _ = run("runs", "show", toy.id, *runs)
    assert "done, 3 of 3 numbers" in out
    shown = json.loads(run("runs", "show", toy.id, "--json", *runs)[1])
    assert (shown["done"], shown["error"]) == (3, None)
    assert run("runs", "delete", toy.id, "--yes", *runs)[0] == 0
    assert not toy.folder.exists()


def test_a_run_that_failed_is_shown_with_the_end_of_its_log(run: Any, tmp_path: Path) -> None:
    made = Run.create(tmp_path, "toy", RunPlan({"numbers": 3, "breaks": 1}, {}, 0))
    carry_out(made, square_numbers, bar=False)
    _, out, _ = run("runs", "show", made.id, "--runs-dir", tmp_path)
    assert "This is a bug" in out
    assert "    ZeroDivisionError: a bug" in out


def test_looking_at_runs_does_not_load_torch(toy: Run) -> None:
    code = (
        "import sys; from core.cli import main; sys.argv[1:1] = ['runs', 'list', '--runs-dir']\n"
        "try: main()\n"
        "finally: print(*sorted({'torch', 'transformers', 'streamlit'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parent.parent.parent
    ended = subprocess.run(
        [sys.executable, "-c", code, str(toy.folder.parent)], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(root)}, check=True,
    )  # fmt: skip
    assert ended.stdout.splitlines()[0].startswith(toy.id)
    assert ended.stdout.splitlines()[1:] == [""]


def test_the_program_runs_as_a_module() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    ended = subprocess.run(
        [sys.executable, "-m", "core.cli", "runs", "--help"], cwd=root, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert "resume" in ended.stdout


def test_find_fix_and_pivotality_measure_what_the_page_measures(
    run: Any, chain: Path, tmp_path: Path
) -> None:
    code, out, _ = run("find-fix", chain, "-k", 2, "--json", "--out", tmp_path / "found.json")
    assert code == 0
    found = json.loads(out)
    assert out == (tmp_path / "found.json").read_text()
    assert len(found["attempts"]) == len(found["control"]) >= 8
    assert len({each["attempt"]["position"] for each in found["attempts"]}) == 2
    code, out, _ = run("find-fix", chain, "-k", 2)
    assert code == 0
    assert out.startswith("at forks: ")
    code, out, _ = run(
        "pivotality", chain, "--position", 1, "--position", 3, "--samples", 4, "--json"
    )
    assert code == 0
    assert [each["position"] for each in json.loads(out)] == [1, 3]
    code, out, _ = run("pivotality", chain, "--position", 1, "--samples", 2)
    assert code == 0
    assert len(out.splitlines()) == 6


def test_a_tree_grows_from_a_chain_and_two_chains_are_aligned(
    run: Any, chain: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tree.json"
    small = ("--depth", 1, "--tau", 0, "--floor", 0, "--budget", 40)
    code, text, _ = run("expand", chain, *small, "--json", "--out", out)
    assert code == 0
    found = json.loads(text)
    assert found["forks"]["grown"] == sum(each["endings"] for each in found["forks"]["answers"]) - 1
    assert found["forks"]["ended"] == "budget"
    code, again, _ = run("expand", chain, *small, "--json", "--known", out)
    assert (code, json.loads(again)) == (0, found)
    code, text, _ = run("expand", chain, *small, "--at", "forks")
    assert code == 0
    assert text.startswith("At forks: ")
    assert "95 % interval" in text
    code, text, err = run("expand", chain, "--known", chain)
    assert (code, text) == (2, "")
    assert "holds no tree" in err
    forced = tmp_path / "forced.json"
    run("force", chain, "--position", 1, "--token-id", 5, "--out", forced)
    code, text, _ = run("align", chain, forced, "--json")
    assert code == 0
    segments = json.loads(text)["segments"]
    assert segments[0] == {"kind": "shared", "a": [0, 1], "b": [0, 1]}
    code, text, _ = run("align", chain, chain)
    assert (code, text.splitlines()[-1][:13]) == (0, "0 differences")


def test_what_can_t_be_measured_on_a_chain_is_one_line(run: Any, chain: Path) -> None:
    for command, says in (
        (("find-fix", chain, "-k", 0), "positions: Input should be"),
        (("pivotality", chain, "--position", 999), "no position 999"),
        (("expand", chain, "--tau", 90), "Lower the threshold"),
        (("expand", chain, "--at", "leaves"), "at: Input should be"),
        (
            ("pivotality", chain, "--position", 1, "--temperature", 0),
            "temperature: Input should be",
        ),
    ):
        code, out, err = run(*command)
        assert (code, out) == (2, "")
        assert says in err.strip().splitlines()[-1]


def test_results_may_be_written_beside_the_run_and_a_refusal_leaves_no_file(
    run: Any, model: str, tmp_path: Path
) -> None:
    problems = tmp_path / "mine.jsonl"
    problems.write_text('{"question": "1+1?", "answer": "2"}\n')
    folder = tmp_path / "run"
    command = ("interventions", "--model", model, "--problems", problems, "--max-new-tokens", 4,
               "--run", folder, "--out", folder / "copy.json", "--json")  # fmt: skip
    folder.mkdir()
    code, out, _ = run(*command)
    assert code == 0
    assert (folder / "copy.json").read_text() == out
    code, out, err = run(*command)
    assert (code, out) == (2, "")
    assert "--resume" in err
    code, *_ = run("interventions", "--arms", "magic", "--out", tmp_path / "none.json")
    assert code == 2
    assert not (tmp_path / "none.json").exists()


def test_a_refusal_does_not_delete_a_link_to_nowhere(run: Any, tmp_path: Path) -> None:
    link = tmp_path / "out.json"
    link.symlink_to(tmp_path / "later.json")
    assert run("interventions", "--arms", "magic", "--out", link)[0] == 2
    assert link.is_symlink()


def test_list_arms_explains_every_arm_and_starts_nothing(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("interventions", "--runs-dir", tmp_path / "runs", "--list-arms")
    assert code == 0
    assert "  entropy_gated: forks only\n    Only where the base is uncertain" in out
    for arm in ARMS.values():
        assert out.index(f"{arm.group}\n") < out.index(f"  {arm.key}: {arm.label}\n")
        assert arm.tells in out
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "option",
    [("--arms", "oracle"), ("--teacher", "./no"), ("--adapter", "./no"), ("--model", "./no")],
)
def test_what_can_t_be_run_leaves_no_run_in_the_list(
    run: Any, tmp_path: Path, option: tuple[str, str]
) -> None:
    code, out, err = run("interventions", *option, "--runs-dir", tmp_path)
    assert (code, out) == (2, ""), err
    assert RunsFolder(tmp_path).list() == []


def test_a_folder_from_elsewhere_can_not_command_the_terminal(run: Any, tmp_path: Path) -> None:
    evil = "\x1b[2J\x9b2J\u202e\nforged"
    made = Run.create(tmp_path, "toy", RunPlan({evil: evil}, {evil: evil}, 0))
    path = made.folder / "config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"name": evil, "host": "\ud800" + evil})
    )
    said = {"unit": evil, "what": evil, "done": 1, "total": 2, "elapsed": 1}
    events = [{"event": "started"} | said, {"event": "ended", "state": "failed", "error": evil}]
    time = {"time": "2026-01-01T00:00:00Z"}
    made.log.path.write_text("".join(json.dumps(time | event) + "\n" for event in events))
    made.log_path.write_text("\x1b[2J\x9b2J é\u202e")
    (tmp_path / "\x1b[2J").mkdir()
    where = ("--runs-dir", tmp_path)
    for command in (("list",), ("show", made.id), ("list", "--json"), ("show", made.id, "--json")):
        code, out, err = run("runs", *command, *where)
        assert code == 0, err
        assert "2J" in out
        for line in (out + err).splitlines():
            assert line.isprintable(), line
            assert not line.startswith("forged")
    assert "é" in run("runs", "show", made.id, *where)[1]


@pytest.mark.parametrize(
    "command",
    [
        ["generate", "--question", "How many cuts?"],
        ["generate", "--question", "How many cuts?", "--temperature", 1],
        ["evaluate", "--sample", 2],
        ["interventions", "--sample", 2],
        ["rollouts"],
    ],
    ids=lambda command: " ".join(map(str, command)),
)
def test_a_model_without_numbers_ends_every_command_in_one_line(
    run: Any, tmp_path: Path, command: list[object]
) -> None:
    folder = save_tiny_model(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    where = ["--runs-dir", tmp_path / "runs"] if command[0] != "generate" else []
    code, out, err = run(*command, "--model", folder, *where)
    assert code == 2
    assert "are not finite numbers (NaN or infinite), in float32" in err
    assert "Traceback" not in err
    assert "NaN" not in out
