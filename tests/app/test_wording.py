"""What people read is in plain words: the phrases that the wording table of the screens replaced,
and the patterns behind them, occur in no string of the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("core", "explorer", "pages")
NOT_WORDS = ("core/answers", "core/problems/instructions.py", "core/tokens/sentences.py")
"""Their strings are of answers and questions, to be recognised."""

_UNITS = "problem|chain|token|position|rollout|step|second|hour|run|loop"
_COUNTED = "rollouts|samples|tokens|tries|answers|chains|problems|batches|nats|bits|kept|changed"
PATTERNS = {
    "'per', not 'a'": rf"\b({_COUNTED}) an? ({_UNITS})\b",
    "'continue', not 'go on'": r"\b(go|goes|going|gone|went) on\b",
    "'fix', not 'mend'": r"\bmend(s|ed|ing)?\b",
    "'correct', not 'right'": r"(?<!your )(?<!top )(?<!bottom )\bright\b(?! click| after| side)",
    "'be' or 'be written', not 'stand'": r"\bst(and|ands|ood)\b(?! beside)",
    "'change', not 'turn'": r"\bturn(s|ed)? (a|the|no|every|any)\b",
    "a noun, not 'of it'": r"(?<!part )\b(of|out of) it\b(?! with| in)",
    "a noun, not 'what ... is kept of them'": r"\bof them all\b|\bhow many of them\b|\bso many\b",
    "no riddles": r"\b(nobody|this very|for good|once more|by luck|torn|told)\b",
    "'is not a', not 'is no'": r"(?<!there )\bis no (?!longer|fork|gold)\w+",
    "'correct answer', not 'gold', on the screen": r"\bgold \d|\bgold answer\b|\bthe gold\b",
    "'about', not 'at most', for a time left": r"\bat most \{\} s\b",
    "'teaching model' or 'demo', not 'demo model', to people": r"^Demo model\b",
    "tokens as ␣Last": r"“ \w|“\{\}” →|\(piece ",
    "'percent' with a space": r"(?<![%\w.])\d+%(?![\w\})]|,? transparent|;|, )",
    "claims are measured, not called so": r"\b(significant(ly)?|obviously|guaranteed?|perfectly)\b",
}
ONLY_ON_SCREEN = ("'correct answer', not 'gold', on the screen",)
"""A problem file and the command line have a gold answer, as published sets have."""

REPLACED = (
    """
Overrule|Say yourself whether|as checked|Figures go on counting|no known answer to check against
cut at the limit|Any other token|type its text, then choose|Find what breaks it
Which forced token|positions of highest entropy|which they are not quite|Many tries make one
Trying single tokens|endings, at most|decides 100%|whether the answer is right
Share of the outcome's variance|Measure the one fork|Samples each
Show beside this branch|Alternatives kept|How tokens are drawn|Problems of your own
is among the problem sets|Choose its columns|Are these the right columns|another model / Folder
it is no evidence about|go on from their chain|1 run is working|How many of them
are drawn at random by the seed|The run goes on when|wherever a teacher would have chosen otherwise
Nowhere; the base's|the tokens that stand there|teacher's argmax|it stops after as many tokens
Arms that others build on|First k of the oracle|share that rescues|turned a single problem
What a reader will ask|changed tokens a chain|share of it where|chosen another token anywhere
would have written this very chain|none yet: fine-tune|it solves problems, and the adapter
another size takes them over|measured in another way|where it is torn|Do it all
nothing more to press
Rollouts a problem|Samples a problem|Every so many steps|So many are drawn|Decoded at once
Dollars an hour|The chains part at|what stands before it|push that is downwards
No problem changed sides|s of work|Kept in|The same once more|go for good|so it is no Hugging
is not on this machine. Open a saved|Choose that model in the sidebar to force
""".strip()
    .replace("\n", "|")
    .split("|")
)
"""Of the table's left column, as much as tells each one from other text."""


def strings_of(source: str) -> Iterator[tuple[int, str]]:
    """The strings of a module with their lines, docstrings left out; a value in one is {}."""
    tree = ast.parse(source)
    silent: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) else []:
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                silent.add(id(each.value))
        if isinstance(node, ast.JoinedStr):
            silent.update(map(id, node.values))
            parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
            yield node.lineno, "".join(map(str, parts))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in silent:
            yield node.lineno, text


def scripts_strings(source: str) -> Iterator[tuple[int, str]]:
    """The strings of a script; a value in one is {}."""
    source = re.sub(r"(?m)^\s*//.*$|\s// .*$", "", source)
    for found in re.finditer(r'"([^"\n]*)"|`([^`]*)`', source):
        line = source.count("\n", 0, found.start()) + 1
        yield line, re.sub(r"\$\{[^}]*\}", "{}", found[1] or found[2] or "")


@pytest.fixture(scope="module")
def sentences() -> list[tuple[str, int, str]]:
    """File, line and text of all strings of more than one word."""
    found = []
    for path in sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.[pj][ys]")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(NOT_WORDS):
            continue
        read = strings_of if path.suffix == ".py" else scripts_strings
        found += [(name, line, text) for line, text in read(path.read_text()) if " " in text]
    assert len(found) > 2000
    return found


def those(sentences: list[tuple[str, int, str]], pattern: str, flags: int = 0) -> list[str]:
    search = re.compile(pattern, flags).search
    return [f"{name}:{line} {text!r}" for name, line, text in sentences if search(text)]


@pytest.mark.parametrize("why", PATTERNS)
def test_no_sentence_has_the_pattern(sentences: list[tuple[str, int, str]], why: str) -> None:
    looked_at = [
        each
        for each in sentences
        if why not in ONLY_ON_SCREEN or each[0].startswith(("explorer", "pages"))
    ]
    assert those(looked_at, PATTERNS[why], re.IGNORECASE) == []


def test_no_phrase_of_the_wording_table_is_left(sentences: list[tuple[str, int, str]]) -> None:
    assert len(REPLACED) > 60
    assert those(sentences, "|".join(rf"\b{re.escape(phrase)}" for phrase in REPLACED)) == []


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("'per', not 'a'", "Rollouts a problem, K"),
        ("'per', not 'a'", "JS divergence, nats a token"),
        ("'continue', not 'go on'", "The run goes on when you leave this page."),
        ("'fix', not 'mend'", "3 of 20 tokens mend it."),
        ("'correct', not 'right'", "Say yourself whether the answer is right"),
        ("'be' or 'be written', not 'stand'", "what stands before it is dimmed"),
        ("'change', not 'turn'", "No arm turned a single problem."),
        ("a noun, not 'of it'", "share of it where H > 1.2"),
        ("no riddles", "The folder goes for good."),
        ("'is not a', not 'is no'", "so it is no Hugging Face model"),
        ("'correct answer', not 'gold', on the screen", "gold 32"),
        ("'about', not 'at most', for a time left", "at most {} s left"),
        ("tokens as ␣Last", "“ Another” → right"),
        ("'percent' with a space", "decides 100% of it"),
    ],
)
def test_each_pattern_finds_what_the_table_had(why: str, text: str) -> None:
    assert re.search(PATTERNS[why], text, re.IGNORECASE)


def test_strings_are_read_without_docstrings_and_comments() -> None:
    module = '"""Goes on."""\nx = f"{1 + 1} s of work"  # goes on\ny = "Kept in"\n'
    assert [text for _, text in strings_of(module)] == ["{} s of work", "Kept in"]
    script = '// goes on\nconst a = "no match"; // goes on\nb = `token ${i} of ${n}`;\n'
    assert [text for _, text in scripts_strings(script)] == ["no match", "token {} of {}"]
