"""`fork-explorer adapter push`: what goes to the hub, and what its card says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import yaml
from adapter_kinds import save_adapter, save_base
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from core.models.spec import DEMO_FOLDER, DEMO_TEACHER_FOLDER
from core.publishing import upload
from core.reasonmaxxer.task import TRAIN
from core.runs.run import Run

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
SECRET = "hf_secretSecretSecretSecret"
ASKED = httpx2.Request("POST", f"https://hub.example/api?token={SECRET}")

pytestmark = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")


@dataclass
class RecordedHub:
    """`HfApi` as far as an upload needs it: keeps the files that it gets."""

    known: dict[str, bool] = field(default_factory=dict)  # whether private, by repository
    files: dict[str, bytes] = field(default_factory=dict)
    fault: Exception | None = None

    def repo_info(self, repository: str) -> Any:
        if repository not in self.known:
            raise RepositoryNotFoundError(SECRET, response=httpx2.Response(404, request=ASKED))
        return SimpleNamespace(private=self.known[repository])

    def create_repo(self, repository: str, *, private: bool, exist_ok: bool) -> str:
        if self.fault is not None:
            raise self.fault
        assert exist_ok
        self.known.setdefault(repository, private)
        return f"https://hub.example/{repository}"

    def upload_folder(
        self, *, repo_id: str, folder_path: Path, allow_patterns: list[str], commit_message: str
    ) -> None:
        assert repo_id in self.known
        for name in allow_patterns:
            self.files[name] = (folder_path / name).read_bytes()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> RecordedHub:
    found = RecordedHub()
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setattr(upload, "HfApi", lambda: found)
    return found


def with_adapter(
    runs: Path, name: str, change: Callable[[dict[str, Any]], None] | None = None
) -> Run:
    """A finished fine-tune that was stored without its adapter, with one beside it."""
    folder = Path(shutil.copytree(STORED / "train", runs / name))
    shutil.copytree(DEMO_TEACHER_FOLDER, folder / "adapter")
    if change is not None:
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config))
    return Run.open(folder)


@pytest.fixture
def runs(user_folder: Path) -> Path:
    (user_folder / "runs").mkdir(parents=True)
    return user_folder / "runs"


def as_random_gate(config: dict[str, Any]) -> None:
    config["settings"]["gate"]["kind"] = "random"


def as_random_gate_of_another_seed(config: dict[str, Any]) -> None:
    as_random_gate(config)
    config["seed"] = 1


def card_of(run: Any, *arguments: object) -> str:
    code, out, err = run("adapter", "push", *arguments, "--dry-run")
    assert code == 0, err
    return str(out)


def header(card: str) -> dict[str, Any]:
    found = yaml.safe_load(card.split("---")[1])
    assert isinstance(found, dict)
    return found


def test_an_adapter_goes_to_a_private_repository_with_its_card(
    runs: Path, run: Any, hub: RecordedHub
) -> None:
    made = with_adapter(runs, "mine")
    code, out, err = run("adapter", "push", "mine", "ann/forks")
    assert (code, out) == (0, "https://hub.example/ann/forks\n"), err
    assert hub.known == {"ann/forks": True}
    assert sorted(hub.files) == ["README.md", "adapter_config.json", "adapter_model.safetensors"]
    weights = made.folder / "adapter" / "adapter_model.safetensors"
    assert hub.files["adapter_model.safetensors"] == weights.read_bytes()
    assert hub.files["README.md"].decode() == card_of(run, "mine", "ann/forks")
    assert SECRET not in out + err


def test_the_card_has_the_run_s_own_figures(runs: Path, run: Any) -> None:
    made = with_adapter(runs, "mine")
    results = TRAIN.results_of(made)
    assert results is not None
    card = card_of(run, "mine", "ann/forks")
    found, training = results.comparison, results.training
    for name, each in (("before", found.before), ("after", found.after)):
        assert f"| {name} | {each.value:.3f} | [{each.low:.3f}, {each.high:.3f}] |" in card
    assert f"on {found.n} problems that were not trained on" in card
    assert "95 % interval" in card
    assert "gate: threshold (entropy above τ, τ = 1 nats)" in card
    assert f"checkpoint: step {training.best_step} of {training.steps}" in card
    assert "on 2 held-out training problems (50.0 %); the test problems had no part" in card
    assert "- model: demo" in card
    assert "teaching model" in card
    assert f"torch {made.config.versions['torch']}" in card
    assert "No control was run beside it" in card
    assert header(card) == {
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["lora", "reasonmaxxer"],
    }


def test_the_card_says_how_the_run_is_made_again(runs: Path, run: Any) -> None:
    made = with_adapter(runs, "mine", lambda config: config["settings"].pop("rollouts_from"))
    card = card_of(run, made.folder, "a/b")
    (command,) = re.findall(r"^fork-explorer train .*$", card, re.M)
    assert "--preset demo" in command
    assert "--eval-problems problems_evaluation.jsonl" in command, "without the folder"
    assert "Put the file of the problems in place of PROBLEMS.jsonl" in card


def test_a_control_among_the_runs_is_on_the_card(runs: Path, run: Any) -> None:
    with_adapter(runs, "mine")
    with_adapter(runs, "control", as_random_gate)
    with_adapter(runs, "other-seed", as_random_gate_of_another_seed)
    card = card_of(run, "mine", "ann/forks")
    # The control's samples are those of the run itself: no difference at all.
    (row,) = re.findall(r"^\| random gate \| .*$", card, re.M)
    assert "| 1.000 [0.439, 1.000], n = 3 | 0.0 points (95 % interval" in row
    assert row.endswith("n = 3: no measurable difference |")
    assert "No control" not in card


def test_nothing_of_this_machine_is_in_what_is_uploaded(
    runs: Path, run: Any, hub: RecordedHub, tmp_path: Path
) -> None:
    base = save_base(tmp_path / "my-secret-place" / "base", True)
    adapter = save_adapter(base, tmp_path / "my-secret-place" / "adapter", "plain")
    for source in (adapter, with_adapter(runs, "mine").folder):
        assert run("adapter", "push", source, "ann/forks")[0] == 0
        text = "".join(
            data.decode() for name, data in hub.files.items() if name.endswith(("md", "json"))
        )
        assert "my-secret-place" not in text
        assert str(tmp_path) not in text
        assert "/home/ann" not in text
        assert SECRET not in text
    assert json.loads(hub.files["adapter_config.json"])["base_model_name_or_path"] == "demo"


def test_a_base_of_the_hub_is_named_with_its_revision(
    runs: Path, run: Any, hub: RecordedHub
) -> None:
    def on_hub(config: dict[str, Any]) -> None:
        config["model"] |= {"model": "owner/model", "revision": "v2"}

    with_adapter(runs, "mine", on_hub)
    assert run("adapter", "push", "mine", "ann/forks")[0] == 0
    card = hub.files["README.md"].decode()
    assert header(card)["base_model"] == "owner/model"
    assert header(card)["base_model_relation"] == "adapter"
    assert "- revision: v2" in card
    facts = json.loads(hub.files["adapter_config.json"])
    assert (facts["base_model_name_or_path"], facts["revision"]) == ("owner/model", "v2")


def test_smollm2_has_its_name_on_the_hub_and_the_card_says_what_was_measured(
    runs: Path, run: Any
) -> None:
    with_adapter(runs, "mine", lambda config: config["model"].update(model="smollm2"))
    card = card_of(run, "mine", "ann/forks")
    assert header(card)["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert "'smollm2', dequantised from a GGUF file" in card
    assert "- revision" not in card, "it comes from a package"


def test_an_adapter_without_its_run_keeps_its_own_card(run: Any) -> None:
    own = (DEMO_TEACHER_FOLDER / "README.md").read_text(encoding="utf-8")
    assert card_of(run, "demo-teacher", "ann/teacher") == own


def test_a_merged_model_is_uploaded_with_the_card_that_it_was_given(
    runs: Path, run: Any, hub: RecordedHub, tmp_path: Path
) -> None:
    made = with_adapter(runs, "mine")
    assert run("adapter", "merge", "mine", "-o", tmp_path / "merged")[0] == 0
    assert run("adapter", "push", tmp_path / "merged", "ann/whole", "--public")[0] == 0
    assert hub.known == {"ann/whole": False}
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= set(hub.files)
    card = hub.files["README.md"].decode()
    assert header(card)["library_name"] == "transformers"
    assert "- merged in float32, stored in bfloat16" in card, "as the demo's weights"
    results = TRAIN.results_of(made)
    assert results is not None
    assert f"| after | {results.comparison.after.value:.3f} |" in card


def test_a_dry_run_needs_no_token_and_uploads_nothing(
    runs: Path, run: Any, hub: RecordedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with_adapter(runs, "mine")
    code, out, err = run("adapter", "push", "mine", "ann/forks", "--dry-run")
    assert (code, out[:4]) == (0, "---\n")
    assert "Nothing was uploaded. To ann/forks, private, would go: README.md, adapter" in err
    assert (hub.known, hub.files) == ({}, {})


def status(number: int, message: str = "") -> HfHubHTTPError:
    headers = {"X-Error-Message": message}
    response = httpx2.Response(number, request=ASKED, headers=headers)
    return HfHubHTTPError(f"{SECRET} of {ASKED.url}", response=response)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (status(401, "Invalid credentials in Authorization header"), "does not accept your token"),
        (status(403), "Your token may not write to ann/forks"),
        (status(503), "can't take ann/forks at the moment (status 503)"),
        (httpx2.ConnectError(SECRET), "The hub can't be reached"),
        (RuntimeError(SECRET), "The upload to ann/forks failed (RuntimeError)"),
    ],
    ids=["bad token", "forbidden", "out of order", "no network", "unknown"],
)
def test_what_the_hub_refuses_is_explained_without_the_token(
    fault: Exception, says: str, runs: Path, run: Any, hub: RecordedHub
) -> None:
    with_adapter(runs, "mine")
    hub.fault = fault
    code, out, err = run("adapter", "push", "mine", "ann/forks")
    assert (code, out, says in err) == (2, "", True), err
    assert SECRET not in err
    assert not hub.files


def test_a_public_repository_is_written_to_only_on_request(
    runs: Path, run: Any, hub: RecordedHub
) -> None:
    with_adapter(runs, "mine")
    hub.known["ann/forks"] = False
    code, _, err = run("adapter", "push", "mine", "ann/forks")
    assert (code, "ann/forks is public. Give --public if everyone" in err) == (2, True)
    assert not hub.files
    assert run("adapter", "push", "mine", "ann/forks", "--public")[0] == 0
    assert hub.files


def test_without_a_token_nothing_is_asked(
    runs: Path, run: Any, hub: RecordedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "get_token", lambda: None)
    with_adapter(runs, "mine")
    code, _, err = run("adapter", "push", "mine", "ann/forks")
    assert (code, "No token for the hub was found. Set the environment" in err) == (2, True)
    assert not hub.known


@pytest.mark.parametrize(
    ("source", "repository", "says"),
    [
        ("mine", "forks", "'forks' is not the name of a repository"),
        ("mine", "../x", "is not the name of a repository"),
        ("nothing", "ann/forks", "has no run nothing"),
        ("evaluate-first", "ann/forks", "of the kind 'Evaluation', which keeps no adapter"),
        ("train", "ann/forks", "The run train has no adapter yet"),
    ],
)
def test_what_can_not_be_uploaded_is_said(
    source: str, repository: str, says: str, runs: Path, run: Any, hub: RecordedHub
) -> None:
    for name in ("evaluate-first", "train"):
        shutil.copytree(STORED / name, runs / name)
    with_adapter(runs, "mine")
    code, out, err = run("adapter", "push", source, repository)
    assert (code, out, says in err) == (2, "", True), err
    assert not hub.known


def test_a_distillation_s_card_has_all_three_models(runs: Path, run: Any) -> None:
    folder = Path(shutil.copytree(STORED / "distill", runs / "small"))
    shutil.copytree(DEMO_TEACHER_FOLDER, folder / "adapter")
    card = card_of(run, "small", "ann/small")
    assert header(card)["tags"] == ["lora", "distillation"]
    for name in ("base", "teacher", "student (this adapter)"):
        assert re.search(rf"^\| {re.escape(name)} \| \d\.\d+ \| \[", card, re.M), name
    assert "Controls" not in card
