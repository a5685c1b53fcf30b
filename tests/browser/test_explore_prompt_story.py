"""In a real browser: a prompt seen token by token, a verdict overruled, a model that thinks."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from app import (
    DEMO_IS_BUILT,
    button,
    choose,
    expect_loaded,
    generate,
    load_other_model,
    open_app,
    set_number,
    settled,
)
from models import random_qwen3
from playwright.sync_api import Page, expect
from tokenizer_kinds import byte_level

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEMO_IS_BUILT, reason="no demo model built"),
]
HOSTILE = "<img src=x onerror=alert(1)> **2** + 2 = 你好?"


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("FORK_EXPLORER_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_a_template_is_tried_and_its_tokens_are_seen(page: Page, url: str) -> None:
    open_app(page, url)
    choose(page, "Problems from", "My own question")
    page.get_by_role("textbox", name="Question").fill(HOSTILE)
    page.get_by_role("textbox", name="Correct answer").fill("4")
    page.get_by_role("textbox", name="Correct answer").press("Enter")
    settled(page)
    button(page, "Prompt").click()
    frames = page.locator(".prompt-tokens span")
    expect(frames.first).to_be_visible()
    choose(page, "Prompt style", "plain")
    template = page.get_by_role("textbox", name="Template")
    template.fill("Q: {problem}\nA:")
    template.press("Control+Enter")
    code = page.locator(".stCode").first
    expect(code).to_contain_text("A:")
    assert code.inner_text().strip() == f"Q: {HOSTILE}\nA:"
    assert page.locator(".prompt-tokens img").count() == 0
    shown = frames.evaluate_all("spans => spans.map(s => [s.title, s.innerText])")
    ids = [int(re.search(r"id (\d+)$", title).group(1)) for title, _ in shown]  # type: ignore[union-attr]
    picture(page, "prompt")
    template.fill("nowhere")
    template.press("Control+Enter")
    expect(page.get_by_text("doesn't contain {problem}")).to_be_visible()
    template.fill("Q: {problem}\nA:")
    template.press("Control+Enter")
    expect(page.get_by_text("doesn't contain {problem}")).to_have_count(0)
    page.keyboard.press("Escape")
    generate(page)
    with page.expect_download() as download:
        button(page, "Save").click()
    trees = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))["trees"]
    assert trees[-1]["branches"][0]["chain"]["prompt_ids"] == ids


def test_a_verdict_is_overruled_and_taken_back(page: Page, url: str) -> None:
    open_app(page, url)
    headline = page.locator(".st-key-headline")
    expect(headline).to_contain_text("wrong")
    button(page, "Change verdict").click()
    page.get_by_text("Correct", exact=True).click()
    expect(headline).to_contain_text("correct by you (checker: wrong)")
    picture(page, "overruled")
    page.keyboard.press("Escape")
    expect(page.locator(".tree .node.correct")).to_have_count(1)
    settled(page)
    page.reload()
    expect(headline).to_contain_text("by you")
    button(page, "Change verdict").click()
    page.get_by_text("Automatic", exact=True).click()
    expect(headline).not_to_contain_text("by you")
    page.keyboard.press("Escape")
    button(page, "Undo").click()
    expect(headline).to_contain_text("correct by you")


def save_thinker(folder: Path) -> Path:
    """A random model whose chat template opens its thinking."""
    tokenizer = byte_level(bos=True)
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: <think>\n{% endif %}"
    )
    random_qwen3(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_thinking_models_chain_has_two_parts(page: Page, url: str, tmp_path: Path) -> None:
    open_app(page, url)
    load_other_model(page, save_thinker(tmp_path / "thinker"))
    expect_loaded(page, "thinker", "prompt style · chat_template")
    set_number(page, "Max new tokens", 12)
    button(page, "Generate").click()
    sections = page.locator(".st-key-sections")
    expect(sections).to_contain_text("ends inside its thinking part")
    page.locator(".heatmap .token").nth(1).click()
    other = page.get_by_role("textbox", name="Another token")
    other.fill("</think>")
    other.press("Enter")
    typed = page.locator(".alternatives tbody tr").filter(
        has=page.get_by_text("</think>", exact=True)  # not the reading with a space
    )
    expect(typed).to_have_attribute("aria-disabled", "false")
    typed.press("Enter")
    expect(sections).to_contain_text("#0 to #1, 2 tokens")
    settled(page)
    button(page, "Go to the answer").click()
    expect(page.locator(".st-key-inspector")).to_contain_text("#2")
    picture(page, "thinking")
    page.set_viewport_size({"width": 800, "height": 900})
    expect(sections).to_be_visible()
    picture(page, "thinking-800")
