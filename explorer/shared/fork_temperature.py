"""The fields for a temperature of its own at forks, and for its control."""

from __future__ import annotations

from streamlit.delta_generator import DeltaGenerator

from core.records import ForkTemperature
from explorer.shared.setting_fields import SettingFields


def fork_temperature_fields(fields: SettingFields, place: DeltaGenerator) -> ForkTemperature | None:
    """Draw the three fields; returns what they say, None where forks have no temperature of their
    own.

    Args:
        fields: of settings with `core.decoding.settings.ForkSampling`.
        place: where they stand, in one row.
    """
    left, middle, right = place.columns(3, vertical_alignment="bottom")
    found: float | None = fields.draw(
        left, "fork_temperature", step=0.1, placeholder="as elsewhere"
    )
    off = found is None
    tau: float = fields.draw(middle, "fork_tau", step=0.1, disabled=off)
    share: float | None = fields.draw(
        right, "fork_random_share", step=0.01, placeholder="at the forks", disabled=off
    )
    if found is None:
        fields.values["fork_random_share"] = None  # a control without what it controls
        return None
    return ForkTemperature(found, tau, share)
