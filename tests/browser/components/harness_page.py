"""Steps on the harness's pages, and what is measured there."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

Open = Callable[[str], Page]
_CONTRAST = """
(element) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (layers) => {
    for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb
    .map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const grounds = [];
  for (let e = element; e; e = e.parentElement ?? e.getRootNode().host) {
    grounds.unshift(getComputedStyle(e).backgroundColor);
  }
  const page = getComputedStyle(document.querySelector(".stApp")).backgroundColor;
  const style = getComputedStyle(element);
  const ink = element instanceof SVGElement ? style.fill : style.color;
  const ground = light(over([page, ...grounds]));
  const text = light(over([page, ...grounds, ink]));
  return (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
}
"""


def rest(page: Page) -> None:
    """Wait until the script run has ended."""
    expect(page.locator("[data-test-script-state='notRunning']")).to_be_visible()


def token(page: Page, i: int) -> Locator:
    """The element of position i."""
    return page.locator(".token").nth(i)


def focused(page: Page, i: int) -> None:
    """Expect the keyboard focus at position i."""
    expect(token(page, i)).to_be_focused()


def press(page: Page, button: str) -> None:
    """Click one of the harness's buttons."""
    page.get_by_role("button", name=button).click()


def contrast(element: Locator) -> float:
    """Contrast of an element's text with everything that is painted below it, 1 to 21."""
    return float(element.evaluate(_CONTRAST))


def faint_texts(page: Page, inside: str) -> list[str]:
    """The texts below `inside` with a contrast under 4.5, each with its contrast."""
    found = []
    for element in page.locator(f"{inside} *").all():
        own = element.evaluate(
            "e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())"
            " && e.getClientRects().length > 0 && getComputedStyle(e).visibility === 'visible'"
        )
        if own and (measured := contrast(element)) < 4.5:
            found.append(f"{element.text_content()}: {measured:.2f}")
    return found
