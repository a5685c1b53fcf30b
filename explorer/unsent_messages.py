"""What Streamlit has drawn and not yet sent, when a part of the page is drawn again.

Streamlit deletes what it has not yet sent of that part. A browser then gets a run of the whole page
without the part, puts what follows into the part's place, and the part over that; or it gets an
inner part before the one around it, and the page goes blank. Here everything is sent, in the order
in which it was drawn: a page is then as it was after each run, one after another.
"""

from __future__ import annotations

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_clear = ForwardMsgQueue.clear


def send_all_that_was_drawn() -> None:
    """From now on, a part that is drawn again deletes nothing of what was drawn before.

    A run of the whole page still deletes all that is not yet sent: it draws everything again.
    """
    ForwardMsgQueue.clear = _keep  # type: ignore[method-assign]


def _keep(
    self: ForwardMsgQueue,
    retain_lifecycle_msgs: bool = False,
    fragment_ids_this_run: list[str] | None = None,
) -> None:
    if fragment_ids_this_run is None:
        _clear(self, retain_lifecycle_msgs)
    else:
        self._delta_index_map = {}  # a later message must not take the place of an earlier one
