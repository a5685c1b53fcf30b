"""A GGUF file is a model like any other, converted once."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from gguf_files import TEMPLATE, TOKENS, weights, write_gguf
from hub_server import Hub, hub_in_use
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from core.errors import ExplorerError, ModelError
from core.models import gguf_conversion
from core.models.facts import facts_of, read_facts
from core.models.gguf_conversion import converted
from core.models.gguf_source import GgufSource, folder_name
from core.models.language_model import LanguageModel, fetch_model, load_language_model
from core.models.spec import ModelSpec, absolute_name, gguf_on_hub, local_folder
from core.models.worker_reports import DownloadCancelledError, follow
from core.runs.models import model_fields, read_model
from core.system.environment import cache_folder


def nothing_half(cache: Path) -> bool:
    return not [path for path in cache.rglob("*") if "partial" in path.name]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gguf")


@pytest.fixture(scope="module")
def file(place: Path) -> Path:
    return write_gguf(place / "tiny.Q4_1.gguf")


@pytest.fixture(autouse=True)
def shared_cache(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Conversions of this file's tests, which take seconds each."""
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(place / "cache"))
    return place / "cache"


needs_no_process = pytest.mark.usefixtures("workers_here")


@pytest.fixture
def loaded(file: Path, workers_here: None) -> LanguageModel:
    return load_language_model(ModelSpec(str(file)))


def test_its_logits_and_tokens_are_those_of_transformers(file: Path, loaded: LanguageModel) -> None:
    plain = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
    )
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    ids = tokenizer("the 12 in the é, \n\n<s> tail", return_tensors="pt").input_ids
    with torch.no_grad():
        ours, theirs = loaded.model(ids).logits, plain(ids).logits
    assert torch.equal(ours, theirs)
    assert loaded.tokenizer.chat_template == tokenizer.chat_template == TEMPLATE
    assert loaded.eos_ids == {TOKENS.index("</s>")}


def test_its_facts_name_the_quantization(file: Path, loaded: LanguageModel) -> None:
    facts = facts_of(loaded)
    rows = dict(facts.rows())
    assert facts.source is not None
    assert facts.source.quantization == "Q4_1"
    assert "dequantised from GGUF Q4_1, tiny.Q4_1.gguf" in rows["weights"]
    assert "fine-tuning learns on the dequantised weights" in rows["weights"]
    assert rows["licence"] == "mit"
    assert facts.to_json()["source"]["quantization"] == "Q4_1"


def test_facts_are_read_without_a_conversion(
    file: Path, loaded: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(tmp_path / "none"))
    facts = read_facts(ModelSpec(str(file)))
    assert facts.parameters == loaded.parameters
    assert facts.source is not None
    assert facts.source.quantization == "Q4_1"
    assert facts.licence == "mit"
    assert not (tmp_path / "none").exists()


def test_the_second_time_nothing_is_converted(
    file: Path, loaded: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded.folder is not None
    source = GgufSource.of(loaded.folder)
    assert source is not None
    assert loaded.folder.parent.name == source.sha256
    assert loaded.folder.name == "tiny.Q4_1"  # a name says how a model likes to be asked
    with monkeypatch.context() as patch:
        patch.setattr(gguf_conversion, "follow", lambda *_, **__: pytest.fail("converted again"))
        assert fetch_model(ModelSpec(str(file))).folder == loaded.folder
    copy = Path(shutil.copy(file, tmp_path / "copy.gguf"))  # the same bytes elsewhere
    seen: list[Any] = []
    assert converted(copy, "copy", report=lambda *b: seen.append(b)) == loaded.folder
    assert [what for _, _, what in seen] == ["converting"] * len(seen)


def test_it_is_the_same_model_from_anywhere(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    fields = model_fields(ModelSpec(file.name))
    assert fields["model"] == str(file) == absolute_name(file.name)
    monkeypatch.chdir(tmp_path)
    assert local_folder(read_model(fields).model) == file
    monkeypatch.setenv("HOME", str(file.parent))
    assert local_folder(f"~/{file.name}") == file
    with pytest.raises(ModelError, match="no revisions"):
        load_language_model(ModelSpec(str(file), revision="main"))


def test_a_conversion_reports_and_can_be_cancelled_without_a_trace(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(cache))
    started = time.monotonic()
    seen: list[int] = []

    def cancelled() -> bool:
        begun = any(cache.rglob("*.partial"))  # in the middle of it
        return begun or time.monotonic() - started > 240

    with pytest.raises(DownloadCancelledError, match=r"conversion of x\.gguf was stopped"):
        converted(file, "x.gguf", report=lambda done, *_: seen.append(done), cancelled=cancelled)
    assert seen[0] == 0
    assert nothing_half(cache)
    assert not list(cache.rglob("config.json"))


def test_a_killed_process_leaves_nothing_that_loads(
    file: Path, loaded: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes at once end with one folder, also when a third one was killed before; it is
    the one that a conversion in this process makes."""
    monkeypatch.setattr(gguf_conversion, "follow", follow)  # processes, as in the app
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(tmp_path / "cache"))
    sha = "0" * 64
    root = tmp_path / "cache" / "gguf"
    (root / f"{sha}.left.partial").mkdir(parents=True)
    with ThreadPoolExecutor(2) as both:
        (folder,) = set(both.map(converted, [file] * 2, "xx"))
    assert GgufSource.of(folder) is not None
    assert list(root.glob("*.partial")) == [root / f"{sha}.left.partial"]
    assert loaded.folder is not None
    one, other = (
        {each.name: each.read_bytes() for each in of.iterdir()} for of in (folder, loaded.folder)
    )
    assert one == other


@needs_no_process
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("nan", r"damaged: model\.layers\.1\.self_attn\.q_proj\.weight has a NaN"),
        ("missing", r"1 missing \(model\.layers\.1\.self_attn\.q_proj\.weight\)"),
        ("shape", "1 of another shape"),
    ],
)
def test_weights_that_make_no_model_are_refused(tmp_path: Path, spoil: str, says: str) -> None:
    name = "blk.1.attn_q.weight"
    tensors = weights()
    match spoil:
        case "nan":
            tensors[name] = np.full_like(tensors[name], np.nan)
        case "missing":
            del tensors[name]
        case "shape":
            tensors[name] = np.ones((96, 64), np.float32)
    path = write_gguf(tmp_path / "bad.gguf", tensors=tensors)
    with pytest.raises(ModelError, match=says):
        load_language_model(ModelSpec(str(path)))
    assert nothing_half(cache_folder())


def test_a_full_disk_is_said_before_anything_is_written(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.models import gguf_worker
    from core.models.worker_reports import FaultError

    monkeypatch.setattr(gguf_worker.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(FaultError) as caught:
        gguf_worker._check_room(tmp_path, 10**9)
    said = gguf_conversion._explain("x.gguf", caught.value.reply)
    assert "needs 1.1 GB on the disk" in said.what.replace("need ", "needs ")
    assert "FORK_EXPLORER_CACHE" in said.remedy
    monkeypatch.undo()
    monkeypatch.setattr(
        gguf_worker.psutil, "virtual_memory", lambda: SimpleNamespace(available=10**6)
    )
    with pytest.raises(FaultError) as caught:
        gguf_worker._check_room(tmp_path, 10**9)
    assert "2.0 GB of memory" in gguf_conversion._explain("x.gguf", caught.value.reply).what


def test_a_cache_that_can_not_be_written_is_a_sentence(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(tmp_path / "file"))
    with pytest.raises(ExplorerError, match="can't be written"):
        converted(file, "x.gguf")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("owner/model:model.Q4_1.gguf", ("owner/model", "model.Q4_1.gguf")),
        ("owner/model:../model.gguf", None),
        ("owner/model:sub/model.gguf", None),
        ("owner/model:model.safetensors", None),
        ("../model:model.gguf", None),
        ("C:model.gguf", ("C", "model.gguf")),
        ("model.gguf", None),
    ],
)
def test_a_file_on_the_hub_is_named_after_its_repository(
    name: str, found: tuple[str, str] | None
) -> None:
    assert gguf_on_hub(name) == found


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_in_use(monkeypatch, tmp_path / "huggingface") as hub:
        yield hub


@needs_no_process
def test_a_file_of_the_hub_is_a_model(
    hub: Hub, file: Path, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(file, folder)
    (folder / "other.gguf").write_bytes(b"GGUF")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    hub.add("owner/tiny", folder)
    name = f"owner/tiny:{file.name}"
    lm = load_language_model(ModelSpec(name))
    assert lm.name == name == absolute_name(name)
    assert lm.folder is not None
    assert lm.folder.name == "tiny.Q4_1"
    assert facts_of(lm).source == GgufSource.of(lm.folder)
    assert [request.path.rpartition("/")[2] for request in hub.requests if request.sent] != []
    assert not hub.fetched("other.gguf")
    hub.status = 500  # from here on the cache has all
    assert load_language_model(ModelSpec(name)).folder == lm.folder
    code, out, _ = run("download", name)
    assert code == 0
    assert out.strip().endswith(file.name)
    hub.status = None
    with pytest.raises(ModelError, match="has no file of that name") as caught:
        load_language_model(ModelSpec("owner/tiny:missing.gguf"))
    assert "owner/tiny:other.gguf" in caught.value.remedy
    with pytest.raises(ModelError, match="holds GGUF files") as caught:
        load_language_model(ModelSpec("owner/tiny"))
    assert "owner/tiny:other.gguf" in caught.value.remedy


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Qwen2.5-0.5B-Instruct.Q4_K_M.gguf", "Qwen2.5-0.5B-Instruct.Q4_K_M"),
        ("my model (é).gguf", "my-model"),
        (".gguf", "model"),
        ("...gguf", "model"),
        ("x" * 300 + ".gguf", "x" * 100),
    ],
)
def test_a_folder_is_called_as_its_file(file: str, name: str) -> None:
    assert folder_name(file) == name


def test_what_a_folder_was_converted_from_is_read_with_care(tmp_path: Path) -> None:
    for text in ("", "[]", '{"file": 1, "sha256": "", "quantization": ""}', '{"file": "x"}'):
        (tmp_path / "gguf.json").write_text(text)
        assert GgufSource.of(tmp_path) is None
    GgufSource("x", "0" * 64, "Q4_1").write(tmp_path)
    assert json.loads((tmp_path / "gguf.json").read_text())["quantization"] == "Q4_1"
