"""What the app keeps of what Streamlit would delete; and that it still has to: the tests are also
done with Streamlit's own queue, and fail once that is as good."""

from __future__ import annotations

import pytest
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from explorer import unsent_messages

both = pytest.mark.parametrize("is_ours", [True, False], ids=["ours", "streamlit's own"])


def use(patch: pytest.MonkeyPatch, is_ours: bool) -> None:
    """Our queue, or Streamlit's own."""
    patch.setattr(ForwardMsgQueue, "clear", unsent_messages._clear)
    if is_ours:
        unsent_messages.send_all_that_was_drawn()


def begun(run: str) -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.name = run
    return message


def ended(status: int = ForwardMsg.FINISHED_SUCCESSFULLY) -> ForwardMsg:
    return ForwardMsg(script_finished=status)  # type: ignore[arg-type]


def drawn(path: list[int], fragment: str = "", text: str | None = None) -> ForwardMsg:
    """A container at a place of the page, or a text in it."""
    delta = Delta(fragment_id=fragment)
    if text is None:
        delta.add_block.allow_empty = True
    else:
        delta.new_element.markdown.body = text
    message = ForwardMsg(delta=delta)
    message.metadata.delta_path[:] = path
    return message


def queued(*messages: ForwardMsg) -> ForwardMsgQueue:
    queue = ForwardMsgQueue()
    for message in messages:
        queue.enqueue(message)
    return queue


@both
def test_a_part_that_is_drawn_again_leaves_the_page_before_it_whole(
    is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the part's own messages, what stands below it moves into its place in the browser
    when the page's run ends, and is then drawn over."""
    use(monkeypatch, is_ours)
    page = [
        begun("page"),
        drawn([0, 0], text="head"),
        drawn([0, 1], "part"),
        drawn([0, 1, 0], "part", "table"),
        drawn([0, 2]),
        drawn([0, 2, 0], text="side by side"),
        ended(),
    ]
    queue = queued(*page)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["part"])
    again = [
        begun("part"),
        drawn([0, 1, 0], "part", "table, again"),
        ended(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY),
    ]
    for message in again:
        queue.enqueue(message)
    assert (queue.flush() == [*page, *again]) == is_ours


@both
def test_an_inner_part_never_comes_before_the_one_around_it(
    is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be put where the page of before has a text: the browser ends the page."""
    use(monkeypatch, is_ours)
    first = [
        begun("outer part"),
        drawn([0, 1, 0], "outer", "a line that was not there"),
        drawn([0, 1, 1], "outer"),
        drawn([0, 1, 1, 0], "inner"),
        drawn([0, 1, 1, 0, 0], "inner", "table"),
        ended(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY),
    ]
    queue = queued(*first)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["outer"])
    places = [tuple(each.metadata.delta_path) for each in queue.flush() if each.HasField("delta")]
    inner = places.index((0, 1, 1, 0))
    assert ((0, 1, 1) in places[:inner]) == is_ours


@both
def test_a_run_of_the_whole_page_deletes_what_is_not_yet_sent(
    is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, is_ours)
    queue = queued(begun("page"), drawn([0, 0], text="head"), ended())
    queue.clear(retain_lifecycle_msgs=True)
    kinds = [each.WhichOneof("type") for each in queue.flush()]
    assert kinds == ["new_session", "script_finished"]
    assert queue.is_empty()
