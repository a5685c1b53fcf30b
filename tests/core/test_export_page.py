"""An exported page is one file that loads nothing, in which every text is inert."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest
from export_cases import CORRECT, HOSTILE, WORDS, chain_of, pair_of, tree_of

from core.chains.tree import ForkTree
from core.components.assets import heatmap_script, tree_script
from core.export.document import Handout
from core.export.files import Form, exported
from core.export.of_chains import branch_handout, chain_handout, comparison_handout, tree_handout
from core.export.scrubbing import Scrubber
from core.export.tables import latex, markdown
from core.models.spec import DEMO_NOTICE
from core.records import Sampler

NOBODY = Scrubber()
ELEMENTS = set(
    "html head meta title style body header p button h1 h2 noscript main section div table thead "  # noqa: SIM905
    "tbody tr th td bdi dl dt dd footer script".split()
)


def page_of(handout: Handout) -> str:
    data = exported(handout, Form.HTML, day=date(2026, 11, 26), scrubber=NOBODY)
    return data.decode("utf-8")


class Elements(HTMLParser):
    """The elements of a page, and what is in its scripts and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[int, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", {}))

    def handle_data(self, data: str) -> None:
        at = len(self.tags) - 1
        self.inside[at] = self.inside.get(at, "") + data

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (attrs, self.inside.get(i, ""))
            for i, (name, attrs) in enumerate(self.tags)
            if name == tag
        ]


def data_of(page: str) -> Any:
    scripts = Elements(page).all("script")
    return json.loads(next(text for attrs, text in scripts if attrs.get("id") == "exported"))


PAGES = {
    "chain": lambda: chain_handout(chain_of(HOSTILE), CORRECT),
    "tree": lambda: tree_handout(tree_of()),
    "comparison": lambda: comparison_handout(pair_of(), CORRECT, "demo-teacher"),
}


@pytest.mark.parametrize("name", PAGES)
def test_only_its_own_script_and_style_may_run(name: str) -> None:
    found = Elements(page_of(PAGES[name]()))
    policy = next(
        attrs["content"] or ""
        for attrs, _ in found.all("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    assert allowed["base-uri"] == allowed["form-action"] == "'none'"
    (_, style), (_, script) = found.all("style")[0], found.all("script")[-1]
    for text, name in ((style, "style-src"), (script, "script-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed[name] == f"'sha256-{digest}'"
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_from_anywhere(name: str) -> None:
    page = page_of(PAGES[name]())
    for tag, attrs in Elements(page).tags:
        assert tag.removeprefix("/") in ELEMENTS
        assert not {"src", "href", "srcset", "action", "style"} & attrs.keys()
        assert not [each for each in attrs if each.startswith("on")]
    links = set(re.findall(r"(?:https?|wss?|ftp):[^\s\"']+", page))
    assert links <= {"http://www.w3.org/2000/svg"}  # the name of SVG, of the tree's elements


@pytest.mark.parametrize("name", PAGES)
def test_hostile_texts_are_data_and_never_markup(name: str) -> None:
    page = page_of(PAGES[name]())
    assert "<script>alert" not in page
    assert "<img" not in page
    assert len(Elements(page).all("script")) == 2
    every = [token for chain in data_of(page)["chains"] for token in chain["message"]["tokens"]]
    assert set(every) & set(HOSTILE) or name == "comparison"


def test_the_page_has_the_app_s_own_components() -> None:
    """Not a second heatmap: the same source, but for the name of its entry."""
    page = page_of(tree_handout(tree_of()))
    script = Elements(page).all("script")[-1][1]
    for source in (heatmap_script(), tree_script()):
        before, after = source.split("export default function (")
        assert before in script
        assert after in script


def test_a_message_is_the_one_the_app_sends_but_takes_no_requests() -> None:
    handout = chain_handout(chain_of(WORDS), CORRECT, tau=0.9)
    (chain,) = data_of(page_of(handout))["chains"]
    expected = handout.chains[0].view.message(takes=[])
    message = chain["message"]
    assert {**message, "pageKeys": False, "strip": False} == json.loads(json.dumps(expected))
    assert message["takes"] == []


@pytest.mark.parametrize("k", [5, 20])
def test_two_thousand_tokens_are_below_one_megabyte(k: int) -> None:
    words = [f" word{i % 700}" for i in range(2_000)]
    top = tuple(tuple(f" other{(i * 7 + j) % 3_000}" for j in range(k)) for i in range(2_000))
    page = page_of(chain_handout(chain_of(words, k, top_tokens=top), CORRECT))
    assert len(page.encode()) < 1_000_000


def test_a_page_says_how_the_chain_was_made() -> None:
    chain = chain_of(WORDS, adapter="owner/adapter", prompt_date="2026-11-26")
    facts = dict(chain_handout(chain, CORRECT, tau=1.1).facts)
    assert facts == {
        "model": "smollm2",
        "revision": "abc123",
        "adapter": "owner/adapter",
        "precision": "float32",
        "prompt style": "few_shot",
        "sampler": "temperature 0.6, top-p 0.9, seed 7, up to 80 tokens",
        "seed": "7",
        "fork": "entropy above 1.1 nats",
        "date in the prompt": "2026-11-26",
        "problem": "saw-1 of demo",
        "versions": "torch 2.13.0, transformers 5.23.0",
    }
    page = page_of(chain_handout(chain, CORRECT, tau=1.1))
    for name, value in facts.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    demo = chain_of(WORDS, model="demo", revision=None)
    assert ("revision", "none named") in chain_handout(demo).facts, "it is not from the hub"


def test_the_teaching_model_is_called_one() -> None:
    page = page_of(chain_handout(chain_of(WORDS, model="demo", sampler=Sampler()), CORRECT))
    assert DEMO_NOTICE in page
    assert "demo, a teaching model" in page
    assert DEMO_NOTICE not in page_of(chain_handout(chain_of(WORDS), CORRECT))


def test_a_tree_has_its_branches_endings_and_marks() -> None:
    data = data_of(page_of(tree_handout(tree_of())))
    assert [(n["id"], n["parent_id"], n["answer"], n["verdict"]) for n in data["nodes"]] == [
        ("b1", None, "72", "wrong"),
        ("b2", "b1", "64", "correct"),
        ("b3", "b2", "72", "wrong"),
    ]
    chains = {chain["id"]: chain["message"] for chain in data["chains"]}
    assert data["selected"] == "b1"
    assert chains["b1"]["fixMarks"] == {"3": "fixes", "7": "tried"}
    assert chains["b1"]["select"] == 3
    assert (chains["b2"]["shared"], chains["b2"]["first"]) == (3, 3)
    tables = tree_handout(tree_of()).tables
    assert tables[0].rows[1] == ("b2", "b1", "#3 ␣were", "64", "correct", "10", "<b>mine</b>")
    assert tables[1].rows == (
        ("strongest forks", "50.0 %", "9.5–90.5 %", "2"),
        ("random positions (control)", "0 %", "0.0–79.3 %", "1"),
    )


HOSTILE_NOTE = "</script><img src=x onerror=alert(1)>\n| a | *b* \\input{c} $1 & 2"


def noted_tree() -> ForkTree:
    tree = tree_of()
    tree.write_note("b1", HOSTILE_NOTE, 1)
    tree.write_note("b2", "The correct one.")
    tree.write_note("b2", "n" * 2_000, 5)
    return tree


def test_notes_are_on_their_tokens_and_in_a_list() -> None:
    handout = tree_handout(noted_tree())
    data = data_of(page_of(handout))
    chains = {chain["id"]: chain["message"]["notes"] for chain in data["chains"]}
    assert chains["b1"] == {"1": HOSTILE_NOTE}
    assert chains["b2"] == {"1": HOSTILE_NOTE, "5": "n" * 399 + "…"}, "also on a shared token"
    assert data["chainNotes"] == {"b2": "The correct one."}
    found = Elements(page_of(handout))
    assert [(attrs["data-chain"], attrs["data-position"]) for attrs, _ in found.all("button")[1:]]\
        == [("b1", "1"), ("b2", ""), ("b2", "5")]  # fmt: skip
    assert [text for attrs, text in found.all("dd") if attrs.get("class") == "note"] == [
        HOSTILE_NOTE,
        "The correct one.",
        "n" * 2_000,
    ]
    assert [text for _, text in found.all("bdi")[:3]] == [
        "b1 · #1 ␣start",
        "b2 · the chain",
        "b2 · #5 ␣9",
    ]


def test_one_branch_has_its_own_notes_and_those_of_its_shared_tokens() -> None:
    tree = noted_tree()
    assert [each.place for each in branch_handout(tree, tree.branch("b2")).notes] == [
        "the chain",
        "#1 ␣start",
        "#5 ␣9",
    ]
    assert [each.place for each in branch_handout(tree, tree.branch("b1")).notes] == ["#1 ␣start"]


def test_notes_in_markdown_and_latex_are_escaped() -> None:
    handout = tree_handout(noted_tree())
    text = markdown(handout)
    assert "## Notes\n\n**b1 · \\#1 ␣start**  \n\\</script\\>\\<img src=x" in text
    assert "\n\\| a \\| \\*b\\* \\\\input\\{c\\} \\$1 \\& 2  \n" in text
    table = latex(handout)
    assert "\\caption{Notes}" in table
    assert r"\textbackslash input\{c\} \$1 \& 2" in table
    for without in (markdown(tree_handout(tree_of())), latex(tree_handout(tree_of()))):
        assert "Notes" not in without
    assert "<h2>Notes" not in page_of(tree_handout(tree_of()))


def test_a_large_tree_says_how_many_chains_are_left_out() -> None:
    tree = tree_of()
    words = [f" word{i}" for i in range(2_500)]
    many = [(chain_of(words, 20), CORRECT) for _ in range(12)]
    tree.add_branches("b1", 0, many)
    handout = tree_handout(tree)
    assert len(handout.nodes) == 15
    kept = len(handout.chains)
    assert 0 < kept < 15
    assert f"The chains of {15 - kept} more branches are left out" in handout.notices[-1]
    assert len(page_of(handout).encode()) < 1_000_000


def test_a_comparison_marks_what_the_teacher_would_change() -> None:
    handout = comparison_handout(pair_of(), CORRECT, "/home/me/runs/teacher-1")
    assert handout.line.startswith("teacher-1 would change 2 of 10 tokens (20.0 %)")
    (chain,) = data_of(page_of(handout))["chains"]
    marks = chain["message"]["marks"]
    assert [(i, each) for i, each in enumerate(marks) if each != "unshifted"] == [
        (3, "reranked"),
        (7, "shifted"),
    ]
    assert chain["message"]["other"]["name"] == "teacher-1"
    assert [row[:5] for row in handout.tables[0].rows] == [
        ("3", "␣there", "␣were", "reranked", "2"),
        ("7", ".", "<b>!</b>", "shifted", "40"),
    ]
    assert "<p>teacher-1 would change 2 of 10 tokens (20.0 %); " in page_of(handout)
    assert ("written by", "smollm2") in handout.facts


def test_a_chain_that_the_teacher_wrote_is_not_the_base_s() -> None:
    """Its tokens are the teacher's; what the base would have written is its first choice."""
    pair = pair_of()
    wrote = list(WORDS)
    wrote[3], wrote[7] = " were", "<b>!</b>"
    pair = replace(pair, chain=replace(pair.chain, tokens=tuple(wrote)), along="teacher")
    handout = comparison_handout(pair, CORRECT, "teacher-1")
    assert handout.line.startswith("teacher-1 wrote this; the base differs at 2 of 10 tokens")
    assert ("written by", "teacher-1") in handout.facts
    (table,) = handout.tables
    assert table.caption == "Where teacher-1 left the base"
    assert [row[1:3] for row in table.rows] == [("␣there", "␣were"), (".", "<b>!</b>")]


def test_a_long_table_of_changes_says_what_it_leaves_out() -> None:
    handout = comparison_handout(pair_of(), CORRECT, "teacher-1")
    assert handout.tables[0].note == ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.export.chain_tables._MOST_ROWS", 1)
        (table,) = comparison_handout(pair_of(), CORRECT, "teacher-1").tables
        assert (len(table.rows), table.note) == (1, "The first 1 of 2.")
        short = comparison_handout(pair_of(), CORRECT, "teacher-1")
        for text in (page_of(short), latex(short), markdown(short)):
            assert "The first 1 of 2." in text.replace("\\", "")


def test_one_branch_keeps_its_marks() -> None:
    tree = tree_of()
    (part,) = branch_handout(tree, tree.branch("b2")).chains
    assert (part.view.shared_prefix, part.view.first_difference) == (3, 3)
    assert part.head.endswith("<b>mine</b>")
