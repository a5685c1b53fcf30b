"""The Share button: files to hand out, and a link that reopens what is on screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from core.export.document import Handout
from core.export.files import MIME, Form, can_draw_png, exported
from core.export.pictures import COLUMN, PAGE

_NAMES = {
    Form.HTML: "HTML",
    Form.PNG: "PNG",
    Form.SVG: "SVG",
    Form.MD: "Markdown",
    Form.TEX: "LaTeX",
}
_HELP = {
    Form.HTML: "One page that needs nothing else: hover and keys work, without a network",
    Form.PNG: "The picture, with 300 dots per inch",
    Form.SVG: "The picture, for a paper",
    Form.MD: "The tables, for a text",
    Form.TEX: "The tables, for a paper",
}
_FEW = 4  # things to share that stand beside each other
_WIDTHS = {f"Column, {COLUMN:g} in": COLUMN, f"Page, {PAGE:g} in": PAGE}


def share(
    handouts: Mapping[str, Callable[[], Handout]],
    *,
    name: str,
    key: str,
    link: Mapping[str, str],
    has_picture: bool = True,
) -> None:
    """A popover with a button per form.

    Args:
        handouts: what can be shared, by its name on screen; made when a button is pressed.
        name: of the files, without their end.
        key: unique on the page.
        link: what the address names, so that it reopens what is on screen.
        has_picture: whether it can be drawn.
    """
    with st.popover("Share", icon=":material/share:", help="Files to hand out, and a link"):
        what = next(iter(handouts))
        if len(handouts) > _FEW:
            what = st.selectbox("What to share", list(handouts), key=f"{key} what")
        elif len(handouts) > 1:
            what = (
                st.segmented_control(
                    "What to share", list(handouts), default=what, key=f"{key} what", required=True
                )
                or what
            )
        width = _WIDTHS[next(iter(_WIDTHS))]
        if has_picture:
            chosen = st.segmented_control(
                "Width of a picture",
                list(_WIDTHS),
                default=next(iter(_WIDTHS)),
                key=f"{key} width",
                required=True,
            )
            width = _WIDTHS.get(chosen or "", width)
        with st.container(horizontal=True, gap="xsmall"):
            for form, label in _NAMES.items():
                drawn = form in (Form.PNG, Form.SVG)
                missing = form is Form.PNG and not can_draw_png()
                st.download_button(
                    label,
                    partial(_file, handouts[what], form, width),
                    file_name=f"{name}.{form}",
                    mime=MIME[form],
                    on_click="ignore",
                    key=f"{key} {form}",
                    help="Needs the package resvg-py" if missing else _HELP[form],
                    disabled=missing or (drawn and not has_picture),
                )
        st.caption("No file names a folder, a secret or the host of this computer.")
        st.caption("A link that reopens this here:")
        st.code(_address(link), language=None, wrap_lines=True)


def _file(handout: Callable[[], Handout], form: Form, width: float) -> bytes:
    return exported(handout(), form, inches=width)


def _address(link: Mapping[str, str]) -> str:
    base = (st.context.url or "").partition("?")[0]
    return f"{base}?{urlencode(link)}"
