"""What the app's settings change in Streamlit, and that they still have to: each test is also done
with Streamlit's own setting, and fails once that is as good."""

from __future__ import annotations

import gc
import tomllib
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from streamlit import config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner, ScriptRunnerEvent

SETTINGS = Path(__file__).resolve().parents[2] / "explorer" / ".streamlit" / "config.toml"
both = pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "streamlit's own"])


def use(patch: pytest.MonkeyPatch, section: str, name: str, is_ours: bool) -> None:
    """Give an option our value, or the one that it has without us."""
    value: Any = tomllib.loads(SETTINGS.read_text("utf-8"))[section][name]
    if not is_ours:
        value = config.get_config_options()[f"{section}.{name}"].default_val
    own = config.get_option
    patch.setattr(
        config, "get_option", lambda key: value if key == f"{section}.{name}" else own(key)
    )


@both
def test_a_large_message_is_sent_whole_whatever_a_browser_had(
    is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit sends a large message as a reference where the browser had it when it asked. After
    quick clicks the browser may have forgotten it when the answer comes, and the page ends
    ("Cached ForwardMsg MISS")."""
    use(monkeypatch, "global", "minCachedMessageSize", is_ours)
    message = ForwardMsg()
    message.delta.new_element.markdown.body = "x" * 2_000_000
    populate_hash_if_needed(message)
    assert (not message.metadata.cacheable) == is_ours


@both
def test_no_click_waits_for_a_search_of_all_objects(
    is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, "runner", "postScriptGC", is_ours)
    searched: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: searched.append(generation))
    ended = ScriptRunnerEvent.SCRIPT_STOPPED_WITH_SUCCESS
    about = MagicMock(has_script_started=False)
    ScriptRunner._on_script_finished(MagicMock(), about, ended, False, MagicMock())
    assert (not searched) == is_ours
