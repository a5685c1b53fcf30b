"""The terms of the app, each in one or two sentences: for a dialog and for the help of fields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A term, what it means, and the settings whose help quotes it."""

    name: str
    meaning: str
    settings: tuple[str, ...] = ()  # last parts of their dotted names


TERMS: tuple[Term, ...] = (
    Term(
        "Token",
        "The unit a model reads and writes: a word, a part of one, or a sign. ␣ marks a space at "
        "its start.",
    ),
    Term(
        "Chain",
        "Everything the model writes after the prompt, up to its answer: a chain of thought.",
    ),
    Term(
        "Entropy",
        "How uncertain the model is about the next token: 0 when it is sure, higher when many "
        "tokens are likely. It is of the model's own distribution over all tokens, at temperature "
        "1, whatever the sampler does.",
    ),
    Term(
        "Nats and bits",
        "Units of entropy. 1 nat is 1.44 bits; choosing evenly between 2 tokens is 1 bit or 0.69 "
        "nats, between 4 tokens 2 bits or 1.39 nats.",
    ),
    Term(
        "Threshold τ",
        "Tokens whose entropy is above τ count as forks. What a τ means depends on the model, so "
        "it is also shown as a share: top 5 % of this model's tokens.",
        ("tau",),
    ),
    Term(
        "Fork",
        "A token whose entropy is above τ: here the model could well have written something else.",
    ),
    Term(
        "Rank",
        "A token's place among all tokens by probability; rank 1 is the most probable one.",
    ),
    Term(
        "Greedy",
        "Always the most probable token. The same prompt then gives the same chain.",
    ),
    Term(
        "Temperature",
        "How boldly tokens are drawn: 0 is greedy, 1 follows the model's own probabilities, more "
        "flattens them.",
        ("temperature",),
    ),
    Term(
        "Top-p",
        "Tokens are drawn only from the most probable ones that together have this probability.",
        ("top_p",),
    ),
    Term("Top-k", "Tokens are drawn only from the k most probable ones.", ("top_k",)),
    Term(
        "Min-p",
        "Tokens are drawn only if they are at least this share as probable as the most probable.",
        ("min_p",),
    ),
    Term(
        "Seed",
        "A number from which everything random follows: the same seed repeats the same draws.",
    ),
    Term(
        "Stop strings",
        "Text that ends a chain, such as the start of the next question, which base models write "
        "after their answer.",
    ),
    Term(
        "Prompt style",
        "The text around a question: a chat template, plain text, or worked examples before it "
        "(few-shot).",
    ),
    Term(
        "Forced token",
        "A token that you put in place of the model's own. The model continues from there.",
    ),
    Term("Branch", "A chain that leaves another one at a forced token."),
    Term(
        "Pivotality",
        "How much the choice at one token decides: the share of the variation in correctness that "
        "it explains, from continuations sampled after each alternative.",
    ),
    Term(
        "pass@k",
        "The chance that at least one of k samples of a problem is correct; pass@1 is the average "
        "share of correct samples.",
        ("samples",),
    ),
    Term("maj@k", "Whether the most frequent answer among k samples is correct."),
    Term(
        "95 % interval",
        "Where the true value plausibly lies, given the number of problems. Few problems make it "
        "wide.",
    ),
    Term(
        "Teacher",
        "A second model with the same tokens, usually the same model after training, whose choices "
        "are compared with the base's.",
    ),
    Term(
        "Oracle",
        "An arm that follows the teacher wherever it disagrees: the most that its choices can "
        "change.",
    ),
    Term(
        "Control",
        "The same number of changes at random places or of random tokens. An effect counts only "
        "beyond it.",
    ),
    Term("Rollout", "A sampled solution of a training problem."),
    Term(
        "Advantage",
        "How much better a rollout ended than the average rollout of its problem: above 0 for "
        "correct ones, below 0 for wrong ones.",
    ),
    Term("Gate", "The rule that selects which tokens a fine-tune trains."),
    Term(
        "LoRA adapter",
        "A small set of extra weights that changes a model; the model's own weights stay.",
    ),
    Term(
        "LoRA rank",
        "The width of an adapter's matrices: a higher one can change more, and has more weights.",
        ("lora_rank",),
    ),
    Term(
        "KL",
        "How far one distribution is from another; 0 when they are the same.",
    ),
)
"""In an order to read them in."""

_BY_SETTING = {name: term for term in TERMS for name in term.settings}


def meaning_of_setting(name: str) -> str:
    """The meaning of the term behind a setting; empty where there is none.

    Args:
        name: of the setting, dotted.
    """
    term = _BY_SETTING.get(name.rpartition(".")[2])
    return "" if term is None else term.meaning
