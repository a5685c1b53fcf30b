"""No folder, secret or host name of this machine is in any exported file."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from typing import Any

import pytest
from export_cases import CORRECT, WORDS, chain_of, pair_of, tree_of
from hypothesis import given, settings
from hypothesis import strategies as st

from core.export.document import Handout
from core.export.files import Form, exported
from core.export.of_chains import chain_handout, comparison_handout, tree_handout
from core.export.of_runs import run_handout
from core.export.scrubbing import Scrubber, scrubbed
from core.records import Problem
from core.runs.model_names import last_part
from core.runs.run import Run

STORED = Path(__file__).resolve().parents[1] / "data" / "stored_runs"
SECRET = "zq9-secret-value-of-mine"
HUB = "hf_abcdefghijklmnopqrstuvwx"
HOST = "ward-7.example"
TEXTS = (Form.HTML, Form.SVG, Form.MD, Form.TEX)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scrubber:
    """A machine whose user, folder, secret and name are known."""
    monkeypatch.setattr(Path, "home", lambda: Path("/home/zacharias"))
    monkeypatch.setattr(platform, "node", lambda: HOST)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    return Scrubber.of_this_machine()


def leaks(data: bytes, tmp_path: Path) -> list[str]:
    text = data.decode("utf-8")
    every = (SECRET, HUB, HOST, "ward-7", "zacharias", str(tmp_path), "/data/models", "Users\\me")
    return [each for each in every if each in text]


def dirty(text: str) -> str:
    return f"{text} {SECRET} {HUB} on {HOST} in /home/zacharias/x/{text} and /data/models/{text}"


@pytest.mark.parametrize("form", TEXTS)
def test_a_chain_and_a_tree_leave_nothing(form: Form, machine: Scrubber, tmp_path: Path) -> None:
    spread = ["The", " key", " is", f" {HUB[:8]}", HUB[8:], " in", " /home/za", "charias", "."]
    chain = chain_of(
        spread,
        model="/data/models/llama",
        adapter="/home/zacharias/runs/train-1/adapter",
        problem=Problem("p", f"What is {SECRET} in /home/zacharias/x?", "1", "C:\\Users\\me\\set"),
        versions={"torch": dirty("2")},
    )
    tree = tree_of()
    tree.add_root(chain, CORRECT)
    tree.rename("b1", dirty("name"))
    tree.write_note("b1", dirty("chain"))
    tree.write_note("b1", dirty("token"), 2)
    for handout in (chain_handout(chain, CORRECT), tree_handout(tree)):
        assert leaks(exported(handout, form), tmp_path) == []
    pair = comparison_handout(pair_of(), CORRECT, f"{tmp_path}/runs/teacher/adapter")
    assert leaks(exported(pair, form), tmp_path) == []


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("kind", ["compare", "evaluate-first", "interventions", "train"])
def test_a_run_leaves_nothing(kind: str, form: Form, machine: Scrubber, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / kind
    shutil.copytree(STORED / kind, folder)
    run = Run.open(folder)
    run.label(name=dirty("mine"), notes=dirty("notes"), tags=[HOST])
    model = {**run.config.model, "model": "/data/models/llama", "adapter": f"{tmp_path}/adapter"}
    run.config = run.config.model_copy(update={"model": model, "host": HOST})
    assert leaks(exported(run_handout(run), form), tmp_path) == []


def test_of_a_path_its_last_part_is_left() -> None:
    scrubber = Scrubber(("/home/ann",), ("topsecret1",), ("lab-3",))
    cases = {
        "/home/ann": "[folder]",
        "/home/ann/": "[folder]",
        "/home/ann/models/llama": "llama",
        "/home/annabel/x": "x",
        "in /data/a/b.json, and C:\\Users\\ann\\m": "in b.json, and m",
        "(\\\\server\\models\\mine": "(mine",
        "a topsecret1 b": "a [secret] b",
        f"token {HUB}": "token [secret]",
        "made on LAB-3.": "made on [host].",
        "2/3 of owner/model at https://x.org/a/b": "2/3 of owner/model at https://x.org/a/b",
    }
    assert {text: scrubber.prose(text) for text in cases} == cases


@pytest.mark.parametrize(
    "text",
    [
        r"Let $f:\mathbb{R}\to\mathbb{R}$ be odd.",
        r"✗ \begin{pmatrix}-2\\-14\\-7\end{pmatrix}, wrong",
        r"\begin{cases}x\\y\le 3\end{cases}",
    ],
)
def test_latex_is_not_taken_for_a_path(text: str) -> None:
    assert Scrubber(("/home/ann",)).prose(text) == text


def test_a_host_that_is_a_word_stays_in_what_a_problem_says() -> None:
    scrubber = Scrubber(hosts=("station",))
    assert scrubber.content("A train leaves the station.") == "A train leaves the station."
    assert scrubber.prose("run on station") == "run on [host]"
    problem = Problem("t", "A train leaves the station.", "64")
    clean = scrubbed(chain_handout(chain_of(WORDS, problem=problem), CORRECT), scrubber)
    assert clean.title == clean.question == problem.question


@settings(max_examples=40)
@given(st.lists(st.text(max_size=6), max_size=12), st.integers(0, 11), st.integers(1, 7))
def test_tokens_keep_their_lengths_and_no_secret_is_left(
    tokens: list[str], at: int, cut: int
) -> None:
    """However the secret is cut into tokens."""
    secret = "secret-ab12"
    at = min(at, len(tokens))
    planted = [*tokens[:at], secret[:cut], secret[cut:], *tokens[at:]]
    clean = Scrubber(secrets=(secret,)).pieces(planted)
    assert list(map(len, clean)) == list(map(len, planted))
    assert secret not in "".join(clean)


def test_scrubbing_leaves_every_other_text_as_it_was(machine: Scrubber) -> None:
    handout = chain_handout(chain_of(WORDS), CORRECT)
    clean = scrubbed(handout, machine)
    assert {**vars(clean), "chains": ()} == {**vars(handout), "chains": ()}
    assert list(clean.chains[0].view.tokens) == list(WORDS)


def test_short_values_and_other_variables_are_no_secrets() -> None:
    scrubber = Scrubber.of_this_machine(
        {"MY_TOKEN": "short", "PATH": "/usr/bin:/bin", "A_TOKEN": SECRET}
    )
    assert scrubber.secrets == (SECRET,)


def test_a_secret_that_begins_another_one_leaves_nothing_of_it() -> None:
    scrubber = Scrubber.of_this_machine({"A_TOKEN": "begin-12", "B_TOKEN": "begin-12-rest"})
    assert "rest" not in scrubber.prose("x begin-12-rest") + scrubber.content("begin-12-rest")


def test_names_of_models_lose_their_folder_on_any_system() -> None:
    names = {
        "demo": "demo",
        "owner/model": "owner/model",
        "/data/llama": "llama",
        "~/llama": "llama",
        "../llama": "llama",
        "C:\\models\\llama": "llama",
        "\\\\server\\models\\llama": "llama",
    }
    assert {name: last_part(name) for name in names} == names


def handouts() -> dict[str, Any]:
    return {"chain": chain_handout(chain_of(WORDS), CORRECT), "tree": tree_handout(tree_of())}


@pytest.mark.parametrize("name", ["chain", "tree"])
def test_no_folder_of_the_real_machine_is_in_a_page(name: str) -> None:
    handout: Handout = handouts()[name]
    text = exported(handout, Form.HTML).decode()
    for folder in Scrubber.of_this_machine().folders:
        if len(folder) > 6:  # a shorter one may stand in the base64 of a column
            assert folder not in text
