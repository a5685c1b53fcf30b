"""Made-up chains and branches for the component harness."""

from __future__ import annotations

import numpy as np

from explorer.components import HeatmapView, TreeNode

_STORY = (
    "To| start|,| there| are| |9| pieces|.| Every| piece| needs| a| cut|:| |9| cuts|.| So| the|"
    " minutes| are| |9|\\times|8|=|7|2|.|\n\n|The| answer| is| |\\boxed{|7|2|}|.|<eos>"
)
STORY = _STORY.split("|")
HOSTILE = [
    "<script>alert(1)</script>",
    "&amp;",
    "<img src=x onerror=alert(2)>",
    " مرحبا",
    "\u200b",
    "\u202e",
    "\x07",
    " ",
    "  ",
    "\n",
    ".\n\n",
    "\t",
    "é",
    "🧮",
    "",
    "",
    "<eos>",
    "</span>",
    "👩\u200d🏫",
    " end",
]


def view_of(tokens: list[str], chain_id: str, **more: object) -> HeatmapView:
    """A chain with made-up statistics: the distribution at each position is seeded by it."""
    size, k = len(tokens), 5
    rng = np.random.default_rng(7)
    heat = rng.uniform(0, 0.35, size)  # (T,) nats
    for fork, value in {8: 1.92, 11: 1.47, 22: 0.9, 31: 1.71, 34: 0.6, 37: 2.95}.items():
        heat[fork % size] = value
    share = rng.uniform(0.05, 1, (size, k))
    share = -np.sort(-share, axis=1)
    p = np.where(heat[:, None] > 0.5, share, share * [40, 1, 0.5, 0.3, 0.2])
    p = p / p.sum(1, keepdims=True) * np.where(heat > 1.4, 0.92, 0.9996)[:, None]  # (T, k)
    rank = np.where(heat > 1.4, 2, 1)
    ids = np.arange(size * k).reshape(size, k)
    others = [" Cuts", " Every", " One", " As", " The", "\n", " ", "7", " So"]
    top = []
    for i, token in enumerate(tokens):
        row = [others[(i + j) % len(others)] for j in range(len(others))]
        row = [other for other in row if other != token][: k - 1]
        top.append([*row[: rank[i] - 1], token, *row[rank[i] - 1 :]])
    at = np.arange(size)
    return HeatmapView(
        chain_id=chain_id,
        tokens=tokens,
        token_ids=ids[at, rank - 1],
        entropy=heat,
        logprob=np.log(p[at, rank - 1]),
        rank=rank,
        top_ids=ids,
        top_tokens=top,
        top_logprobs=np.log(p),
        **{"tau": 1.4, "forced": [False] * size, **more},  # type: ignore[arg-type]
    )


def nodes_of(size: int) -> list[TreeNode]:
    """The tree of the sketch, or a bigger one."""
    nodes = [
        TreeNode("root", answer="72", verdict="wrong", length=57),
        TreeNode("a", "root", 9, "␣Cuts", answer="64", verdict="correct", length=48, model="demo"),
        TreeNode("b", "root", 9, "␣One", answer="72", verdict="wrong", length=61, name="no luck"),
        TreeNode("c", "a", 31, "↵↵", label="no box", verdict="unparseable", length=256),
        TreeNode("d", "root", 31, "␣<b>As</b>", live=True, length=12),
        TreeNode("e", "a", 12, "␣The", answer="\\frac{1}{2}", verdict="timed_out", length=90),
    ]
    rng = np.random.default_rng(3)
    while len(nodes) < size:
        i = len(nodes)
        parent = nodes[i - 1 if rng.random() < 0.45 else int(rng.integers(0, i))].id
        right = rng.random() < 0.4
        nodes.append(
            TreeNode(
                f"n{i}",
                parent,
                int(rng.integers(0, 90)),
                "␣So",
                answer=str(i),
                verdict="correct" if right else "wrong",
                length=50,
            )
        )
    return nodes
