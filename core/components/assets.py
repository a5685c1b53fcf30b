"""Read the js and css files of a component, used without a build step."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
_HEATMAP, _STRIP, _TREE = (
    _FOLDER / name for name in ("token_heatmap", "entropy_strip", "branch_tree")
)


def read_assets(folder: Path, *names: str) -> str:
    """Concatenate files of one folder.

    The scripts of a component form one module, since a module that Streamlit serves from memory
    can't import from other files.
    """
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def heatmap_style() -> str:
    """The style sheet of the token heatmap and its strip."""
    return "\n".join(
        (
            read_assets(_HEATMAP, "token_heatmap.css", "hover_card.css", "chain_tools.css"),
            read_assets(_STRIP, "entropy_strip.css"),
        )
    )


def heatmap_script() -> str:
    """The module of the token heatmap and its strip; its default export draws the data."""
    return "\n".join(
        (
            read_assets(_HEATMAP, "columns.js", "token_text.js", "chain_facts.js", "hover_card.js"),
            read_assets(_HEATMAP, "card_pointer.js", "legend.js", "text_search.js"),
            read_assets(_HEATMAP, "chain_search.js", "chain_tools.js", "text_blocks.js"),
            read_assets(_STRIP, "column_peaks.js", "entropy_strip.js"),
            read_assets(_HEATMAP, "page_keys.js", "chain_keys.js", "token_heatmap.js"),
        )
    )


def tree_style() -> str:
    """The style sheet of the branch tree."""
    return read_assets(_TREE, "branch_tree.css")


def tree_script() -> str:
    """The module of the branch tree; its default export draws the data."""
    return read_assets(_TREE, "layout.js", "branch_tree.js")
