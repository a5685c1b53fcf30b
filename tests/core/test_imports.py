"""Rollouts of other programs: small files of our own in the forms that they write.

In the wild these are verl's `<rollout_data_dir>/120.jsonl`, TRL's
`completions/completions_00010.parquet`, prime-rl's `token_exports/step_7/rank_0.jsonl`, slime's
`--save-debug-rollout-data` as JSON lines, lm-evaluation-harness's
`samples_gsm8k_<date>.jsonl`, Inspect's `logs/<date>_cuts_<id>.eval` and `.json`, and OpenAI's
fine-tuning `messages` lines.
"""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExplorerError, FileError
from core.imports import sources
from core.imports.reading import read_rollouts
from core.imports.records import Rollout, RolloutTable
from core.records import StopReason

DATA = Path(__file__).resolve().parents[1] / "data" / "rollouts"

SHAPES: dict[str, tuple[str, int, int, list[float | None]]] = {
    "verl_120.jsonl": ("verl", 4, 2, [1, -1, 1, -1]),
    "trl_completions_00010.parquet": ("TRL", 4, 2, [1, 0, 1, 0]),
    "trl_completions.jsonl": ("TRL", 2, 1, [1, 0]),
    "prime_rl_rank_0.jsonl": ("prime-rl's token export", 2, 1, [0, 1]),
    "slime_rollout_3.jsonl": ("slime", 2, 1, [0, 1]),
    "samples_gsm8k_2026-11-20T10-00-00.jsonl": ("lm-evaluation-harness", 2, 2, [1, 0]),
    "inspect_cuts.json": ("Inspect", 3, 2, [1, 0, 0]),
    "inspect_cuts.eval": ("Inspect", 3, 2, [1, 0, 0]),
    "chat.jsonl": ("chat messages", 2, 2, [None, None]),
    "pairs.csv": ("", 2, 2, [None, None]),
    "token_ids.jsonl": ("token ids", 2, 1, [0, 1]),
    "own_chains.jsonl": ("the explorer", 2, 1, [0, 0]),
}
"""Form, rollouts, problems and rewards of every file."""


def written(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_every_example_is_in_the_table() -> None:
    assert {path.name for path in DATA.iterdir()} == set(SHAPES)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_published_form_is_recognised_and_read(name: str) -> None:
    shape, count, groups, rewards = SHAPES[name]
    found = read_rollouts(DATA / name)
    assert (found.shape, len(found.rollouts), found.groups) == (shape, count, groups)
    assert [each.reward for each in found.rollouts] == rewards
    assert found.refused == ()


def table(name: str) -> RolloutTable:
    return read_rollouts(DATA / name)


def test_verl_names_prompt_answer_gold_and_step() -> None:
    first = table("verl_120.jsonl").rollouts[0]
    assert first.question.startswith("user\nAnn saws a log")
    assert first.answer == "Nine pieces need 8 cuts. The answer is \\boxed{8}."
    assert (first.gold, first.step, first.length) == ("8", 120, None)


def test_the_reward_that_trl_is_guessed_by_is_told_with_the_others() -> None:
    found = table("trl_completions_00010.parquet")
    assert found.mapping.reward == "accuracy_reward"
    assert found.warnings == ("The reward is accuracy_reward; the file also has format_reward.",)


def test_prime_rl_is_cut_at_its_mask_and_its_entropies_stay_its_own() -> None:
    own, theirs = table("own_chains.jsonl").rollouts, table("prime_rl_rank_0.jsonl").rollouts
    for ours, each in zip(own, theirs, strict=True):
        assert each.prompt_ids is not None
        assert ours.prompt_ids is not None
        assert each.prompt_ids.tolist() == ours.prompt_ids.tolist()
        assert each.answer_ids.tolist() == ours.answer_ids.tolist()  # type: ignore[union-attr]
        assert np.allclose(each.entropy, 2 * ours.entropy, atol=1e-6)  # type: ignore[operator]


def test_slime_is_cut_by_the_length_of_its_response() -> None:
    first, second = table("slime_rollout_3.jsonl").rollouts
    assert first.length == 24
    assert first.prompt_ids is not None
    assert len(first.prompt_ids) == 33
    assert (first.stop_reason, second.stop_reason) == (StopReason.LENGTH, StopReason.EOS)
    assert (first.group, first.id, first.gold) == ("3", "12", "64")


def test_the_second_filter_of_a_harness_is_no_second_answer() -> None:
    found = table("samples_gsm8k_2026-11-20T10-00-00.jsonl")
    assert [each.group for each in found.rollouts] == ["0", "1"]
    assert "2 lines that repeat the answers under another filter" in found.notes[0]


def test_an_inspect_prompt_has_its_system_message_and_a_letter_is_a_reward() -> None:
    first, _, last = table("inspect_cuts.eval").rollouts
    assert isinstance(first.prompt, list)
    assert [each["role"] for each in first.prompt] == ["system", "user"]
    assert (first.answer, first.gold, last.stop_reason) == ("8", "8", StopReason.LENGTH)


def test_several_answers_of_a_row_are_several_rollouts(tmp_path: Path) -> None:
    row = {"prompt": "1+1?", "responses": ["2", "3"], "reward": [1, 0], "uid": "a"}
    found = read_rollouts(written(tmp_path / "x.jsonl", row)).rollouts
    assert [(each.answer, each.reward, each.id) for each in found] == [
        ("2", 1.0, "1.1"),
        ("3", 0.0, "1.2"),
    ]
    assert {each.group for each in found} == {"a"}


def test_rollouts_of_the_same_prompt_are_together(tmp_path: Path) -> None:
    rows = [{"prompt": prompt, "completion": "x"} for prompt in ("a", "b", "a")]
    found = read_rollouts(written(tmp_path / "x.jsonl", *rows))
    assert [each.group for each in found.rollouts] == ["1", "2", "1"]


def test_a_group_that_the_file_names_is_not_joined_by_rows_without_one(tmp_path: Path) -> None:
    rows = [{"prompt": "a", "completion": "x", "uid": "1"}] + [
        {"prompt": prompt, "completion": "x", "uid": None} for prompt in ("b", "c", "b")
    ]
    found = read_rollouts(written(tmp_path / "x.jsonl", *rows))
    assert [each.group for each in found.rollouts] == ["1", "2", "3", "2"]


def test_fields_can_be_said(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", {"q": {"text": "1+1?"}, "prompt": "no", "a": "2", "r": 3})
    fields = {"prompt": "q.text", "answer": "a", "reward": "r"}
    (found,) = read_rollouts(path, fields).rollouts
    assert (found.prompt, found.answer, found.reward) == ("1+1?", "2", 3.0)


GOOD = {"prompt": "1+1?", "completion": "2", "reward": 1, "step": 1}
IDS = {"prompt_ids": [1, 2], "token_ids": [3, 4], "entropy": [0.1, 0.2]}
PRIME = {"token_ids": [1, 2, 3], "loss_mask": [False, True, True], "trainer_logprobs": [0, 0, 0]}
HARNESS = {"doc_id": 0, "arguments": {"gen_args_0": {"arg_0": "Q"}}, "target": "1"}


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        (GOOD, {"completion": None}, "the answer is missing"),
        (GOOD, {"completion": ""}, "the answer is missing"),
        (GOOD, {"prompt": ""}, "the prompt is missing"),
        (GOOD, {"reward": "high"}, "the reward is 'high', not a number"),
        (GOOD, {"reward": float("nan")}, "the reward is nan, not a number"),
        (GOOD, {"reward": {"acc": 1}}, "the reward is an object (acc); name one of them"),
        (GOOD, {"prompt": 5.5, "completion": {"a": 1}}, "the answer is not a text"),
        (GOOD, {"completion": "\ud800"}, "the answer has an invalid character (a lone surrogate)"),
        (GOOD, {"completion": [{"role": "user", "content": "x"}]},
         "the answer is a chat of several turns, and an answer is one"),
        (IDS, {"entropy": [0.1]}, "the entropy has 1 values for 2 tokens"),
        (IDS, {"entropy": [0.1, -2]}, "the entropy has values below 0"),
        (IDS, {"token_ids": [3, -4]},
         "the list of answer ids has something that is not a token id"),
        (IDS, {"token_ids": [3, True]},
         "the list of answer ids has something that is not a token id"),
        (IDS, {"token_ids": []}, "the answer has no tokens"),
        (PRIME, {"loss_mask": [True]}, "the mask has 1 values for 3 token ids"),
        (PRIME, {"loss_mask": [0, 0, 0]}, "the mask leaves no token for the answer"),
        (PRIME, {"loss_mask": [1, 1, 1]}, "the mask leaves no token for the prompt"),
        ({**HARNESS, "resps": [["1"]]}, {"resps": [[[-2.5, False]], [[-3.5, True]]]},
         "the answer holds scores of several choices, and no text that a model wrote"),
    ],
)  # fmt: skip
def test_a_broken_row_is_left_out_with_its_number_and_the_reason(
    good: dict[str, Any], bad: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    found = read_rollouts(written(tmp_path / "x.jsonl", good, {**good, **bad}, good))
    assert len(found.rollouts) == 2
    assert [(each.row, each.reason) for each in found.refused] == [(2, reason)]


def test_broken_lines_are_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    good = json.dumps(GOOD).encode()
    lines = [good, b'{"prompt": "1', b"[1]", b"\xff{}", b"", good]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(lines))
    found = read_rollouts(tmp_path / "x.jsonl")
    assert [each.row for each in found.rollouts] == [1, 6]
    assert [each.row for each in found.refused] == [2, 3, 4]
    assert found.refused[0].reason.startswith("the JSON is broken at column 12")
    assert found.refused[2].reason == "this is not UTF-8 text"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("x.jsonl", b"", "has no rollouts in it"),
        ("x.json", b'{"a": ', "the JSON can't be read"),
        ("x.json", b"3", "holds no records"),
        ("x.jsonl", b'{"colour": "red"}\n', "none of its fields looks like a prompt (colour)"),
        ("x.jsonl", b'{"prompt": "red"}\n', "none of its fields looks like an answer (prompt)"),
        ("x.jsonl", b'{"prompt": "", "completion": "x"}\n', "x.jsonl, line 1: the prompt is mis"),
        ("x.eval", b"PK\x03\x04 and so on", "is a damaged zip file"),
        ("x.gz", b"\x1f\x8b\x08", "is packed with gzip"),
        ("x.pkl", pickle.dumps({"a": 1}), "is a Python pickle, which may run code"),
        ("x.parquet", b"PAR1 and so on", "can't be read as Parquet"),
    ],
)
def test_a_wrong_file_is_refused_in_words(
    name: str, data: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ExplorerError, match=re.escape(says)) as caught:
        read_rollouts(tmp_path / name)
    assert caught.value.remedy


def test_a_zip_file_of_other_things_is_no_log(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.eval", "w") as archive:
        archive.writestr("../../evil.json", "{}")
    with pytest.raises(FileError, match="without samples of an Inspect log"):
        read_rollouts(tmp_path / "x.eval")


def test_a_sample_that_unpacks_into_too_much_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.imports.archives.MAX_MEMBER", 10_000)
    with zipfile.ZipFile(DATA / "inspect_cuts.eval") as whole:
        good = whole.read("samples/1_epoch_1.json")
    with zipfile.ZipFile(tmp_path / "x.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples/a.json", good)
        archive.writestr("samples/b.json", b'{"input": "' + b"x" * 20_000 + b'"}')
        archive.writestr("samples/c.json", good[:-9])
    found = read_rollouts(tmp_path / "x.eval")
    assert [each.row for each in found.rollouts] == [1]
    assert [each.row for each in found.refused] == [2, 3]
    assert "it unpacks into more than" in found.refused[0].reason
    assert "the JSON is broken" in found.refused[1].reason


def test_a_torch_file_is_a_pickle_and_refused(tmp_path: Path) -> None:
    torch.save({"samples": [GOOD]}, tmp_path / "x.pt")
    with pytest.raises(FileError, match="a pickle, which may run code"):
        read_rollouts(tmp_path / "x.pt")


def test_a_line_that_never_ends_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_LINE", 200)
    long = json.dumps({**GOOD, "completion": "x" * 1_000})
    (tmp_path / "x.jsonl").write_text(f"{json.dumps(GOOD)}\n{long}\n{json.dumps(GOOD)}\n")
    found = read_rollouts(tmp_path / "x.jsonl")
    assert [each.row for each in found.rollouts] == [1, 3]
    assert found.refused[0].row == 2


def test_no_more_rollouts_are_read_than_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", *[GOOD] * 5)
    few, all_of_them = read_rollouts(path, limit=2), read_rollouts(path, limit=5)
    assert (len(few.rollouts), few.unread) == (2, True)
    assert (len(all_of_them.rollouts), all_of_them.unread) == (5, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["prompt", "completion", "reward", "step", "messages", "token_ids", "prompt_ids", "loss_mask",
     "entropy", "tokens", "response", "response_length", "input", "output", "resps", "doc_id",
     "arguments", "id", "trainer_logprobs", "score", "scores"]
)  # fmt: skip


@given(rows=st.lists(st.dictionaries(NAMES, JSON, max_size=8), min_size=1, max_size=3))
def test_any_rows_give_rollouts_or_words(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("fuzz") / "x.jsonl", *rows)
    found: tuple[Rollout, ...] = ()
    with suppress(ExplorerError):
        found = read_rollouts(path).rollouts
    assert all(each.group for each in found)
