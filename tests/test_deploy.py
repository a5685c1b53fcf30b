"""What other machines start, and what is said about it, fits the program."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from core.cli import app
from core.cli.serving import ALLOW_HOST, NEEDED
from core.models.catalogue import MODELS
from core.system.terminal_text import in_bytes

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
ADAPTERS = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    """The arguments of a Dockerfile's instructions of one name, with their lines joined."""
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    return [line.partition(" ")[2].strip() for line in joined.split("\n") if line.startswith(name)]


def front_matter(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text.split("---\n")[1])
    assert isinstance(found, dict)
    return found


def option_names(words: list[str]) -> set[str]:
    """The options that a command of the program knows, by the words that call it."""
    found: Any = typer.main.get_command(app)
    while words and words[0] in getattr(found, "commands", {}):
        found, words = found.commands[words[0]], words[1:]
    assert not getattr(found, "commands", {}), words
    return {name for each in found.params for name in each.opts}


def test_the_image_starts_the_app_on_the_port_that_it_exposes() -> None:
    command = json.loads(instructions("CMD")[-1])
    assert command[:2] == ["fork-explorer", "app"]
    assert {each for each in command if each.startswith("--")} <= option_names(["app"])
    port = command[command.index("--port") + 1]
    assert command[command.index("--address") + 1] == "0.0.0.0"
    assert instructions("EXPOSE") == [port]
    (check,) = instructions("HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/_stcore/health" in check
    assert f":{port}:{port}" in DEPLOY


def test_the_image_runs_as_a_user_who_may_write_where_data_are_kept() -> None:
    assert instructions("USER") == ["explorer"]
    (made,) = [each for each in instructions("RUN") if "useradd" in each]
    assert "--uid 1000" in made
    assert "chown explorer /data" in made
    assert "FORK_EXPLORER_HOME=/data" in instructions("ENV")[-1]


def test_the_image_has_all_that_the_package_is_built_of() -> None:
    copied = {
        name
        for line in instructions("COPY")
        if not line.startswith("--from")
        for name in line.split()[:-1]
    }
    packages = {name.split(".")[0] for name in ("core", "explorer", "pages", "sample_data")}
    assert copied == packages | {"constraints.txt", "pyproject.toml", "README.md", "LICENSE"}
    assert {Path(each).parts[0] for each in NEEDED} <= copied
    assert not [name for name in copied if not (ROOT / name).exists()]
    kept = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    assert kept == copied, "what is not kept can't be copied"


def test_the_image_installs_extras_that_there_are_at_the_tested_versions() -> None:
    installs = [each for each in instructions("RUN") if "pip install" in each]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in each for each in installs)
    (extras,) = re.findall(r'"\.\[([\w,-]+)\]"', installs[1])
    assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()


def test_the_header_of_the_space_is_what_its_page_says() -> None:
    header = front_matter(read("docs/space/README.md"))
    shown = yaml.safe_load("".join(re.findall(r"```yaml\n(.*?)```", DEPLOY, re.S)))
    assert shown == {"sdk": "docker", "app_port": 8501}
    assert shown.items() <= header.items()
    assert str(header["app_port"]) in instructions("EXPOSE")
    assert len(header["short_description"]) <= 60, "the hub's limit"
    assert {"title", "emoji", "colorFrom", "colorTo", "license"} <= header.keys()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_space_makes_a_folder_that_the_image_can_be_built_of(tmp_path: Path) -> None:
    folder = tmp_path / "a space"
    made = subprocess.run(
        ["make", "space", f"SPACE={folder}"], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    for line in instructions("COPY"):
        if not line.startswith("--from"):
            assert all((folder / name).exists() for name in line.split()[:-1]), line
    assert not [each for each in NEEDED if not (folder / each).is_file()]
    assert (folder / "README.md").read_text(encoding="utf-8") == read("docs/space/README.md")
    assert not (folder / "tests").exists()
    assert not (folder / "sample_data" / "build").exists()


def test_community_cloud_gets_every_dependency() -> None:
    lines = [line for line in read("cloud/requirements.txt").splitlines() if line[:1] != "#"]
    assert lines[0] == "-c ../constraints.txt"
    assert (ROOT / "cloud" / lines[0].removeprefix("-c ")).is_file()
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["gguf"], *extras["pictures"]]
    assert lines[1:] == [each.split(">=")[0] for each in wanted]


def test_community_cloud_has_the_app_s_settings_but_for_who_may_call() -> None:
    own = tomllib.loads(read("explorer/.streamlit/config.toml"))
    cloud = tomllib.loads(read("cloud/.streamlit/config.toml"))
    assert own["server"].pop("address") == "127.0.0.1"
    hosts = own["server"].pop("allowedHosts")
    assert cloud["server"].pop("allowedHosts") == ["*.streamlit.app", *hosts]
    assert cloud == own


def test_what_community_cloud_starts_is_the_app() -> None:
    (entry,) = re.findall(r"file `(cloud/[\w./]+)`", DEPLOY)
    text = read(entry)
    assert 'parents[1] / "explorer" / "app.py"' in text
    assert (Path(ROOT / entry).resolve().parents[1] / "explorer" / "app.py").is_file()


def test_the_memory_of_each_model_is_its_parameters() -> None:
    rows = dict(re.findall(r"^\| (\S+) \| (.*) \|$", DEPLOY, re.M))
    listed = [each for each in MODELS if each.model in rows]
    assert [each.model for each in listed] == [each.model for each in MODELS if each.model in rows]
    assert len(listed) >= 4
    for each in listed:
        sizes = f"{in_bytes(2 * each.parameters)} | {in_bytes(4 * each.parameters)} |"
        assert rows[each.model].startswith(sizes), each.model


def test_paths_targets_variables_and_commands_that_are_named_exist() -> None:
    makefile = read("Makefile")
    for text in (DEPLOY, ADAPTERS, read("CHANGELOG.md")):
        for path in re.findall(r"`((?:cloud|docs|explorer)/[\w./-]+|Dockerfile)`", text):
            assert (ROOT / path).exists(), path
        for target in re.findall(r"\]\((?!http)([^)#]+)", text):
            assert any((ROOT / place / target).exists() for place in (".", "docs")), target
        for name in re.findall(r"\bmake ([a-z-]+)", text):
            assert re.search(rf"^{name}:", makefile, flags=re.M), name
        for line in re.findall(r"`?(fork-explorer (?:adapter|app|model|runs)\b[^`\n]*)", text):
            words = shlex.split(line)[1:]
            given = {each for each in words if each.startswith("-")}
            assert given <= option_names(words), line
    assert set(re.findall(r"FORK_EXPLORER_ALLOW_HOST|SPACE_HOST", DEPLOY)) == set(ALLOW_HOST)


def test_the_citation_has_what_its_schema_requires() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    known = {
        "abstract", "authors", "cff-version", "contact", "date-released", "doi", "identifiers",
        "keywords", "license", "license-url", "message", "preferred-citation", "references",
        "repository", "repository-artifact", "repository-code", "title", "type", "url", "version",
    }  # fmt: skip
    assert citation.keys() <= known
    assert citation["type"] in ("software", "dataset")
    assert citation["authors"]
    assert all(each.keys() == {"name"} and each["name"] for each in citation["authors"])
    assert citation["license"] == PROJECT["license"]
    assert all(isinstance(each, str) for each in citation["keywords"])
    assert len(set(citation["keywords"])) == len(citation["keywords"])


def test_the_version_stands_in_one_place_and_the_changelog_begins_with_it(run: Any) -> None:
    version = PROJECT["version"]
    (newest, *_) = re.findall(r"^## (\S+)", read("CHANGELOG.md"), flags=re.M)
    assert newest == version
    assert "version:" not in read("CITATION.cff").replace("cff-version:", "")
    assert run("--version") == (0, f"{version}\n", "")
