"""Chains of several rules on one prompt, decoded together as long as they put the same tokens.

Where the rules part, the chain forks: every prefix is read once by the base and by the teacher,
however many rules lead through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.decoding.guidance import Rule, StepContext
from core.decoding.loop import Decoded, Row
from core.records import TokenStatistics

Decode = Callable[[Sequence[Row], Sequence[Rule], Callable[[int], None]], Sequence[Decoded] | None]
"""Decodes rows, each with its rule, and calls back with the index of each that ends; None when
cancelled."""


@dataclass
class _Member:
    """One rule, and the positions at which it has put a token so far."""

    number: int
    rule: Rule
    replaced: dict[int, int] = field(default_factory=dict)  # position -> the base's token there


@dataclass
class _Branch:
    """A row of rules that agree, from where it leaves another row."""

    prompt: int  # its index
    members: list[_Member]
    token_ids: tuple[int, ...] = ()  # kept of the other row
    statistics: list[TokenStatistics] = field(default_factory=list)  # of these
    first: int | None = None  # the token by which it leaves, which is not asked for again
    left: list[tuple[int, int, list[_Member]]] = field(default_factory=list)

    def __call__(self, moment: StepContext) -> int | None:
        """The token of most of the rules; the others leave, each with those that put the same."""
        if self.first is not None and moment.position == len(self.token_ids):
            return None  # forced by the row
        groups: dict[int, list[_Member]] = {}
        for member in self.members:
            put = member.rule(moment)
            if put is not None:
                member.replaced[moment.position] = moment.base_id
            groups.setdefault(moment.base_id if put is None else put, []).append(member)
        kept = max(groups, key=lambda token_id: len(groups[token_id]))
        self.members = groups.pop(kept)
        self.left += [(moment.position, token_id, each) for token_id, each in groups.items()]
        return None if kept == moment.base_id else kept

    def row(self, prompt_ids: tuple[int, ...]) -> Row:
        forced = {} if self.first is None else {len(self.token_ids): self.first}
        return Row(prompt_ids, self.token_ids, forced)

    def after(self, decoded: Decoded) -> list[_Branch]:
        """The rows that have left this one."""
        return [
            _Branch(
                self.prompt,
                members,
                (*self.token_ids, *decoded.token_ids)[:position],
                [*self.statistics, decoded.statistics[: position - decoded.start]],
                token_id,
            )
            for position, token_id, members in self.left
        ]

    def whole(self, member: _Member, decoded: Decoded) -> Decoded:
        """The chain of one rule, from its first token."""
        token_ids = (*self.token_ids, *decoded.token_ids)
        return Decoded(
            0,
            token_ids,
            TokenStatistics.concatenate([*self.statistics, decoded.statistics]),
            tuple(position in member.replaced for position in range(len(token_ids))),
            decoded.stop_reason,
            member.replaced,
        )


def decode_shared(
    prompts: Sequence[tuple[int, ...]],
    rules: Sequence[Sequence[Rule]],
    decode: Decode,
    on_rules: Callable[[int], None],
) -> list[list[Decoded]] | None:
    """The chain of every rule on its prompt; the same as if each was decoded by itself.

    Args:
        prompts: N prompts.
        rules: N lists of rules. A rule may keep state: it is asked once at every position.
        decode: decodes a batch of rows.
        on_rules: called with the number of rules whose chains have ended.

    Returns:
        N lists, a chain a rule; None when cancelled.
    """
    found: list[list[Decoded | None]] = [[None] * len(own) for own in rules]
    branches = [
        _Branch(prompt, [_Member(number, rule) for number, rule in enumerate(own)])
        for prompt, own in enumerate(rules)
        if own
    ]
    while branches:
        at_work = branches

        def on_row(index: int, at_work: list[_Branch] = at_work) -> None:
            on_rules(len(at_work[index].members))

        rows = [branch.row(prompts[branch.prompt]) for branch in at_work]
        decoded = decode(rows, at_work, on_row)
        if decoded is None:
            return None
        branches = []
        for branch, made in zip(at_work, decoded, strict=True):
            branches += branch.after(made)
            for member in branch.members:
                found[branch.prompt][member.number] = branch.whole(member, made)
    return [[each for each in own if each is not None] for own in found]
