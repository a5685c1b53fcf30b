"""What components on a page are sent, decoded."""

from __future__ import annotations

import json
from base64 import b64decode
from struct import calcsize, unpack
from typing import Any

from streamlit.testing.v1 import AppTest

_LETTERS = {"i2": "h", "u2": "H", "i4": "i", "u4": "I"}


def component_messages(app: AppTest) -> list[Any]:
    """The messages of the components on a page under AppTest, in order; a component without a
    message, like the listener to `?`, has none."""
    sent = [each.proto.json for each in app.get("bidi_component")]
    return [json.loads(each) for each in sent if each]


def unpacked(column: list[str]) -> list[int]:
    """The numbers of a packed column, read with the standard library."""
    kind, text = column
    data = b64decode(text)
    letter = _LETTERS[kind]
    return list(unpack(f"<{len(data) // calcsize(letter)}{letter}", data))
