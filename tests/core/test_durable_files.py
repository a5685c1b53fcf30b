"""Files that are written in one step: whole at any moment, at the place and with the rights that a
person gave them."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core.chains.session import Session, SessionFolder
from core.cli.files import check_writable, write_out
from core.errors import ExplorerError, FileError
from core.problems.problem_sets import write_problems
from core.records import Problem
from core.system.durable_files import replace_file

ID = "a" * 12
WRITERS: dict[str, Callable[[Path], None]] = {
    "a session": lambda path: SessionFolder(path.parent).save(path.stem, Session()),
    "problems": lambda path: write_problems(path, [Problem("p", "1 + 1?", "2")]),
    "--out": lambda path: write_out(path, "{}"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / f"{ID}.json"
    path.write_text("old")
    return path


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(
    write: Callable[[Path], None], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.system.durable_files.os.fsync", full)
    with pytest.raises(ExplorerError, match="No space left on device"):
        write(file)
    assert os.listdir(file.parent) == [file.name]
    assert file.read_text() == "old"
    monkeypatch.undo()
    write(file)
    assert os.listdir(file.parent) == [file.name]
    assert file.read_text() != "old"


@pytest.mark.skipif(sys.platform == "win32", reason="other rights there")
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_file_keeps_its_permissions(write: Callable[[Path], None], file: Path) -> None:
    file.chmod(0o640)
    write(file)
    assert rights(file) == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="other rights there")
def test_only_its_owner_reads_a_new_session(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        SessionFolder(tmp_path).save(ID, Session())
        replace_file(tmp_path / "public", b"")
    finally:
        os.umask(umask)
    assert rights(tmp_path / f"{ID}.json") == 0o600
    assert rights(tmp_path / "public") == 0o644


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nowhere"])
def test_a_link_stays_and_its_file_is_written(tmp_path: Path, there: bool) -> None:
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    link.symlink_to(target)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    replace_file(pipe, b"new")
    reader.join()
    assert found == [b"new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_threads_that_write_one_file_at_once_each_write_it_whole(file: Path) -> None:
    contents = [letter * 10_000 for letter in (b"a", b"b", b"c", b"d")]
    errors: list[BaseException] = []

    def write(content: bytes) -> None:
        try:
            for _ in range(4):
                replace_file(file, content)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    seen = {file.read_bytes() for _ in range(100)}
    for thread in threads:
        thread.join()
    assert not errors
    assert seen <= {b"old", *contents}
    assert file.read_bytes() in contents
    assert os.listdir(file.parent) == [file.name]


def test_an_out_whose_folder_takes_no_new_file_is_refused_before_the_work(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is replaced by a new one beside it; tests may run as root, who may write anywhere."""
    check_writable(file)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != file.parent)
    with pytest.raises(FileError, match="can't be written"):
        check_writable(file)
    check_writable(Path(os.devnull))
    assert file.read_text() == "old"
