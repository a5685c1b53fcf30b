"""Models from the hub, with huggingface_hub's real client against a hub on localhost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hub_server import Hub, Repository, hub_in_use, running_hub
from hypothesis import given
from hypothesis import strategies as st
from models import byte_level_tokenizer, random_qwen3, save_tiny_model
from peft import LoraConfig, get_peft_model

from core.decoding.loop import Row, decode
from core.errors import ExplorerError, ModelError
from core.models import hub_worker
from core.models.files import stored_bytes
from core.models.hub_download import DownloadCancelledError, download
from core.models.hub_files import UnfitError, wanted_files
from core.models.language_model import fetch_model, load_language_model
from core.models.spec import ModelSpec
from core.records import Sampler

MEGABYTE = 1 << 20
SECRET = "hf_secretSecretSecret"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ten megabytes."""
    return save_tiny_model(tmp_path_factory.mktemp("model"), padding=40_000)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("small"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "huggingface"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Hub]:
    with hub_in_use(monkeypatch, cache) as hub:
        yield hub


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def same_files(got: Path, want: Path) -> bool:
    return all((got / path.name).read_bytes() == path.read_bytes() for path in want.iterdir())


def test_a_model_is_fetched_with_its_progress_and_loads(hub: Hub, folder: Path) -> None:
    hub.add("owner/model", folder)
    seen: list[tuple[int, int]] = []
    spec = ModelSpec("owner/model")
    lm = load_language_model(spec, fetch_model(spec, report=lambda *b: seen.append(b)))
    done = [d for d, _ in seen]
    assert {total for _, total in seen} == {size(folder)}
    assert done == sorted(done)
    assert done[0] == 0
    assert done[-1] == size(folder)
    assert len([d for d in done if 0 < d < size(folder)]) >= 10, "ten megabytes, one a step"
    assert lm.folder is not None
    assert same_files(lm.folder, folder)
    row = Row((5, 6, 7))
    sampler = Sampler(max_new_tokens=8)
    local = load_language_model(ModelSpec(str(folder)))
    assert decode(lm, [row], sampler)[0].token_ids == decode(local, [row], sampler)[0].token_ids


def test_only_what_a_safe_load_needs_is_fetched(hub: Hub, small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path / "model")
    torch.save({}, tmp_path / "model" / "pytorch_model.bin")
    (tmp_path / "model" / "modeling_mine.py").write_text("raise SystemExit('remote code ran')")
    (tmp_path / "model" / "onnx").mkdir()
    (tmp_path / "model" / "onnx" / "config.json").write_text("{}")
    (tmp_path / "model" / "README.md").write_text("# A model")
    hub.add("owner/model", tmp_path / "model")
    got = download("owner/model")
    assert {path.name for path in got.rglob("*")} == {path.name for path in small.iterdir()} | {
        "README.md"
    }


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_broken_connection_is_resumed_where_it_broke(hub: Hub, folder: Path, reset: bool) -> None:
    hub.add("owner/model", folder)
    hub.breaks, hub.reset = 2, reset
    got = download("owner/model")
    assert hub.breaks == 0
    assert same_files(got, folder)
    asked = hub.fetched("model.safetensors")
    assert asked[0].range is None
    starts = [int((r.range or "").removeprefix("bytes=").rstrip("-")) for r in asked[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1]
    whole = (folder / "model.safetensors").stat().st_size
    assert sum(r.sent for r in asked) < whole + 3 * MEGABYTE


def test_a_cancelled_download_leaves_no_model_and_can_be_completed(
    hub: Hub, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("owner/model", folder)
    hub.bytes_a_second = 4 * MEGABYTE
    done = 0

    def report(bytes_done: int, _: int) -> None:
        nonlocal done
        done = bytes_done

    with pytest.raises(DownloadCancelledError, match="was stopped"):
        fetch_model(ModelSpec("owner/model"), report=report, cancelled=lambda: done > 2 * MEGABYTE)
    assert 2 * MEGABYTE < done < size(folder)
    assert not list(cache.rglob("*.incomplete"))
    assert not list(cache.rglob("model.safetensors"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="incomplete on this machine"):
        load_language_model(ModelSpec("owner/model"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    hub.bytes_a_second = None
    hub.requests.clear()
    assert load_language_model(ModelSpec("owner/model")).vocab_size == 40_320
    assert not hub.fetched("config.json"), "what was complete is kept"


def test_a_download_is_cancelled_while_the_hub_says_nothing(hub: Hub, folder: Path) -> None:
    hub.add("owner/model", folder)
    hub.bytes_a_second = 1.0  # the first piece is the last one for hours
    asked = False

    def cancelled() -> bool:
        nonlocal asked
        asked = bool(hub.requests) and hub.requests[-1].path.endswith("model.safetensors")
        return asked

    with pytest.raises(DownloadCancelledError):
        download("owner/model", cancelled=cancelled)


@pytest.mark.parametrize("pinned", ["v1", "main", None])
def test_a_revision_is_what_is_loaded(hub: Hub, tmp_path: Path, pinned: str | None) -> None:
    for seed, revision in enumerate(("main", "v1")):
        lm_folder = tmp_path / revision
        random_qwen3(320, seed=seed).save_pretrained(lm_folder)
        byte_level_tokenizer().save_pretrained(lm_folder)
        hub.add("owner/model", lm_folder, revision)
    lm = load_language_model(ModelSpec("owner/model", revision=pinned))
    assert lm.folder is not None
    assert same_files(lm.folder, tmp_path / (pinned or "main"))
    commit = lm.folder.name
    hub.requests.clear()
    again = load_language_model(ModelSpec("owner/model", revision=commit))
    assert again.folder == lm.folder
    assert not [r for r in hub.requests if "agent" not in r.path], "a commit never changes"


def test_a_model_in_the_cache_needs_no_hub(hub: Hub, small: Path) -> None:
    hub.add("owner/model", small)
    got = download("owner/model")
    hub.status = 503
    assert download("owner/model") == got


def test_a_model_in_the_cache_loads_when_nobody_answers(
    cache: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_HOME", str(cache))
    with running_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.add("owner/model", small)
        got = download("owner/model")
    assert load_language_model(ModelSpec("owner/model")).folder == got
    with pytest.raises(ModelError, match=r"the hub can't be reached: no server answers"):
        download("owner/other")


def test_a_hub_that_never_answers_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.silence = 3.0
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "1")
    with pytest.raises(ModelError, match=r"the hub can't be reached: it takes too long"):
        download("owner/model")


def private(hub: Hub, folder: Path) -> None:
    hub.add("owner/model", folder, token=SECRET)


def gated(hub: Hub, folder: Path) -> None:
    hub.add("owner/model", folder, token=SECRET, gated=True)


def public(hub: Hub, folder: Path) -> None:
    hub.add("owner/model", folder)


def nothing(hub: Hub, folder: Path) -> None:
    pass


def broken(hub: Hub, folder: Path) -> None:
    hub.status = 500


OTHER = "hf_otherOtherOther"
REFUSALS: dict[str, tuple[Callable[[Hub, Path], None], str | None, str | None, str, str]] = {
    "no such model": (nothing, None, None, "has no public model owner/model", "HF_TOKEN"),
    "private, no token": (private, None, None, "has no public model", "HF_TOKEN"),
    "private, another's token": (private, OTHER, None, "that your token may read", "private"),
    "gated, no token": (gated, None, None, "require that you accept their conditions", "HF_TOKEN"),
    "gated, not accepted": (gated, OTHER, None, "not given you access", "Accept"),
    "no token at all": (public, "nonsense-token", None, "does not accept your token", "valid"),
    "no such revision": (public, None, "v9", "no such branch, tag or commit", "omit the"),
    "out of order": (broken, None, None, "status 500", "network"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_the_hub_refuses_is_explained(
    hub: Hub, small: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    prepare, token, revision, says, remedy = REFUSALS[what]
    prepare(hub, small)
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(ModelError) as caught:
        load_language_model(ModelSpec("owner/model", revision=revision))
    assert says in caught.value.what
    assert remedy in caught.value.remedy
    assert token is None or token not in "".join(traceback.format_exception(caught.value))


def test_a_private_model_loads_by_its_token_which_is_kept_nowhere(
    hub: Hub, small: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    private(hub, small)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    lm = load_language_model(ModelSpec("owner/model"))
    assert {r.token for r in hub.fetched("model.safetensors")} == {SECRET}
    assert SECRET not in repr(lm.spec)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_shards_are_fetched_and_a_missing_one_is_named(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    sharded = tmp_path / "sharded"
    lm = load_language_model(ModelSpec(str(folder)))
    lm.model.save_pretrained(sharded, max_shard_size="6MB")
    lm.tokenizer.save_pretrained(sharded)
    shards = sorted(sharded.glob("model-*.safetensors"))
    assert len(shards) == 2
    hub.add("owner/model", sharded)
    fetched = load_language_model(ModelSpec("owner/model"))
    for name, weight in lm.model.state_dict().items():
        assert torch.equal(fetched.model.state_dict()[name], weight)
    tensors = sum(weight.nbytes for weight in lm.model.state_dict().values())
    assert stored_bytes(sharded) == tensors
    shards[1].unlink()
    with pytest.raises(ModelError, match=r"lacks 1 of its 2 files of weights \(model-00002"):
        load_language_model(ModelSpec(str(sharded)))


def unfit(folder: Path, what: str) -> Path:
    weights = folder / "model.safetensors"
    match what:
        case "pickled":
            weights.rename(folder / "pytorch_model.bin")
        case "gguf":
            shutil.rmtree(folder)
            folder.mkdir()
            (folder / "model-Q4_K_M.gguf").write_bytes(b"GGUF")
        case "adapter":
            (folder / "config.json").rename(folder / "adapter_config.json")
            weights.rename(folder / "adapter_model.safetensors")
        case "weights only":
            (folder / "config.json").unlink()
    return folder


@pytest.mark.parametrize(
    ("what", "says", "remedy"),
    [
        ("pickled", "are pickled", "safetensors"),
        ("gguf", "holds GGUF files", "owner/model:model-Q4_K_M.gguf"),
        ("adapter", "is an adapter", "the model it was trained on"),
        ("weights only", "holds no model", "config.json"),
    ],
)
def test_a_repository_that_can_not_be_loaded_is_refused_before_it_is_fetched(
    hub: Hub, small: Path, tmp_path: Path, what: str, says: str, remedy: str
) -> None:
    shutil.copytree(small, tmp_path / "model")
    hub.add("owner/model", unfit(tmp_path / "model", what))
    with pytest.raises(ModelError) as caught:
        load_language_model(ModelSpec("owner/model"))
    assert says in caught.value.what
    assert remedy in caught.value.remedy
    assert not [r for r in hub.requests if "resolve" in r.path]


def test_the_same_hub_has_data_sets(hub: Hub, tmp_path: Path) -> None:
    """With the client of `datasets`, in a process that reads the hub's address anew."""
    if find_spec("datasets") is None:
        pytest.skip("the package datasets is not installed")
    rows = [{"question": f"{n} + 1?", "answer": f"#### {n + 1}"} for n in range(5)]
    data = tmp_path / "sums" / "data"
    data.mkdir(parents=True)
    (data / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (data / "train.jsonl").write_text(json.dumps(rows[0]))
    hub.add("owner/sums", tmp_path / "sums", kind="datasets", token=SECRET)
    code = "import datasets, json; d = datasets.load_dataset('owner/sums')['test']; "
    code += "print(json.dumps(d[:]))"
    for token, found in ((OTHER, False), (SECRET, True)):
        ended = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "HF_TOKEN": token},
            capture_output=True,
            text=True,
        )
        assert (ended.returncode == 0) == found, ended.stderr
        if found:
            columns = json.loads(ended.stdout)
            assert columns == {name: [row[name] for row in rows] for name in rows[0]}
    with pytest.raises(ModelError, match="has no public model owner/sums"):
        download("owner/sums")


def adapter_of(folder: Path, hidden: int) -> Path:
    model = random_qwen3(320, hidden=hidden)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"]))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=2.0)
    adapted.peft_config["default"].base_model_name_or_path = "owner/base"
    adapted.save_pretrained(folder)
    return folder


def test_an_adapter_from_the_hub_goes_onto_its_base(hub: Hub, small: Path, tmp_path: Path) -> None:
    hub.add("owner/base", small)
    hub.add("owner/adapter", adapter_of(tmp_path / "right", 32))
    hub.add("owner/wide", adapter_of(tmp_path / "wide", 64))
    base = load_language_model(ModelSpec("owner/base"))
    tuned = load_language_model(ModelSpec("owner/base", "owner/adapter"))
    row, sampler = Row((5, 6, 7, 8)), Sampler(max_new_tokens=1)
    (a,), (b,) = decode(base, [row], sampler), decode(tuned, [row], sampler)
    assert a.statistics.entropy[0] != pytest.approx(b.statistics.entropy[0], abs=1e-3)
    with pytest.raises(ModelError) as caught:
        load_language_model(ModelSpec("owner/base", "owner/wide"))
    assert "owner/wide does not fit" in caught.value.what
    assert "another version of owner/base" in caught.value.remedy
    with pytest.raises(ModelError, match="is not a LoRA adapter"):
        load_language_model(ModelSpec("owner/base", "owner/base"))


@pytest.mark.parametrize("revision", ["../../x", "/etc/passwd", "a//b", "", "x y", "-q", "a\n"])
def test_a_revision_that_is_a_path_is_refused(hub: Hub, revision: str) -> None:
    with pytest.raises(ModelError, match="not the name of a branch"):
        download("owner/model", revision)
    assert hub.requests == []


@pytest.mark.parametrize(
    "name", ["owner/..", "owner/.", "../model", "owner/../model", "/etc", "a/b/c", "a--b/c", "a\n"]
)
def test_a_name_that_is_a_path_never_reaches_the_hub(hub: Hub, name: str) -> None:
    for spec in (ModelSpec(name), ModelSpec(adapter=name)):
        with pytest.raises(ModelError):
            load_language_model(spec)
    assert hub.requests == []


def test_a_hub_that_names_a_path_for_a_commit_is_not_followed(
    hub: Hub, small: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("owner/model", small)
    monkeypatch.setattr(Repository, "commit", lambda *_: "../../../evil")
    monkeypatch.setattr(Repository, "folder", lambda *_: small)
    with pytest.raises(ModelError, match="it names no commit"):
        download("owner/model")
    assert not list(cache.rglob("*.safetensors"))


def test_a_local_folder_has_no_revisions(small: Path) -> None:
    for model in (str(small), "demo"):
        with pytest.raises(ModelError, match="has no revisions"):
            load_language_model(ModelSpec(model, revision="main"))


def test_a_full_disk_is_told_before_and_while_it_fills_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_worker.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    hub_worker.check_disk(10)
    with pytest.raises(hub_worker.FaultError) as caught:
        hub_worker.check_disk(11)
    assert caught.value.reply["fault"] == "disk"
    full = OSError(errno.ENOSPC, "No space left on device")
    assert hub_worker.fault_of(full)["fault"] == "disk_full"


LISTED = """
config.json model.safetensors model.safetensors.index.json tokenizer.json pytorch_model.bin x.gguf
model-00001-of-00002.safetensors adapter_config.json adapter_model.safetensors modeling_x.py
../config.json /etc/passwd ..\\vocab.json sub/model.safetensors tokenizer_x/../../a.json
"""
names = st.lists(
    st.one_of(
        st.text(min_size=1),
        st.sampled_from(LISTED.split()),
    )
)


@given(names, st.sampled_from(["model", "adapter", "facts"]))
def test_whatever_a_repository_lists_only_plain_safe_files_are_wanted(
    listed: list[str], kind: str
) -> None:
    try:
        wanted = wanted_files(listed, kind)  # type: ignore[arg-type]
    except UnfitError:
        return
    assert set(wanted) <= set(listed)
    assert not [name for name in wanted if "/" in name or "\\" in name]
    assert not [name for name in wanted if name.endswith((".bin", ".pt", ".py", ".gguf"))]
    weights = [name.endswith(".safetensors") for name in wanted]
    assert weights == sorted(weights), "the weights come last"
    assert any(weights) == (kind != "facts")


def test_an_index_can_not_name_files_elsewhere(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(small, folder)
    (folder / "model.safetensors").rename(tmp_path / "other.safetensors")
    index = {"weight_map": {"lm_head.weight": "../other.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="names a file outside it"):
        load_language_model(ModelSpec(str(folder)))


def test_links_may_lead_around_in_the_cache_and_nowhere_else(
    hub: Hub, small: Path, tmp_path: Path
) -> None:
    hub.add("owner/model", small)
    snapshot = download("owner/model")
    assert (snapshot / "model.safetensors").is_symlink()
    load_language_model(ModelSpec(str(snapshot)))
    copy = tmp_path / "model"
    shutil.copytree(small, copy)
    (copy / "README.md").symlink_to("/etc/hostname")
    with pytest.raises(ModelError, match=r"README\.md in .* links outside that folder"):
        load_language_model(ModelSpec(str(copy)))


def test_a_folder_with_a_gguf_file_points_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ExplorerError, match="holds a GGUF model, which is one file") as caught:
        load_language_model(ModelSpec(str(tmp_path)))
    assert str(tmp_path / "model.gguf") in caught.value.remedy
