"""Form fields that keep their values on another page and after a refresh.

Streamlit forgets a widget that is not on screen, and its own `persist_state` ends with the browser
session. So every value is kept in the saved session under the widget's key, and a widget that
appears starts from there. A session file may come from elsewhere: a value that its field could not
have made is ignored, and the field starts from its default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.chains.session import FormValue, is_text

if TYPE_CHECKING:
    from explorer.open_session import OpenSession

_T = TypeVar("_T")
_Option = TypeVar("_Option", str, int)
_Fits = Callable[[Any], bool]


class Form:
    """The form fields of one session. Every method draws a widget and returns its value.

    Args of all of them: `place` is where the widget goes, `key` names the value in the session,
    `default` is the value until a person sets another one, `looks` are further arguments of the
    Streamlit widget.
    """

    def __init__(self, opened: OpenSession) -> None:
        self._opened = opened

    def whole(
        self,
        place: DeltaGenerator,
        label: str,
        key: str,
        default: int,
        low: int,
        high: int,
        *,
        step: int = 1,
        **looks: Any,
    ) -> int:
        """A whole number from `low` to `high`."""
        looks |= self._begin(key, default, lambda v: is_whole(v, low, high))
        return int(place.number_input(label, low, high, step=step, **looks))

    def optional(
        self,
        place: DeltaGenerator,
        label: str,
        key: str,
        default: int | None,
        low: int,
        high: int,
        **looks: Any,
    ) -> int | None:
        """A whole number from `low` to `high`, or None."""
        looks = {"value": None, **looks}
        looks |= self._begin(key, default, lambda v: v is None or is_whole(v, low, high))
        value: int | None = place.number_input(label, low, high, **looks)
        return value

    def optional_real(
        self,
        place: DeltaGenerator,
        label: str,
        key: str,
        default: float | None,
        low: float,
        high: float,
        step: float | None = None,
        **looks: Any,
    ) -> float | None:
        """A number from `low` to `high`, or None."""
        looks = {"value": None, **looks}
        looks |= self._begin(
            key,
            default,
            lambda v: v is None or is_real(v, low, high),
            lambda v: None if v is None else float(v),
        )
        value: float | None = place.number_input(label, low, high, step=step, **looks)
        return value

    def real(
        self,
        place: DeltaGenerator,
        label: str,
        key: str,
        default: float,
        low: float,
        high: float,
        step: float | None = None,
        **looks: Any,
    ) -> float:
        """A number from `low` to `high`."""
        looks |= self._begin(key, default, lambda v: is_real(v, low, high), float)
        return float(place.number_input(label, low, high, step=step, **looks))

    def switch(
        self, place: DeltaGenerator, label: str, key: str, default: bool, **looks: Any
    ) -> bool:
        """On or off."""
        looks |= self._begin(key, default, lambda v: isinstance(v, bool))
        return place.checkbox(label, **looks)

    def choice(
        self,
        place: DeltaGenerator,
        label: str,
        key: str,
        options: Sequence[_Option],
        default: _Option | None = None,
        **looks: Any,
    ) -> _Option:
        """One of several words or numbers; where the default is not among them, the first one."""
        first = default if default in options or not options else options[0]

        def fits(value: Any) -> bool:
            return isinstance(value, str | int) and type(value) is not bool and value in options

        looks |= self._begin(key, first, fits, options.index, "index")
        return cast("_Option", place.selectbox(label, options, **looks))

    def choice_or_typed(
        self, place: DeltaGenerator, label: str, key: str, options: Sequence[str], **looks: Any
    ) -> str:
        """One of several words, or another one that a person types; empty when there is none."""
        typed = self.value(key, "", is_text)
        known = list(options) if not typed or typed in options else [*options, typed]
        looks = {"index": None, **looks}
        looks |= self._begin(
            key,
            None,
            lambda v: v is None or v in known,
            lambda v: None if v is None else known.index(v),
            "index",
        )
        chosen: str | None = place.selectbox(label, known, accept_new_options=True, **looks)
        return (chosen or "").strip()

    def several(
        self,
        place: DeltaGenerator,
        label: str,
        key: str,
        options: Sequence[str],
        default: Sequence[str],
        *,
        typed: bool = False,
        **looks: Any,
    ) -> list[str]:
        """Several of some words, and with `typed` also others."""
        found = self.value(key, list(default), is_texts)
        known = list(options)
        if typed:
            known += [each for each in found if each not in known]
        elif not set(found) <= set(known):  # some are no longer offered
            self.put(key, [each for each in found if each in known])
        looks |= self._begin(
            key, list(default), lambda v: is_texts(v) and set(v) <= set(known), list, "default"
        )
        return place.multiselect(label, known, accept_new_options=typed, **looks)

    def line(
        self, place: DeltaGenerator, label: str, key: str, default: str = "", **looks: Any
    ) -> str:
        """A line of text, stripped."""
        looks |= self._begin(key, default, is_text)
        return str(place.text_input(label, **looks)).strip()

    def paragraph(
        self, place: DeltaGenerator, label: str, key: str, default: str = "", **looks: Any
    ) -> str:
        """Text of several lines, as it was typed."""
        looks |= self._begin(key, default, is_text)
        return str(place.text_area(label, **looks))

    def value(self, key: str, default: _T, fits: _Fits) -> _T:
        """The value of a field, drawn on this page or not, or the default."""
        found: Any = st.session_state.get(key, self._opened.session.form.get(key, default))
        return found if fits(found) else default

    def put(self, key: str, value: FormValue) -> None:
        """Set a field for a person; before it is drawn."""
        if key in st.session_state:
            _overwrite(key, value)
        self._opened.keep_form(key, value)

    def forget(self, key: str) -> None:
        """Make a field start from its default again."""
        st.session_state.pop(key, None)
        self._opened.forget_form(key)

    def is_set(self, key: str) -> bool:
        """Whether a person has set a field, drawn on this page or not."""
        return key in self._opened.session.form

    def keep(self, key: str, value: FormValue) -> None:
        """Keep a value that has no field of its own."""
        self._opened.keep_form(key, value)

    def _begin(
        self,
        key: str,
        default: FormValue,
        fits: _Fits,
        given: Callable[[Any], Any] = lambda value: value,
        name: str = "value",
    ) -> dict[str, Any]:
        """The arguments with which a widget starts from its kept value and keeps the next one.

        A widget that is new on screen gets its value as a default, by way of the argument `name`:
        a value written to Streamlit's session state instead is lost to the browser when the draw is
        abandoned for the next one.
        """

        def keep() -> None:
            # Streamlit calls a callback, without a value, when its widget leaves the screen.
            if key in st.session_state:
                self._opened.keep_form(key, st.session_state[key])

        value = st.session_state.get(key, self._opened.session.form.get(key, default))
        if not fits(value):  # from a file, or no longer among the options
            value = default
            if key in st.session_state:
                _overwrite(key, value)
        arguments = {"key": key, "on_change": keep}
        overwritten: set[str] = st.session_state.get(_OVERWRITTEN, set())
        if key in overwritten:  # Streamlit takes one or the other
            overwritten.discard(key)
            return arguments
        return arguments | {name: given(value)}


_OVERWRITTEN = "fields that the program set"


def _overwrite(key: str, value: FormValue) -> None:
    """Change the value of a widget that is on screen."""
    st.session_state[key] = value
    st.session_state.setdefault(_OVERWRITTEN, set()).add(key)


def is_texts(value: Any) -> bool:
    """Whether a value is a list of texts, none of them twice."""
    if not isinstance(value, list) or not all(is_text(each) for each in value):
        return False
    return len(set(value)) == len(value)


def follow(key: str, value: float | str) -> None:
    """Make a widget that is on screen show a value that was changed elsewhere; call it before the
    widget is drawn. The widget's own changes are left alone: a person may be moving it."""
    if st.session_state.get(key, value) != value:
        st.session_state[key] = value


def one_of(options: Container[str]) -> _Fits:
    """Whether a value is one of some words. A file may have a value that can't even be looked for,
    such as a list."""
    return lambda value: isinstance(value, str) and value in options


def is_whole(value: Any, low: int, high: int) -> bool:
    """Whether a value is an int in a range; bool is not accepted as int."""
    return type(value) is int and low <= value <= high


def is_real(value: Any, low: float, high: float) -> bool:
    """Whether a value is a finite number in a range; bool is not accepted as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= high and math.isfinite(value)
