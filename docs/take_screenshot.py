"""Take the screenshots of every page, and the README's: `python docs/take_screenshot.py`.

It makes three small runs of the demo in a folder of its own, starts the app there, and opens every
page in light and dark at 1280 px, and in light at 800 and 390 px. Takes two to three minutes.
`--runs FOLDER` shows finished runs of that folder instead of making new ones, `--into FOLDER`
writes the pictures elsewhere, `--whole` takes whole pages instead of their first screen.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from server import end_server, start_server  # noqa: E402

from core.disagreement.task import plan_comparison  # noqa: E402
from core.evaluation.task import EVALUATE, plan_evaluation  # noqa: E402
from core.interventions.task import plan_interventions  # noqa: E402
from core.kinds import KINDS  # noqa: E402
from core.models.spec import DEMO, DEMO_TEACHER, ModelSpec  # noqa: E402
from core.models.tokenizer_text import load_token_text  # noqa: E402
from core.problems.problem_sets import read_problems  # noqa: E402
from core.runs.context import DONE, carry_out  # noqa: E402
from core.runs.run import Run  # noqa: E402
from core.runs.runs_folder import RunsFolder  # noqa: E402
from core.system.json_text import json_text  # noqa: E402
from explorer.guide.tour import TOUR_DONE  # noqa: E402

SHOTS = (
    ("1280-light", 1280, 860, "light"),
    ("1280-dark", 1280, 860, "dark"),
    ("800", 800, 1000, "light"),
    ("390", 390, 844, "light"),
)
"""Name, width and height in CSS pixels, colour scheme."""
PAGES = (
    "explore", "interventions", "compare", "finetune", "evaluate", "claims", "rollouts", "runs",
    "learn", "tour",
)  # fmt: skip
"""The tour is Explore as a new user sees it; the other pictures are without it."""
ROLLOUTS = "step_40.jsonl"
"""A file in verl's form, of the evaluation's chains."""
FINE_TUNE = ROOT / "tests" / "data" / "stored_runs" / "train"
PATIENCE = 300_000  # ms
MOST_BYTES = 150_000  # of a picture
_MOST_PIXELS = 4000  # of a whole page's height


def sample_runs(folder: Path, given: Path | None) -> dict[str, str]:
    """Make a run for every page that shows one, or copy the one of a given folder; returns their
    ids by page."""
    problems, spec = read_problems("demo"), ModelSpec(DEMO)
    plans: dict[str, Callable[[], Any]] = {
        "evaluate": lambda: plan_evaluation(spec, problems, {"samples": 4}, sample=40),
        "interventions": lambda: plan_interventions(
            spec, problems, {}, teacher=DEMO_TEACHER, sample=24
        ),
        "compare": lambda: plan_comparison(spec, problems, {}, teachers=[DEMO_TEACHER], sample=24),
    }
    ids = {}
    finished = [] if given is None else RunsFolder(given).list()
    for kind, plan in plans.items():
        made = next((each for each in finished if each.config.task == kind), None)
        if made is not None:
            shutil.copytree(made.folder, folder / made.id)
            ids[kind] = made.id
            continue
        run = Run.create(folder, kind, plan())
        if carry_out(run, KINDS[kind].load().carry_out, bar=False) != DONE:
            raise SystemExit(f"The run {run.id} failed: see {run.log_path}.")
        ids[kind] = run.id
    shutil.copytree(FINE_TUNE, folder / FINE_TUNE.name)
    return ids | {"finetune": FINE_TUNE.name}


def write_rollouts(run: Run, path: Path) -> None:
    """Write an evaluation's chains as verl writes its rollouts."""
    text, problems = load_token_text(ModelSpec(DEMO)), {each.id: each for each in run.problems()}
    rows = [
        {
            "input": text.decode(record.prompt_ids),
            "output": text.decode(sample.token_ids),
            "gts": problems[record.problem_id].answer,
            "score": float(sample.correct),
            "step": 40,
        }
        for record in EVALUATE.records_of(run)
        for sample in record.samples
    ]
    path.write_text("".join(json_text(row) + "\n" for row in rows))


@contextmanager
def opened(browser: Browser, width: int, height: int, scheme: Any) -> Iterator[Page]:
    """A page of a size and colour scheme, in a session of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def show(page: Page, address: str, name: str, run: str | None, home: Path) -> None:
    """Open a page, with its run or file if it shows one, and wait until it is drawn."""
    path = "" if name in ("explore", "tour") else name
    page.context.clear_cookies()
    if name != "tour":
        page.context.add_cookies([{"name": TOUR_DONE, "value": "1", "url": address}])
    page.goto(f"{address}/{path}" + (f"?run={run}" if run else ""))
    settled(page)
    if name == "explore":
        page.locator(".token.fork").last.click()
        settled(page)
        page.mouse.move(0, 0)
    if name == "rollouts":
        page.locator("input[type=file]").set_input_files(home / ROLLOUTS)
        score = page.get_by_role("button", name="Score all")
        expect(page.get_by_text(re.compile(r"of \d+ problems")).first).to_be_visible(
            timeout=PATIENCE
        )
        settled(page)
        if score.count():  # once: scores stay
            score.click()
            expect(page.get_by_text(re.compile(r"rollouts of \d+ problems scored"))).to_be_visible(
                timeout=PATIENCE
            )
        settled(page)


def settled(page: Page) -> None:
    """Wait for the end of the script run and for the charts."""
    expect(page.locator("[data-test-script-state='notRunning']")).to_be_visible(timeout=PATIENCE)
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stSkeleton]') && "
        "[...document.querySelectorAll('.stPlotlyChart')].every(e => e.querySelector('svg'))"
    )
    page.wait_for_timeout(300)  # transitions


def picture(page: Page, target: Path, *, whole: bool = False) -> None:
    """Write what is on screen as a PNG of at most 150 kB, in as many colours as fit."""
    if whole:
        size = page.viewport_size or {"width": 1280, "height": 860}
        script = "() => document.querySelector('[data-testid=stMain]').scrollHeight"
        height = min(page.evaluate(script), _MOST_PIXELS)
        page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
        settled(page)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colors in (256, 128, 64, 32, 16):
        buffer = io.BytesIO()
        image.quantize(colors, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= MOST_BYTES:
            break
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(buffer.getvalue())
    print(f"{target} {buffer.tell() / 1000:.0f} kB, {colors} colours", flush=True)


def readme_picture(browser: Browser, address: str, target: Path) -> None:
    """The welcome chain with the branch of a forced token that makes its answer correct."""
    with opened(browser, 1280, 860, "light") as page:
        show(page, address, "explore", None, target.parent)
        page.locator(".token.fork").last.click()
        page.get_by_role("button", name="Try all five").click()
        rows = page.locator(".alternatives tbody tr")
        expect(rows.locator(".leads .value")).to_have_count(5, timeout=60_000)
        rows.filter(has_text="✓").first.press("Enter")
        expect(page.locator(".tree .node.correct")).to_have_count(1)
        page.mouse.move(0, 0)
        expect(page.locator(".card")).to_be_hidden()
        settled(page)
        picture(page, target)


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "screens")
    parser.add_argument("--whole", action="store_true", help="whole pages")
    parser.add_argument("--runs", type=Path, help="a folder of finished runs to show")
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        runs = sample_runs(home / "runs", arguments.runs)
        write_rollouts(Run.open(home / "runs" / runs["evaluate"]), home / ROLLOUTS)
        server, address = start_server(
            ROOT / "explorer" / "app.py", {"FORK_EXPLORER_HOME": str(home)}, home / "log.txt"
        )
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        try:
            with opened(browser, 1280, 860, "light") as page:
                page.goto(address)  # a cold server shows a chain to read first
                expect(page.get_by_role("button", name="Generate", exact=True)).to_be_visible(
                    timeout=PATIENCE
                )
            for shot, width, height, scheme in SHOTS:
                with opened(browser, width, height, scheme) as page:
                    for name in arguments.pages:
                        page.set_viewport_size({"width": width, "height": height})
                        show(page, address, name, runs.get(name), home)
                        target = arguments.into / f"{name}-{shot}.png"
                        picture(page, target, whole=arguments.whole)
            if arguments.into == parser.get_default("into") and not arguments.whole:
                readme_picture(browser, address, ROOT / "docs" / "explore.png")
        finally:
            browser.close()
            end_server(server)


if __name__ == "__main__":
    main()
