"""Where the rollouts of a run come from that another program sampled, as the run's config keeps it;
importable without torch."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ImportedRollouts(BaseModel):
    """A file of rollouts, and how they were read into a run. What the file doesn't say is None."""

    model_config = ConfigDict(frozen=True)

    file: str  # its name, without a folder
    shape: str = ""  # of a published form; "": guessed
    fields: dict[str, str | None] = {}  # that a person chose for a role, instead of the guess
    where: tuple[str, ...] = ()  # conditions that the rollouts meet
    limit: int | None = None  # rollouts that were read, where the file has more
    from_text: bool = False  # the text was tokenised even where the file has ids
    correct_from: float  # the lowest reward that is correct
    chosen: bool = False  # a person gave that reward; else all rewards are one of two
    ids: dict[str, int] = {}  # how many rollouts by where their token ids are from, in words
    left_out: dict[str, int] = {}  # how many by the reason, in words
    chains: int = Field(ge=1)
    fewest: int = Field(ge=1)  # of a problem
    most: int = Field(ge=1)
    steps: tuple[int, int] | None = None  # the first and the last training step
    written_by: tuple[str, ...] = ()  # models that the file names
    temperatures: tuple[float, ...] = ()  # that the file names
    ends_known: bool = True  # whether the file says which rollouts were cut off
    checked: int = 0  # rollouts whose answer could be compared with a correct one
    differ: int = 0  # of these, how many have a reward that says something else
    unlikely: int = 0  # rollouts that the base finds less likely than chance
    before: str = ""  # text of every prompt before the question that is its own
    after: str = ""

    @field_validator("file")
    @classmethod
    def _can_be_shown(cls, name: str) -> str:
        return "".join(sign if sign.isprintable() else "\ufffd" for sign in name)[:200]

    @property
    def rule(self) -> str:
        """Which rollouts are correct: "correct from a reward of 1"."""
        return f"correct from a reward of {self.correct_from:g}"

    @property
    def words(self) -> str:
        """In one line: "imported from 120.jsonl, correct from a reward of 1"."""
        return f"imported from {self.file}, {self.rule}"

    @property
    def sampled_by(self) -> str:
        """Who sampled them, and how, as far as the file says."""
        who = " and ".join(self.written_by) or "an unknown model"
        heat = " and ".join(f"{each:g}" for each in self.temperatures)
        return f"{who}, {f'temperature {heat}' if heat else 'with an unknown sampler'}"

    def sentences(self) -> Iterator[str]:
        """What to know of these rollouts before they are trained on."""
        from core.runs.headline import counted  # it imports scipy

        yield (
            f"Imported from {self.file}; sampled by {self.sampled_by}, at a cost that isn't known."
        )
        yield f"A rollout is {self.rule}, and wrong below it."
        if self.limit is not None:
            yield f"The first {counted(self.limit, 'rollout')} of the file are read."
        for how, count in self.ids.items():
            yield f"{counted(count, 'rollout')}: {how}."
        for why, count in self.left_out.items():
            yield f"{counted(count, 'rollout')} left out: {why}."
        if self.differ:
            yield (
                f"{self.differ:,} of {counted(self.checked, 'rollout')} with a known correct "
                "answer are rewarded otherwise than the answer checker says; the reward counts."
            )
        if self.unlikely:
            yield (
                f"{counted(self.unlikely, 'rollout')} less likely than chance under the base, "
                "whose entropies then say little about the model that wrote them."
            )
        if self.steps is not None and self.steps[0] < self.steps[1]:
            yield (
                f"They are of training steps {self.steps[0]} to {self.steps[1]}, so of different "
                "models."
            )
        if not self.ends_known:
            yield "The file doesn't say which were cut off, so none counts as truncated."
