"""Tables of chains and trees: forks, branches, searches for a fix, what a teacher would change."""

from __future__ import annotations

import numpy as np

from core.chains.forks import fork_positions
from core.chains.tree import ForkTree
from core.components.tree_nodes import tree_nodes
from core.components.words import token_label, verdict_words, visible
from core.disagreement.reading import ReadChain
from core.disagreement.token_classes import TokenClass
from core.export.document import Table
from core.records import Chain
from core.statistics import Estimate
from core.system.percent import percent, percent_span

_MOST_ROWS = 200  # of a table


def fork_table(chain: Chain, tau: float) -> Table:
    """The forks of a chain, strongest first.

    Args:
        tau: threshold of forks, nats.
    """
    stats = chain.statistics
    positions = sorted(fork_positions(chain, tau), key=lambda i: (-chain.entropy[i], i))
    rows = tuple(
        (
            f"{i}",
            token_label(chain, i),
            f"{chain.entropy[i]:.2f}",
            f"{stats.rank[i]}",
            percent(float(np.exp(stats.logprob[i]))),
            visible(chain.top_tokens[i][0]) if chain.top_tokens[i] else "",
        )
        for i in map(int, positions[:_MOST_ROWS])
    )
    more = len(positions) - len(rows)
    note = f"The {len(rows)} strongest of {len(positions)} forks." if more else ""
    columns = ("position", "token", "entropy (nats)", "rank", "probability", "most probable")
    return Table("Forks, strongest first", columns, rows, note)


def branch_table(tree: ForkTree) -> Table:
    """The branches of a tree with their endings."""
    rows = []
    for node, branch in zip(tree_nodes(tree), tree.branches, strict=True):
        forced = "from the prompt" if node.position is None else f"#{node.position} "
        rows.append(
            (
                node.id,
                node.parent_id or "",
                f"{forced}{node.forced_token}",
                branch.outcome.answer or node.label,
                verdict_words(branch.outcome),
                str(node.length),
                branch.name,
            )
        )
    columns = ("branch", "parent", "forced token", "answer", "verdict", "tokens", "name")
    return Table("Branches and their endings", columns, tuple(rows))


def fix_tables(tree: ForkTree) -> list[Table]:
    """What the searches for a fix have found, beside their control."""
    tables = []
    for branch in tree.branches:
        fix = tree.findings(branch.id).fix
        if fix is None:
            continue
        rows = (
            ("strongest forks", *_share(fix.turned_share)),
            ("random positions (control)", *_share(fix.control_share)),
        )
        title = f"Forced tokens that flip the answer of {branch.id}"
        tables.append(Table(title, ("where", "tokens", "95 % interval", "n"), rows))
    return tables


def _share(found: Estimate) -> tuple[str, str, str]:
    return percent(found.value), percent_span(found.low, found.high), str(found.n)


def change_table(read: ReadChain, teacher: str) -> Table:
    """The tokens at which a teacher and the base differ."""
    chain, found = read.chain, read.found
    changed = [i for i, each in enumerate(found.classes) if each is not TokenClass.UNSHIFTED]
    rows = tuple(
        (
            str(i),
            visible(chain.top_tokens[i][0]),
            visible(read.teacher_top_tokens[i][0]),
            str(found.classes[i]),
            str(int(found.base_rank[i])),
            f"{chain.entropy[i]:.2f}",
            f"{found.js_divergence[i]:.3f}",
        )
        for i in changed[:_MOST_ROWS]
    )
    columns = (
        *("position", "base", teacher, "class", "base rank"),
        *("base entropy (nats)", "JS divergence (nats)"),
    )
    own = read.along == "base"
    caption = f"Tokens that {teacher} would change" if own else f"Where {teacher} left the base"
    note = f"The first {len(rows)} of {len(changed)}." if len(rows) < len(changed) else ""
    return Table(caption, columns, rows, note)
