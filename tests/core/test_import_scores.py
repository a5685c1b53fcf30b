"""Files of rollouts that are kept, and what a model says of them, line by line on the disk."""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from models import tiny_language_model

from core.errors import FileError
from core.imports.kept_files import KeptFile, KeptFiles
from core.imports.listing import above_tau, checked_correct, lines
from core.imports.reading import columns_of, read_rollouts
from core.imports.records import FieldMapping, Rollout
from core.imports.scores import RolloutScore, Scores, scores_path
from core.imports.scoring import ScoredRollout, score_rollouts
from core.models.spec import ModelSpec
from core.records import Verdict

SPEC = ModelSpec("demo")
VERL = Path(__file__).resolve().parents[1] / "data" / "rollouts" / "verl_120.jsonl"


@pytest.fixture
def files(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path / "rollouts")


def test_a_file_is_kept_under_its_name_until_it_is_removed(files: KeptFiles) -> None:
    kept = files.keep("verl_120.jsonl", VERL.read_bytes())
    assert files.get(kept.id) == kept
    assert kept.name == "verl_120.jsonl"
    assert len(read_rollouts(kept.path).rollouts) == 4
    assert columns_of(kept.path)[:2] == ("input", "output")
    assert files.keep("verl_120.jsonl", VERL.read_bytes()) == kept, "once"
    files.remove(kept)
    assert files.get(kept.id) is None
    assert list(files.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a b.jsonl", "a b.jsonl"),
        ("scores-1.jsonl", "1.jsonl"),
        (".hidden", "hidden"),
        ("..", "rollouts"),
        ("a\x00\n/b\x00c", "b_c"),
        ("x" * 300 + ".csv", "x" * 96 + ".csv"),
        ("题" * 90 + ".json", "题" * 31 + ".json"),  # of 3 bytes each
        ("scores-scores-.scores-1.jsonl", "1.jsonl"),
        ("--help.jsonl", "help.jsonl"),
    ],
)
def test_a_name_never_leaves_its_folder(files: KeptFiles, given: str, name: str) -> None:
    kept = files.keep(given, b"{}")
    assert kept.name == name
    assert kept.path.parent.parent == files.folder
    assert files.get(kept.id) == kept


def test_an_id_is_no_path(files: KeptFiles, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    assert [files.get(each) for each in ("../other", "", ".", "f" * 16, "f" * 15 + "/")] == [
        None
    ] * 5


def test_a_pasted_text_is_a_file_with_one_rollout(files: KeptFiles) -> None:
    (rollout,) = read_rollouts(files.keep_pasted("1 + 1 =", " 2", "2").path).rollouts
    assert (rollout.prompt, rollout.answer, rollout.gold) == ("1 + 1 =", " 2", "2")
    (rollout,) = read_rollouts(files.keep_pasted("[1, 2]", "3 4\n5", ids=True).path).rollouts
    assert rollout.prompt_ids is not None
    assert rollout.prompt_ids.tolist() == [1, 2]
    assert rollout.answer_ids is not None
    assert rollout.answer_ids.tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("prompt", "answer", "ids", "what"),
    [
        (" ", "x", False, "The prompt is empty."),
        ("x", "\n", False, "The answer is empty."),
        ("1", "2 x", True, "The answer is not a list of token ids."),
        ("", "2", True, "The prompt is not a list of token ids."),
        ("-1", "2", True, "The prompt is not a list of token ids."),
    ],
)
def test_what_can_not_be_pasted_is_said(
    files: KeptFiles, prompt: str, answer: str, ids: bool, what: str
) -> None:
    with pytest.raises(FileError) as found:
        files.keep_pasted(prompt, answer, ids=ids)
    assert found.value.what == what
    assert not files.folder.exists()


# ---- scores ------------------------------------------------------------------------------------


def rollouts(*answers: str) -> tuple[Rollout, ...]:
    return tuple(
        Rollout(row, "so", answer, gold="7", group=str(row % 2))
        for row, answer in enumerate(answers, 1)
    )


@pytest.fixture
def kept(files: KeptFiles) -> KeptFile:
    return files.keep("r.jsonl", b"{}")


def test_scoring_that_is_stopped_goes_on_where_it_was(kept: KeptFile) -> None:
    lm = tiny_language_model()
    found = rollouts("so \\boxed{7}", "", "then \\boxed{3}", "so")
    path = scores_path(kept, FieldMapping(), SPEC)
    stopped, whole = Scores(path), Scores(path.with_name("whole.jsonl"))
    whole.score_missing(lm, found)
    counted = count(1)
    stopped.score_missing(lm, found, cancel=lambda: next(counted) == 2)
    assert sorted(stopped.found) == [0, 1]
    with path.open("ab") as file:
        file.write(b'{"number": 2, "entropy_na')  # killed while it was written
    again, done = Scores(path), count()
    assert sorted(again.found) == [0, 1]
    again.score_missing(lm, found, done=lambda: next(done))
    assert next(done) == 2
    assert Scores(path).found.keys() == whole.found.keys()
    for number, score in Scores(path).found.items():
        assert np.array_equal(score.entropy, whole.found[number].entropy)
        assert score.verdict == whole.found[number].verdict
    for number, scored in zip((0, 2), score_rollouts(lm, (found[0], found[2])), strict=True):
        assert isinstance(scored, ScoredRollout)
        assert np.array_equal(again.found[number].entropy, scored.chain.entropy)
    assert [again.found[n].verdict for n in (0, 2)] == [Verdict.CORRECT, Verdict.WRONG]
    assert again.found[1].doubt == "The answer is empty."
    assert not len(again.found[1].entropy)


def test_other_fields_and_other_models_have_scores_of_their_own(kept: KeptFile) -> None:
    paths = {
        scores_path(kept, mapping, spec)
        for mapping in (FieldMapping(), FieldMapping(answer="x"))
        for spec in (SPEC, ModelSpec("demo", adapter="y"), ModelSpec("demo", revision="z"))
    }
    assert len(paths) == 6
    assert {path.parent for path in paths} == {kept.path.parent}


def test_an_adapter_that_is_written_anew_has_scores_of_its_own(
    kept: KeptFile, tmp_path: Path
) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(b"one")
    (folder / "README.md").write_text("about")
    spec = ModelSpec("demo", adapter=str(folder))
    before = scores_path(kept, FieldMapping(), spec)
    (folder / "README.md").write_text("more about it")
    assert scores_path(kept, FieldMapping(), spec) == before, "not what makes a model"
    os.utime(weights, ns=(1, 2))
    assert scores_path(kept, FieldMapping(), spec) != before
    assert scores_path(kept, FieldMapping(), spec, from_text=True) != scores_path(
        kept, FieldMapping(), spec
    )


def test_the_place_of_a_file_is_where_it_would_be_kept(files: KeptFiles, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"{}" * 2**20)
    place = files.place_of(path)
    assert files.get(place.id) is None
    assert files.keep("r.jsonl", path.read_bytes()) == place
    with pytest.raises(FileError, match="can't be read"):
        files.place_of(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"nonsense",
        b'{"number": 1}',
        b"[" * 100_000,
        *(
            b'{"number": %s, "entropy_nats": [1], "verdict": null, "ids": "", "doubt": "", '
            b'"unlikely": false}' % number
            for number in (b"-1", b"Infinity", b"true", b"1.5", b'"1"')
        ),
        b'{"number": 0, "entropy_nats": [[1]], "verdict": null, "ids": "", "doubt": "", '
        b'"unlikely": false}',
        b'{"number": 0, "entropy_nats": [NaN], "verdict": null, "ids": "", "doubt": "", '
        b'"unlikely": false}',
        b'{"number": 0, "entropy_nats": [1], "verdict": "splendid", "ids": "", "doubt": "", '
        b'"unlikely": false}',
    ],
)
def test_a_damaged_score_is_no_score(kept: KeptFile, line: bytes) -> None:
    path = scores_path(kept, FieldMapping(), SPEC)
    path.write_bytes(line + b"\n")
    assert Scores(path).found == {}


def score(verdict: Verdict, *nats: float) -> RolloutScore:
    return RolloutScore(np.array(nats, np.float32), verdict)


def test_the_figures_of_scored_rollouts_by_hand() -> None:
    found = rollouts("x", "x", "x", "x")
    scores = [
        score(Verdict.CORRECT, 2.0, 0.5),
        score(Verdict.WRONG, 0.5, 0.5, 3.0, 0.5),
        score(Verdict.NO_GOLD, 0.5, 0.5),
        None,
    ]
    made = lines(zip(found, scores, strict=True), tau=1.0)
    assert [line.entropy for line in made] == [1.25, 1.125, 0.5, None]
    assert [line.share for line in made] == [0.5, 0.25, 0.0, None]
    share, correct = above_tau(made), checked_correct(made)
    assert share.value == 2 / 8
    assert share.n == 2, "problems"
    assert correct is not None
    assert (correct.value, correct.n) == (0.5, 2)
    assert checked_correct(made[2:]) is None


def test_scores_go_with_their_file(files: KeptFiles, kept: KeptFile) -> None:
    path = scores_path(kept, FieldMapping(), SPEC)
    Scores(path).score_missing(tiny_language_model(), rollouts("so"))
    assert files.get(kept.id) == kept, "the file, not its scores"
    shutil.copytree(files.folder, files.folder.with_name("copy"))
    files.remove(kept)
    assert not path.exists()
