"""Form fields for the settings of a model: labels, help, bounds and defaults are the model's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from streamlit.delta_generator import DeltaGenerator

from core.system.setting import Setting, setting, typed_lines, typed_values
from explorer.form import Form, is_real, is_whole
from explorer.guide.glossary import meaning_of_setting

_LARGEST = 2**53 - 1  # the largest whole number that a browser holds exactly
_SMALLEST = 1e-12  # step from an open bound where a number is shown as 1.0e-04


class SettingFields:
    """Fields named by the settings' dotted names, in the form of a session.

    `values` has the value of every field that is drawn, by these names, as
    `core.runs.settings.changed` takes them.
    """

    def __init__(self, form: Form, settings: BaseModel | type[BaseModel], prefix: str) -> None:
        """Fields that begin with the defaults of a model, or with the values of an instance.

        Args:
            form: keeps the values.
            settings: the model, or a preset.
            prefix: begins the keys of the fields in the form.
        """
        self.values: dict[str, Any] = {}
        self._form, self._settings, self._prefix = form, settings, prefix

    def draw(
        self,
        place: DeltaGenerator,
        name: str,
        *,
        key: str = "",
        options: Sequence[str] = (),
        chosen: Sequence[str] | None = None,
        **looks: Any,
    ) -> Any:
        """Draw the field of a setting, and return its value.

        Args:
            place: where the widget goes.
            name: of the setting, dotted.
            key: of the field in the form, where it isn't the prefix and the name.
            options: words to choose from, of a setting that takes several.
            chosen: those that are chosen at first, where the setting's default is None; None: all.
            looks: further arguments of the Streamlit widget, such as `step` and `format`.
        """
        found = setting(self._settings, name)
        key = key or self.key_of(name)
        looks = {"help": field_help(found, name) or None, **looks}
        value = self._drawn(place, found, key, options, chosen or options, looks)
        self.values[name] = value
        return value

    def current(self, name: str) -> Any:
        """The value of a number field, drawn on this page or not; for a callback."""
        found = setting(self._settings, name)
        low, high = form_bounds(found)

        def fits(value: Any) -> bool:
            if found.kind is int:
                return is_whole(value, int(low), int(high))
            return is_real(value, low, high)

        return self._form.value(self.key_of(name), found.default, fits)

    def key_of(self, name: str) -> str:
        """The key of a field in the form."""
        return f"{self._prefix} {name}".strip()

    def _drawn(
        self,
        place: DeltaGenerator,
        found: Setting,
        key: str,
        options: Sequence[str],
        first: Sequence[str],
        looks: dict[str, Any],
    ) -> Any:
        form, label, default = self._form, found.label, found.default
        if found.choices:
            return form.choice(place, label, key, found.choices, str(default), **looks)
        if found.by_line:
            return form.paragraph(place, label, key, typed_lines(default), **looks)
        if found.kind is tuple:
            chosen = first if default is None else typed_values(default)
            return form.several(place, label, key, options, chosen, typed=default is not None,
                                **looks)  # fmt: skip
        if found.kind is bool:
            return form.switch(place, label, key, default, **looks)
        if found.kind is int:
            least, most = map(int, form_bounds(found))
            if found.optional:
                return form.optional(place, label, key, default, least, most, **looks)
            return form.whole(place, label, key, default, least, most, **looks)
        if found.kind is float:
            low, high = map(float, form_bounds(found, looks.get("format")))
            if found.optional:
                return form.optional_real(place, label, key, default, low, high, **looks)
            return form.real(place, label, key, default, low, high, **looks)
        return form.line(place, label, key, default or "", **looks)


def field_help(found: Setting, name: str) -> str:
    """The help of a setting's field: its own, and what its term means.

    Args:
        name: of the setting, dotted.
    """
    meaning = meaning_of_setting(name)
    return f"{found.help}\n\n{meaning}".strip() if meaning else found.help


def form_bounds(found: Setting, shown_as: str | None = None) -> tuple[float, float]:
    """The bounds of a number's field, which are never open or infinite.

    Instead of an open bound it takes the next number that can be seen, 0.01 beside 0 where two
    decimals are shown.

    Args:
        found: a setting whose value is a number.
        shown_as: the field's format; Streamlit's own, with two decimals, when None.
    """
    decimals = re.fullmatch(r"%\.(\d+)f", shown_as or "%.2f")
    step = _SMALLEST if decimals is None else 10.0 ** -int(decimals[1])
    low = found.low + step if found.open_low else found.low
    high = found.high - step if found.open_high else found.high
    return max(low, -_LARGEST), min(high, _LARGEST)
