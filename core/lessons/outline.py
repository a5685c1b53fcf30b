"""The steps of the lesson in words; imports nothing, so that a page can show them at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of the lesson, in plain text.

    Attributes:
        key: names it in progress that is kept.
        title: in a few words.
        says: what it teaches.
        do: what a learner does first.
        on_paper: the same without a screen.
        notes: for the teacher.
    """

    key: str
    title: str
    says: str
    do: str
    on_paper: str
    notes: tuple[str, ...]


TITLE = "Where does a model's reasoning fork?"
MINUTES = 10

STEPS: tuple[Step, ...] = (
    Step(
        "entropy",
        "Entropy: how sure is the model?",
        "Before each token, a language model gives every possible token a probability. Entropy "
        "says in one number how spread out these are: 0 when the model is sure of one token, "
        "higher when several are likely.",
        "Move the sliders: each is the weight of one token. Watch the entropy.",
        "Below are two distributions over the next token, with their entropies.",
        (
            "Ask for a guess before each slider is moved: does the entropy rise or fall?",
            "Choosing evenly between 2 tokens is 1 bit, between 4 tokens 2 bits. A bit is 0.69 "
            "nats.",
            "Entropy ignores which tokens are likely. It says nothing about being correct.",
        ),
    ),
    Step(
        "heatmap",
        "Read a heatmap",
        "Here is a whole chain of reasoning, token by token. The stronger a token's colour, the "
        "higher the entropy was just before it. Tokens above the threshold τ are forks; they are "
        "underlined.",
        "Point at a few tokens: the card shows the five most probable tokens there. Then click "
        "your answer.",
        "The stronger a token's colour, the higher the entropy before it. Forks are underlined.",
        (
            "The colour belongs to the choice of that token, not to what it means.",
            "Most tokens have no colour at all. That is the first finding of the papers.",
        ),
    ),
    Step(
        "guess",
        "Guess the fork",
        "Another chain, without its colours. A reader can often feel where a solution could have "
        "taken another path.",
        "Read it, and click the token at which you think the model hesitated.",
        "The chain has no colours here. Where could it have taken another path?",
        (
            "Let the class vote before anyone clicks.",
            "Forks are often the first word of a new idea, and seldom a digit of a result.",
        ),
    ),
    Step(
        "force",
        "Force another token",
        "At a fork the model could well have written something else. Force one of its "
        "alternatives: the model continues from there by itself, greedily.",
        "Force each token below, and see where the chain goes.",
        "Each of the five most probable tokens was forced at this fork, and the model continued.",
        (
            "Only one token is changed. Everything after it is the model's own.",
            "Decoding is greedy, so the same token always gives the same chain.",
        ),
    ),
    Step(
        "control",
        "Forks against random tokens",
        "One chain is an anecdote, and with many tries one success is likely. So the experiment "
        "is repeated on many problems, with a control: as many tokens forced at random positions.",
        "Decide what you expect, then measure.",
        "Every other top-5 token was forced, one at a time, at the five most uncertain positions "
        "of each wrong chain; as a control, as many tokens at random other positions.",
        (
            "Ask for the class's prediction first: how many of 100 random tokens fix an answer?",
            "The interval is over chains: tries within one chain are not independent.",
        ),
    ),
    Step(
        "tuning",
        "What training changes",
        "Further training made another model of this one. On each chain of the base, both "
        "models are asked for their most probable next token. How often do they disagree?",
        "Decide what you expect, then measure.",
        "A model that was trained further read the base's chains. At how many tokens would it "
        "have written something else?",
        (
            "Reranked: the trained model's token is among the base's top five. Shifted: it isn't.",
            "Following the trained model everywhere equals it by construction; what carries the "
            "evidence is the control at random positions.",
        ),
    ),
    Step(
        "claims",
        "What the papers claim",
        "Three papers describe these findings. A result holds for what was measured: some models, "
        "some problems, one kind of training.",
        "Tick what the papers claim; leave what they don't.",
        "Tick what the papers claim, and leave the rest.",
        (
            "The page Claims checks each claim on the model in hand, with interval and control.",
            "ReasonMaxxer's table has six benchmarks, all of mathematics, and eight bases. What it "
            "leaves open: other domains, long thinking, very long training.",
        ),
    ),
    Step(
        "idle",
        "A fork that decides nothing",
        "High entropy means that the model could have written another token. It doesn't mean that "
        "the answer depends on it. This fork was found by the program, which tried the "
        "alternatives at many forks.",
        "Look at the selected token, and decide what you expect. Then try all its alternatives.",
        "The token in a frame is a fork. Each of its alternatives was forced, and led to the "
        "answer beside it.",
        (
            "The naive reading is: strong colour, so an important decision.",
            "This fork was chosen because its greedy endings agree. Sampled endings, drawn after "
            "that choice, are the test.",
        ),
    ),
)
"""In their order."""


def step_named(key: str) -> Step:
    """The step with a key."""
    return next(each for each in STEPS if each.key == key)
