"""A run that another one overtakes leaves nothing in the queue that belongs elsewhere.

Streamlit sends a large message that a browser has as a reference, which names no fragment. When a
fragment runs again it deletes its unsent messages, but not such references: one that arrives where
its container is not yet there ends the page ("'setIn' cannot be called on an ElementNode").
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from streamlit import config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_cache import create_reference_msg, populate_hash_if_needed
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

SETTINGS = Path(__file__).resolve().parents[2] / "explorer" / ".streamlit" / "config.toml"
SIZE = "global.minCachedMessageSize"


@pytest.fixture(params=[True, False], ids=["ours", "streamlit's own"])
def is_ours(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_large_message_of_an_overtaken_run_is_deleted(
    is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_ours:
        ours = tomllib.loads(SETTINGS.read_text("utf-8"))["global"]["minCachedMessageSize"]
        monkeypatch.setattr(config, "get_option", {SIZE: ours}.__getitem__)
    queue = ForwardMsgQueue()
    message = ForwardMsg()
    message.delta.fragment_id = "page"
    message.delta.new_element.markdown.body = "x" * 2_000_000
    message.metadata.delta_path[:] = [0, 0, 4, 0, 0]
    populate_hash_if_needed(message)
    # as Streamlit does with what the browser has
    queue.enqueue(create_reference_msg(message) if message.metadata.cacheable else message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["page"])
    if is_ours:
        assert queue.is_empty()
    else:  # once Streamlit deletes it, our setting is not needed any more
        assert not queue.is_empty()
