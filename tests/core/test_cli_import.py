"""`fork-explorer import`: the table of a file of rollouts, and scoring them by a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import tiny_language_model

from core.chain_json import chain_from_json
from core.chains.session import Session
from core.decoding.scoring import score
from core.imports.listing import by_problem, condition, lines, ordered
from core.imports.reading import read_rollouts
from core.imports.scoring import Ids, NotScored, ScoredRollout, score_rollouts
from core.models.language_model import LanguageModel

DATA = Path(__file__).resolve().parents[1] / "data" / "rollouts"


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


def written(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def scored(lm: LanguageModel, path: Path, **how: Any) -> list[Any]:
    return list(score_rollouts(lm, read_rollouts(path).rollouts, path.name, **how))


def test_ids_that_decode_to_the_text_are_scored_as_they_are(
    lm: LanguageModel, tmp_path: Path
) -> None:
    prompt, answer = lm.text.tokenise("1+1?"), [*lm.text.tokenise("2"), *lm.text.tokenise(" is")]
    row = {"prompt": "1+1?", "completion": "2 is", "prompt_ids": prompt, "completion_ids": answer}
    (found,) = scored(lm, written(tmp_path / "x.jsonl", row))
    assert isinstance(found, ScoredRollout)
    assert found.encoded.ids is Ids.OF_FILE
    assert found.chain.token_ids == tuple(answer)
    assert np.array_equal(found.chain.entropy, score(lm, prompt, answer).entropy)


def test_ids_of_another_tokenizer_are_not_used_and_it_says_so(
    lm: LanguageModel, tmp_path: Path
) -> None:
    row = {"prompt": "1+1?", "completion": "2", "prompt_ids": [5, 6], "completion_ids": [7, 8]}
    far = {**row, "completion_ids": [7, 10**6]}
    found = scored(lm, written(tmp_path / "x.jsonl", row, far))
    assert [each.encoded.ids for each in found] == [Ids.OF_TEXT, Ids.OF_TEXT]
    assert found[0].chain.token_ids == tuple(lm.text.tokenise("2"))
    assert "decode to another text" in found[0].encoded.doubt
    assert "token id 1000000 isn't in this model's vocabulary" in found[1].encoded.doubt


def test_a_rollout_that_the_model_can_not_read_is_named(lm: LanguageModel, tmp_path: Path) -> None:
    ids = {"prompt_ids": [1, 2], "completion_ids": [3, 10**6]}
    long = {"prompt_ids": [1, 2], "completion_ids": [3] * 600}
    good = {"prompt_ids": [1, 2], "completion_ids": [3, 4]}
    foreign, beyond, fine = scored(lm, written(tmp_path / "x.jsonl", ids, long, good))
    assert isinstance(foreign, NotScored)
    assert isinstance(beyond, NotScored)
    assert "the model's context holds 512" in beyond.reason
    assert fine.encoded.ids is Ids.UNCHECKED


def test_our_entropies_and_theirs_are_never_mixed(lm: LanguageModel, tmp_path: Path) -> None:
    row = {"prompt_ids": [1, 2], "token_ids": [3, 4], "entropy": [1.0, 3.0]}
    path = written(tmp_path / "x.jsonl", row)
    (unscored,) = lines(read_rollouts(path).rollouts, tau=1.4)
    assert (unscored.entropy, unscored.share) == (None, None)
    assert (unscored.their_entropy, unscored.their_share) == (2.0, 0.5)
    (found,) = scored(lm, path)
    (line,) = lines([found], tau=1.4)
    assert line.entropy == pytest.approx(float(found.chain.entropy.mean()))
    assert (line.their_entropy, line.their_share) == (2.0, 0.5)


def test_lines_are_filtered_sorted_and_put_together(tmp_path: Path) -> None:
    rows = [
        {"prompt": prompt, "completion": "x" * n, "reward": reward}
        for n, (prompt, reward) in enumerate([("a", 1), ("a", 0), ("b", 0.5), ("b", None)], 1)
    ]
    found = lines(read_rollouts(written(tmp_path / "x.jsonl", *rows)).rollouts, tau=1.4)
    assert [line.rollout.row for line in found if condition("reward < 1")(line)] == [2, 3]
    assert [line.rollout.row for line in found if condition("problem = 2")(line)] == [3, 4]
    assert [line.rollout.row for line in ordered(found, "-reward")] == [1, 3, 2, 4]
    assert [line.rollout.row for line in ordered(found, "-characters")] == [4, 3, 2, 1]
    first, second = by_problem(found)
    assert (first.count, first.reward, first.rewards) == (2, 0.5, (0.0, 1.0))
    assert (second.count, second.reward, second.rewards) == (2, 0.5, (0.5, 0.5))


def test_the_table_names_the_fields_and_shows_each_rollout(run: Any) -> None:
    code, out, err = run("import", DATA / "verl_120.jsonl", "--where", "reward > 0", "--sort=-row")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("verl_120.jsonl: JSON lines with 4 rollouts of 2 problems, in the")
    assert "  prompt        input" in lines
    assert lines[-2].split()[:4] == ["3", "2", "120", "1"]
    assert lines[-1].split()[:4] == ["1", "1", "120", "1"]


def test_json_has_the_fields_the_refused_and_the_numbers(run: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", {"prompt": "a", "completion": "b"}, {"prompt": "a"})
    found = json.loads(run("import", path, "--json")[1])
    assert found["fields"] == {"prompt": "prompt", "answer": "completion"}
    assert found["refused"] == [{"row": 2, "reason": "the answer is missing"}]
    assert [each["characters"] for each in found["rollouts"]] == [1]


def test_scored_rollouts_become_chains_and_a_session_for_explore(
    run: Any, tiny_model: str, tmp_path: Path
) -> None:
    out, session = tmp_path / "chains.jsonl", tmp_path / "session.json"
    code, _, err = run("import", DATA / "verl_120.jsonl", "--score", tiny_model,
                       "--where", "problem = 2", "--out", out, "--session", session)  # fmt: skip
    assert code == 0, err
    assert "4 rollouts scored: text tokenised once." in err
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [each["imported"]["reward"] for each in records] == [1.0, -1.0]
    chains = [chain_from_json(each) for each in records]
    assert [outcome.answer for _, outcome in chains if outcome] == ["5", "4"]
    tree = Session.loads(session.read_text()).tree
    assert tree is not None
    assert [branch.name for branch in tree.branches] == ["row 3, reward 1", "row 4, reward -1"]
    assert [branch.chain for branch in tree.branches] == [chain for chain, _ in chains]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--out", "x.jsonl"), "Only scored rollouts are chains"),
        (("--where", "reward ~ 1"), "'reward ~ 1' is not a condition"),
        (("--sort", "colour"), "No column is called 'colour'"),
        (("--fields", "prompt=nope"), "has nothing at 'nope' for the prompt"),
        (("--fields", "nope=input"), "Fields have no role 'nope'"),
        (("--fields", "input"), "--fields can't read 'input'"),
    ],
)
def test_a_wrong_option_is_refused_in_words(options: tuple[str, str], says: str, run: Any) -> None:
    code, _, err = run("import", DATA / "verl_120.jsonl", *options)
    assert code == 2
    assert says in err
