"""`python -m benchmarks.long_chain [TOKENS]`: how soon a long chain is on screen, and a click in
its panel, in Chromium. The chain has the demo's ids, drawn at random, with made-up statistics."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.served_app import served_app
from core.chains.session import Session, SessionFolder
from core.models.language_model import load_language_model
from core.models.spec import DEMO, ModelSpec
from core.records import Chain, Outcome, Problem, StopReason, TokenStatistics, Verdict

PAINT, CLICK = 1.5, 0.3  # seconds, the targets
CLICKS = 10
_WATCH = """
  window.marks = {};
  const drawn = () => [...document.querySelectorAll('.st-key-chain_card *')].some(
    (e) => e.shadowRoot?.querySelector('.tokens .token'));
  const now = () => performance.now();
  const NativeSocket = window.WebSocket;
  window.WebSocket = class extends NativeSocket {
    constructor(...all) {
      super(...all);
      this.addEventListener('message', (event) => {
        const size = event.data.byteLength ?? event.data.size ?? event.data.length;
        if (size > 100000 && !window.marks.data) {
          window.marks.data = now();
          const look = () => {
            if (!drawn()) return requestAnimationFrame(look);
            requestAnimationFrame(() => requestAnimationFrame(() => {
              window.marks.painted = now(); }));
          };
          look();
        }
      });
    }
  };
"""


def main() -> None:
    """Measure and print both."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 16_000
    session_id = SessionFolder.new_id()
    with (
        tempfile.TemporaryDirectory() as home,
        served_app(Path(home)) as (address, _),
        sync_playwright() as playwright,
    ):
        SessionFolder(Path(home) / "sessions").save(session_id, made(size))
        url = f"{address}/?session={session_id}"
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        warm = context.new_page()  # the engine is loaded then, and the app's files are in the cache
        warm.goto(url)
        warm.locator(".st-key-chain_card .token").first.wait_for(timeout=120_000)
        warm.close()
        page = context.new_page()
        page.add_init_script(_WATCH)
        page.goto(url)
        page.wait_for_function("() => window.marks.painted", timeout=120_000)
        page.locator("[data-test-script-state='notRunning']").wait_for()
        marks = page.evaluate("window.marks")
        clicks = [_click(page, 3 + 7 * n) for n in range(CLICKS)]
        browser.close()
    paint = (marks["painted"] - marks["data"]) / 1000
    click = statistics.median(clicks)
    print(f"{size:,} tokens, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}:")
    print(
        f"  first paint after the data      {paint:.2f} s, target {PAINT} s: {_met(paint, PAINT)}"
    )
    print(f"  click to panel, median of {CLICKS:<3}   {click:.2f} s, target {CLICK} s: ", end="")
    print(f"{_met(click, CLICK)} ({min(clicks):.2f}-{max(clicks):.2f} s)")


def _met(seconds: float, target: float) -> str:
    return "met" if seconds < target else "MISSED"


def _click(page: Page, i: int) -> float:
    """Seconds from a click on a token to its number in the panel, measured in the page."""
    page.locator(".token").nth(i).evaluate(
        """(token, i) => {
          window.shown = null;
          const start = performance.now();
          const panel = () => document.querySelector('.st-key-inspector').textContent;
          const look = () => {
            if (panel().includes('#' + i + ' ')) window.shown = performance.now() - start;
            else requestAnimationFrame(look);
          };
          token.click();
          look();
        }""",
        i,
    )
    page.wait_for_function("() => window.shown !== null")
    page.locator("[data-test-script-state='notRunning']").wait_for()
    return float(page.evaluate("window.shown")) / 1000


def made(size: int) -> Session:
    """A session with one made chain of this many tokens."""
    lm = load_language_model(ModelSpec(device="cpu"))
    rng = np.random.default_rng(0)
    vocabulary = len(lm.tokenizer)
    top_ids = rng.integers(0, vocabulary, (size, 5)).astype(np.int32)
    share = -np.sort(-rng.dirichlet(np.full(5, 0.5), size) * 0.98 - 1e-6, axis=1)
    ids = tuple(map(int, top_ids[:, 0]))
    texts = [lm.text.display(i) for i in range(vocabulary)]
    chain = Chain(
        prompt_ids=(1,),
        token_ids=ids,
        tokens=tuple(texts[i] for i in ids),
        top_tokens=tuple(tuple(texts[i] for i in row) for row in top_ids),
        statistics=TokenStatistics(
            rng.exponential(0.4, size).astype(np.float32),
            np.log(share[:, 0]).astype(np.float32),
            np.ones(size, np.int32),
            top_ids,
            np.log(share).astype(np.float32),
        ),
        forced=(False,) * size,
        stop_reason=StopReason.LENGTH,
        model=DEMO,
        seed=0,
        problem=Problem("long", "A made chain", "1", source="benchmark"),
    )
    session = Session()
    session.open_problem(chain.problem).add_root(chain, Outcome("1", Verdict.CORRECT, False))
    return session


if __name__ == "__main__":
    main()
