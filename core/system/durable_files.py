"""Crash-safe files: after a crash, a kill or a full disk, a file is the old one or the new one.

All functions raise OSError unchanged; `disk_error` converts one into a ResourceError.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import threading
from pathlib import Path

from core.errors import ResourceError

_RESERVE_BYTES = 16 * 1024
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would turn \n into \r\n


def is_full(error: BaseException) -> bool:
    """Whether an error means that the disk or the user's quota is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def disk_error(path: Path, error: OSError) -> ResourceError:
    """The ResourceError for a file of a run that could not be written."""
    if is_full(error):
        return ResourceError(
            f"The disk is full: {path} can't be written.",
            "Free space there and resume the run; finished work is kept.",
        )
    return ResourceError(
        f"{path} can't be written ({error.strerror or error}).",
        "Check the folder and its permissions, then resume the run.",
    )


def replace_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file atomically: readers see the old content or the new, never a part.

    For a symbolic link its target is replaced; permissions are kept. A device or pipe, such as
    /dev/stdout, can't be replaced and is written directly.

    Args:
        private: make a new file readable by its owner only.

    Raises:
        OSError: the disk is full or can't be written; the old file is unchanged.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    # Threads may write the same file at the same time: the last one wins.
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.partial")
    mode = 0o600 if private else 0o666  # before the umask
    try:
        with open(partial, "wb", opener=functools.partial(os.open, mode=mode)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):  # no file yet, or a disk without permissions
            shutil.copymode(path, partial)
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def append_line(path: Path, line: bytes, *, sync: bool) -> None:
    """Append a line, given without its line end, completely or not at all.

    An incomplete last line is ended first. With `sync` the line is on disk when this returns.

    Raises:
        OSError: the disk is full or can't be written.
    """
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
    try:
        size = os.lseek(file, 0, os.SEEK_END)
        if size:
            os.lseek(file, size - 1, os.SEEK_SET)
            if os.read(file, 1) != b"\n":
                line = b"\n" + line
        data = memoryview(line + b"\n")
        try:
            while data:
                data = data[os.write(file, data) :]
            if sync:
                os.fsync(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, size)
            raise
    finally:
        os.close(file)


def end_last_line(path: Path, whole: bool) -> None:
    """End a file's last line if it is complete (`whole`); otherwise cut it off.

    Raises:
        OSError: the file can't be written.
    """
    data = path.read_bytes() if path.exists() else b""
    if not data or data.endswith(b"\n"):
        return
    with path.open("r+b") as file:
        if whole:
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
        else:
            file.truncate(data.rfind(b"\n") + 1)
        file.flush()
        os.fsync(file.fileno())


def keep_beside(path: Path, suffix: str) -> Path:
    """Keep a copy of a file's content as `path` + suffix, with a number if that name is taken.

    Raises:
        OSError: the disk is full or can't be written.
    """
    number = 1
    while True:
        beside = path.with_name(f"{path.name}{suffix}{'' if number == 1 else f'-{number}'}")
        try:
            if not beside.exists():
                try:
                    os.link(path, beside)  # takes no space
                except FileExistsError:
                    raise
                except OSError:  # a disk without links
                    shutil.copyfile(path, beside)
                return beside
        except FileExistsError:
            pass
        number += 1


def set_reserve_aside(path: Path) -> None:
    """Write a small file that can be deleted on a full disk, to make room for the final status.

    Raises:
        OSError: the disk is full or can't be written.
    """
    if not path.exists():
        replace_file(path, os.urandom(_RESERVE_BYTES))  # random: can't be compressed
