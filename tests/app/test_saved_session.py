"""A session is saved with every change, and once for several that are made together."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.chains.session import Session, SessionFolder
from core.errors import ExplorerError, ResourceError
from explorer.saved_session import SavedSession

ID = "a" * 12


class Counted(SessionFolder):
    """A folder that says how often a session was saved."""

    saves = 0

    def save(self, session_id: str, session: Session) -> None:
        self.saves += 1
        super().save(session_id, session)


@pytest.fixture
def folder(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


@pytest.fixture
def opened(folder: Counted) -> SavedSession:
    return SavedSession(ID, Session(), folder)


def stored(folder: SessionFolder) -> object:
    session = folder.load(ID)
    return None if session is None else session.form


def test_every_change_of_a_field_is_saved(opened: SavedSession, folder: Counted) -> None:
    opened.keep_form("tau", 1.2)
    assert stored(folder) == {"tau": 1.2}
    opened.keep_form("tau", 1.2)
    opened.forget_form("unit")
    assert folder.saves == 1
    opened.forget_form("tau")
    assert stored(folder) == {}


def test_changes_that_are_made_together_are_saved_once(
    opened: SavedSession, folder: Counted
) -> None:
    with opened.saved_once():
        opened.keep_form("tau", 1.2)
        with opened.saved_once():
            opened.keep_form("unit", "bits")
        assert folder.saves == 0
    assert (folder.saves, stored(folder)) == (1, {"tau": 1.2, "unit": "bits"})
    opened.keep_form("tau", 1.4)
    assert folder.saves == 2
    with opened.saved_once():
        opened.keep_form("tau", 1.4)
    assert folder.saves == 2, "nothing was changed"


def test_what_was_changed_before_an_error_is_saved(opened: SavedSession, folder: Counted) -> None:
    with pytest.raises(ExplorerError), opened.saved_once():  # noqa: PT012
        opened.keep_form("tau", 1.2)
        raise ExplorerError("A file is damaged.", "Choose another one.")
    assert stored(folder) == {"tau": 1.2}


def test_a_full_disk_is_a_notice_and_the_next_save_is_whole(
    opened: SavedSession, folder: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise ResourceError("The disk is full.", "Free space there.")

    with monkeypatch.context() as patch:
        patch.setattr(Counted, "save", full)
        with opened.saved_once():
            opened.keep_form("tau", 1.2)
    assert isinstance(opened.notice, ResourceError)
    opened.keep_form("unit", "bits")
    assert stored(folder) == {"tau": 1.2, "unit": "bits"}
