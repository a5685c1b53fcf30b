"""What the components on a page under AppTest were sent."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def component_messages(app: AppTest) -> list[Any]:
    """The messages of the components on the page, decoded, in order; a component without a
    message, like the listener to `?`, has none."""
    sent = [each.proto.json for each in app.get("bidi_component")]
    return [json.loads(each) for each in sent if each]
