// When the card opens, follows and closes: the pointer rests on a token, or the keys reach it.

const DWELL = 300; // ms after which the card can be reached with the pointer
const LINGER = 160; // ms, so that the card doesn't flicker when the pointer crosses a gap
let pointer = null; // where it was seen last, on this page

window.addEventListener(
  "pointermove",
  (event) => {
    pointer = { x: event.clientX, y: event.clientY };
  },
  { capture: true, passive: true },
);

class CardPointer {
  // of: {list, card, fill(i) -> facts of the card, rectOf(i, line), isOff() -> no card at all}
  constructor(of) {
    Object.assign(this, of);
    this.i = null; // the position that the card describes
    this.line = 0;
    const { list } = this;
    list.addEventListener("pointerover", (event) => this.over(event));
    list.addEventListener("pointerleave", () => this.hideSoon());
    this.onMove = () => this.place();
    window.addEventListener("scroll", this.onMove, { capture: true, passive: true });
    window.addEventListener("resize", this.onMove, { passive: true });
  }

  over(event) {
    if (event.pointerType === "touch") return; // a finger would be covered; the panel has it all
    // What is drawn anew or scrolled under a pointer that rests is not pointed at.
    if (pointer && event.clientX === pointer.x && event.clientY === pointer.y) return;
    const span = event.target.closest?.(".token");
    clearTimeout(this.hiding);
    if (!span) return this.hideSoon();
    const rects = [...span.getClientRects()];
    const under = rects.findIndex((r) => event.clientY >= r.top && event.clientY <= r.bottom);
    this.show(span.i, Math.max(0, under), false);
  }

  show(i, line = i === this.i ? this.line : 0, reachable = true) {
    clearTimeout(this.hiding);
    clearTimeout(this.dwelling);
    if (this.isOff()) return;
    this.i = i;
    this.line = line; // for a token that wraps over two lines, the line pointed at
    this.card.setReachable(reachable);
    if (!reachable) this.dwelling = setTimeout(() => this.card.setReachable(true), DWELL);
    this.card.fill(this.fill(i));
    this.place();
  }

  // The card's token may have changed.
  again() {
    if (this.i === null) return;
    this.card.fill(this.fill(this.i));
    this.place();
  }

  place() {
    const rect = this.i === null ? null : this.rectOf(this.i, this.line);
    if (!rect) return;
    const box = this.list.getBoundingClientRect();
    const seen = rect.bottom > box.top && rect.top < box.bottom && rect.height > 0;
    this.card.element.classList.toggle("out-of-sight", !seen);
    this.card.show(rect);
  }

  stay() {
    clearTimeout(this.hiding);
  }

  hideSoon() {
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => this.hide(), LINGER);
  }

  hide() {
    clearTimeout(this.hiding);
    clearTimeout(this.dwelling);
    this.i = null;
    this.card.hide();
  }

  close() {
    this.hide();
    window.removeEventListener("scroll", this.onMove, { capture: true });
    window.removeEventListener("resize", this.onMove);
  }
}
