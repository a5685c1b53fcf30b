"""Bad input in the page: one line that says what is wrong and what to do; nothing is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from app import (
    DEMO_IS_BUILT,
    button,
    choose,
    expect_loaded,
    load_other_model,
    open_app,
    set_number,
    settled,
)
from models import save_tiny_model
from peft import LoraConfig, get_peft_model
from playwright.sync_api import Page, expect
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken

from core.models.language_model import load_language_model
from core.models.spec import ModelSpec
from core.records import SCHEMA_VERSION

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]


def no_weights(folder: Path) -> Path:
    (folder / "model.safetensors").unlink()
    return folder


def pickled(folder: Path) -> Path:
    torch.save({}, no_weights(folder) / "pytorch_model.bin")
    return folder


def changed(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def without_head(folder: Path) -> Path:
    return changed(folder, lambda weights: weights.pop("lm_head.weight"))


def without_numbers(folder: Path) -> Path:
    return changed(folder, lambda weights: weights["model.norm.weight"].fill_(float("nan")))


MODELS: dict[str, tuple[Callable[[Path], Path | str], str, str]] = {
    "missing": (lambda _: "/no/such/folder", "Found no model folder", "Give an existing"),
    "no weights": (no_weights, "has no weights", "finish the download"),
    "pickled": (pickled, "a pickle can run code", "Convert them to safetensors"),
    "no head": (without_head, "1 missing (lm_head.weight)", "Get all of the model's files"),
    "NaN": (without_numbers, "are not finite numbers", "Its weights are damaged"),
    "offline": (lambda _: "nobody/nothing", "the hub can't be reached", "Check the network"),
}


def test_a_model_or_an_adapter_that_can_not_be_loaded(
    page: Page, url: str, tiny_model: str, tmp_path: Path
) -> None:
    tokens = open_app(page, url).count()
    alert = page.get_by_test_id("stSidebarUserContent").get_by_role("alert")
    for what, (prepare, says, remedy) in MODELS.items():
        load_other_model(page, prepare(save_tiny_model(tmp_path / what)))
        expect(alert).to_contain_text(says)
        expect(alert).to_contain_text(remedy)
        assert page.locator(".heatmap .token").count() == tokens, "the chain on screen stays"
    choose(page, "Model", "demo")
    page.locator(".token.fork").last.click()
    expect(button(page, "Try all five")).to_be_enabled()

    lm = load_language_model(ModelSpec(tiny_model))
    folder = tmp_path / "adapter"
    get_peft_model(lm.model, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(folder)
    page.get_by_text("Adapter, device, precision").click()
    field = page.get_by_label("LoRA adapter folder")
    field.fill(str(folder))
    field.press("Enter")
    button(page, "Load").click()
    expect(alert).to_contain_text("does not fit this model")


def test_what_can_not_be_asked(page: Page, url: str, tmp_path: Path) -> None:
    open_app(page, url)
    alert = page.get_by_role("alert")
    choose(page, "Problems from", "My own question")
    field = page.get_by_label("Question", exact=True)
    field.fill("  ")
    field.press("Control+Enter")
    settled(page)
    expect(button(page, "Generate")).to_be_disabled()
    expect(alert).to_have_count(0)
    field.fill("why " * 700)
    field.press("Control+Enter")
    settled(page)
    button(page, "Generate").click()
    expect(alert).to_contain_text("leaves no room")  # in the context of the demo
    choose(page, "Problems from", "Demo problems")
    expect(page.locator(".heatmap .token").first).to_be_visible()

    set_number(page, "Max new tokens", 60_000)
    button(page, "Generate").click()
    expect(alert.filter(has_text="Set max new tokens to")).to_be_visible()
    expect(page.locator(".tree .node")).to_have_count(1)

    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "What is 1+1?", "answer": "2"}\n{broken\n')
    choose(page, "Problems from", "Upload…")
    page.locator(".st-key-problem_file input[type=file]").set_input_files(file)
    expect(alert.filter(has_text="line 2")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not a JSON file"),
        (json.dumps({"schema_version": SCHEMA_VERSION + 1, "kind": "session"}), "Update the"),
        (json.dumps({"schema_version": 1, "kind": "session", "trees": [{}]}), "damaged"),
    ],
    ids=["malformed", "future version", "damaged"],
)
def test_a_session_file_that_can_not_be_opened(
    page: Page, url: str, tmp_path: Path, content: str, says: str
) -> None:
    file = tmp_path / "session.json"
    file.write_text(content)
    open_app(page, url)
    button(page, "Open file").click()
    page.locator(".st-key-session_file input[type=file]").set_input_files(file)
    expect(page.get_by_role("alert").first).to_contain_text(says)
    expect(page.locator(".tree .node")).to_have_count(1)


def test_text_of_several_tokens_is_one_row_and_is_forced_token_by_token(
    page: Page, url: str
) -> None:
    open_app(page, url)
    page.locator(".token.fork").last.click()
    field = page.get_by_role("textbox", name="Another token or a phrase")
    field.fill("xylophone 7")
    field.press("Enter")
    typed = page.locator(".alternatives tr.typed")
    expect(typed).to_have_count(2)  # with a leading space, and without
    expect(typed.first).to_contain_text(re.compile(r"\d+ tokens, ranks \d"))
    words = re.search(r"(\d+) tokens", typed.first.inner_text())
    assert words is not None
    typed.first.press("Enter")
    expect(page.locator(".tree .node")).to_have_count(2)
    expect(page.locator(".heatmap .token.forced")).to_have_count(int(words.group(1)))
    expect(page.locator(".alternatives tr.chosen")).to_contain_text("xylophone 7")


def test_a_damaged_or_unknown_link_opens_the_app_all_the_same(page: Page, url: str) -> None:
    for query, says in (
        ("?session=../../etc", "isn't on this computer"),
        ("?session=aaaaaaaaaaaa&branch=b9", "isn't on this computer"),
        ("?branch=b1&token=999", "no position 999"),
        ("?branch=b1&token=" + "9" * 5000, "a branch or token that doesn't exist"),
    ):
        open_app(page, url + query)
        expect(page.locator(".tree .node")).to_have_count(1)
        expect(page.get_by_role("alert")).to_contain_text(says)


HOSTILE = ["<script>alert(1)</script>", "&amp;", "<img src=x onerror=alert(2)>"]


def test_hostile_tokens_are_inert_everywhere_in_the_app(
    page: Page, url: str, tmp_path: Path
) -> None:
    folder = save_tiny_model(tmp_path / "hostile", padding=40)
    lm = load_language_model(ModelSpec(str(folder)))
    lm.tokenizer.add_tokens([AddedToken(text, normalized=False) for text in HOSTILE])
    lm.tokenizer.save_pretrained(folder)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    open_app(page, url)
    load_other_model(page, folder)
    expect_loaded(page, folder.name, "vocabulary · 360")
    set_number(page, "Max new tokens", 12)
    button(page, "Generate").click()
    expect(page.locator(".tree .node")).to_have_count(2)
    for n, text in enumerate(HOSTILE):
        page.locator(".heatmap:not(.live) .token").nth(n + 1).click()
        expect(page.locator(".st-key-inspector")).to_contain_text(f"#{n + 1}")
        field = page.get_by_role("textbox", name="Another token")
        field.fill(text)
        field.press("Enter")
        row = page.locator(".alternatives tr.typed").filter(has=page.get_by_text(text, exact=True))
        expect(row).to_have_attribute("aria-disabled", "false")
        row.press("Enter")
        expect(page.locator(".heatmap .token").nth(n + 1)).to_have_text(text)
        expect(page.locator(".tree .node")).to_have_count(n + 3)
        page.locator(".heatmap .token").nth(n + 1).hover()
        expect(page.locator(".card-token")).to_contain_text(text)
    page.get_by_text("Forks (").click()
    button(page, "Find the fix").click()
    positions = page.get_by_role("spinbutton", name="Positions")
    positions.fill("12")
    positions.press("Enter")
    settled(page)
    button(page, "Search again").click()
    page.get_by_text("Show all attempts").click()
    grid = page.locator(".grids table").first
    expect(grid.locator("tr")).to_have_count(12)
    expect(grid).to_contain_text(HOSTILE[-1])
    assert dialogs == []
    assert page.locator("img[src='x']").count() == 0
