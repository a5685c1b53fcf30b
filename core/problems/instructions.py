r"""Remove the instructions that published training sets put around their questions.

They request a form of answer, such as "Answer: x", that may contradict the explorer's own prompt
style.
"""

from __future__ import annotations

import re

_BEFORE = re.compile(
    # DAPO-Math, after OpenAI's simple-evals
    r"Solve the following math problem step by step\. The last line of your response should be of "
    r"the form \"?Answer: (?:\$Answer|\\boxed\{\$Answer\})\"? (?:\(without quotes\) )?where "
    r"\$Answer is the answer to the problem\.",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?:"
    r"Remember to put your answer on its own line after \"Answer:\"[^\n]{0,80}"  # DAPO-Math
    # verl's examples, and the prompt of Qwen's math models
    r"|(?:Let's think|Please reason) step by step,? and (?:output the|put your) final answer "
    r"(?:within|in) \\boxed\{\}\.?"
    r"|Present the answer in LaTex format: \\boxed\{Your answer\}"  # Eurus-2
    r"|Let's think step by step and output the final answer after \"####\"\.?"
    r")\Z",
    re.IGNORECASE,
)  # each begins with a letter, which keeps the search linear


def without_instruction(text: str) -> str:
    """The bare question; text without a known instruction is unchanged."""
    bare = text.strip()
    before = _BEFORE.match(bare)
    if before is not None:
        bare = bare[before.end() :].lstrip()
    after = _AFTER.search(bare)
    if after is not None:
        bare = bare[: after.start()].rstrip()
    return bare if bare and (before or after) else text
