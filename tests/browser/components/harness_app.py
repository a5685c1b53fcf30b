"""Shows the components with made-up data. `?case=` chooses what; every event is echoed."""

from __future__ import annotations

import streamlit as st
from harness_data import HOSTILE, STORY, nodes_of, view_of

from explorer.components import branch_tree, read_branch_tree, read_heatmap, token_heatmap
from explorer.components.token_heatmap import ColourScale, Part
from explorer.unsent_messages import send_all_that_was_drawn

send_all_that_was_drawn()


@st.fragment
def heatmap_page(case: str) -> None:
    """One heatmap and what it reports."""
    state = st.session_state
    state.setdefault("chain", "root")
    state.setdefault("length", 40)
    state.setdefault("go_to", None)
    state.setdefault("selections", [])
    state.setdefault("forces", [])
    tokens = list(STORY)
    more: dict[str, object] = {}
    if case == "hostile":
        tokens = HOSTILE
    elif case == "long":
        tokens = (tokens * (int(st.query_params.get("size", "8000")) // len(tokens) + 1))[
            : int(st.query_params.get("size", "8000"))
        ]
    elif case == "stream":
        tokens = (tokens * 20)[: state.length]
        more = {"live": True, "max_height": 200}
    elif case == "strip":
        more = {"strip": True, "page_keys": True, "run_on": 38, "tau": state.get("tau", 1.4)}
    elif case == "thinking":
        tokens = (tokens * 40)[:1600]
        more = {"parts": [Part("thinking", 0, 1000)], "run_on": 1500}
    elif case == "scale":
        more = {"scale": ColourScale(1.0, 2.0, "median to top 5 % of this chain")}
    elif case == "bits":
        more = {"unit": "bits"}
    elif case == "marks":
        more = {"marks": ["reranked" if i in (8, 31) else "shifted" if i == 37 else ""
                          for i in range(len(tokens))]}  # fmt: skip
    if state.chain == "branch":
        tokens = [*tokens[:9], " Cuts", *tokens[10:]]
        forced = [i == 9 for i in range(len(tokens))]
        more |= {"forced": forced, "shared_prefix": 9, "first_difference": 9}

    def selected() -> None:
        state.selections.append(read_heatmap("map").selected)

    def forced_() -> None:
        state.forces.append(read_heatmap("map").force)

    # In callbacks: a click whose run is overtaken by another one must not be lost.
    def other_chain() -> None:
        state.chain = "branch" if state.chain == "root" else "root"

    def more_tokens() -> None:
        state.length += 15

    def go_to_31() -> None:
        state.go_to = ((state.go_to or (0, 0))[0] + 1, 31)

    def moved() -> None:
        state.tau = read_heatmap("map").threshold.tau

    def commanded() -> None:
        state.commands = [*state.get("commands", []), read_heatmap("map").command]

    buttons = st.columns(4)
    buttons[0].button("Other chain", on_click=other_chain)
    buttons[1].button("More tokens", on_click=more_tokens)
    buttons[2].button("Go to 31", on_click=go_to_31)
    buttons[3].button("Rerun")
    if st.checkbox("Hide"):
        return
    if case == "strip":
        st.text_input("Anything", key="anything")
    elsewhere = case == "strip" and st.checkbox("Elsewhere")
    place = st.columns([3, 1])[0] if elsewhere else st.container()
    with place, st.container(border=True):
        view = view_of(tokens, state.chain, go_to=state.go_to, **more)
        opening = st.query_params.get("select")
        position = int(opening) if opening else None
        position = state.selections[-1].i if state.selections else position
        event = token_heatmap(
            view.with_selection(position),
            key="map",
            on_select=selected,
            on_force=forced_,
            on_threshold=moved,
            on_command=commanded,
        )
    here = event.position(view.chain_id, len(view))
    st.text(f"selected {event.selected}")
    st.text(f"here {here}")
    st.text(f"force {event.force}")
    st.text(f"{len(state.selections)} selections, {len(state.forces)} forces")
    st.text(f"last force {state.forces[-1] if state.forces else None}")
    st.text(f"tau {view.tau:.2f}, commands {state.get('commands', [])}")


def tree_page() -> None:
    """One tree and what it reports."""
    state = st.session_state
    state.setdefault("branch", "root")
    state.setdefault("clicks", 0)

    def selected() -> None:
        state.branch = read_branch_tree("tree")
        state.clicks += 1

    if st.button("Undo"):
        state.branch = "root"
    with st.container(border=True):
        nodes = nodes_of(int(st.query_params.get("size", "6")))
        clicked = branch_tree(nodes, selected=state.branch, key="tree", on_select=selected)
    st.text(f"branch {state.branch}, clicked {clicked}, {state.clicks} clicks")


st.set_page_config(layout="wide", page_title="Components")
wanted = st.query_params.get("case", "story")
if wanted == "tree":
    tree_page()
else:
    heatmap_page(wanted)
