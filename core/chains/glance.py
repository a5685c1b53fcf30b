"""A session's chain on screen, read without the rest of the session and without torch."""

from __future__ import annotations

import json
from typing import Any

from core.chain_json import chain_from_json
from core.records import Chain, Outcome


def chain_at_a_glance(session: str | bytes) -> tuple[Chain, Outcome | None] | None:
    """The selected chain of a session file, with its outcome; None where the file has none.

    `Session.loads` checks the whole file, and importing it imports torch. This reads what a page
    can draw before that.

    Raises:
        SessionError: the chain is damaged.
    """
    try:
        data: Any = json.loads(session)
        tree = data["trees"][data["current"]]
        chains = {branch["id"]: branch["chain"] for branch in tree["branches"]}
        found = chains[tree["selected"]["branch"]]
    except (ValueError, RecursionError, KeyError, IndexError, TypeError):
        return None
    return chain_from_json(found)
