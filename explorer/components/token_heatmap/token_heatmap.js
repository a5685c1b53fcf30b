// The chain as running text: one element per token, updated only where something changed.

const instances = new WeakMap(); // parent element -> Heatmap

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let heatmap = instances.get(parentElement);
  if (!heatmap) instances.set(parentElement, (heatmap = new Heatmap(parentElement)));
  heatmap.setStateValue = setStateValue;
  heatmap.setTriggerValue = setTriggerValue;
  heatmap.update(data);
  return () => {
    heatmap.close();
    instances.delete(parentElement);
  };
}

class Heatmap {
  constructor(parent) {
    this.parent = parent;
    this.root = make("div", "heatmap");
    this.list = make("div", "tokens");
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Tokens of the chain");
    this.caret = make("span", "caret");
    this.caret.setAttribute("role", "presentation");
    this.list.append(this.caret);
    this.spoken = make("div", "spoken");
    this.spoken.setAttribute("aria-live", "polite");
    this.root.append(this.list);
    this.legend = new Legend(this.root);
    this.card = new HoverCard(this.root);
    this.root.append(this.spoken);
    parent.append(this.root);
    this.data = null;
    this.spans = [];
    this.selected = null; // position
    this.current = null; // the position in the tab order
    this.carded = null; // the position described by the card
    this.keyTime = -Infinity; // time of the last key
    this.column = null; // x kept while moving up and down
    this.listen();
  }

  // ---- data -------------------------------------------------------------------------------

  update(data) {
    const before = this.data;
    const sameChain = before?.chain === data.chain && this.spans.length <= data.tokens.length;
    const hadFocus = this.list.contains(this.parent.activeElement);
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 24;
    this.data = data;
    this.facts = new ChainFacts(data);
    this.root.dataset.scheme = schemeOf(this.root);
    this.root.classList.toggle("live", data.live);
    this.root.classList.toggle("empty", data.tokens.length === 0);
    this.list.setAttribute("aria-busy", String(data.live));
    this.list.style.maxHeight = data.maxHeight + "px";
    const asked = before && data.goTo && data.goTo[0] !== before.goTo?.[0] ? data.goTo[1] : null;
    if (!sameChain) this.clear();
    this.draw(sameChain ? before.tokens : []);
    this.legend.update(data, this.facts);
    if (!sameChain) this.open(asked ?? data.select, hadFocus);
    else if (atEnd && data.live && before.tokens.length < data.tokens.length) {
      this.list.scrollTop = this.list.scrollHeight;
    }
    if (this.current === null && this.spans.length) this.setCurrent(0);
    if (sameChain && asked !== null) this.goTo(asked);
    if (this.carded !== null) this.showCard(this.carded);
  }

  clear() {
    this.list.replaceChildren(this.caret);
    this.spans = [];
    this.selected = this.current = this.carded = this.column = null;
    this.card.hide();
    this.list.scrollTop = 0;
  }

  draw(known) {
    const fresh = document.createDocumentFragment();
    this.data.tokens.forEach((text, i) => {
      let span = this.spans[i];
      if (!span) {
        span = make("span");
        span.i = i;
        span.setAttribute("role", "option");
        this.spans.push(span);
        fresh.append(span);
      }
      if (known[i] !== text) {
        drawText(span, text);
        if (span.lineBreak) span.after(span.lineBreak);
        if (!/\S/.test(text)) span.setAttribute("aria-label", spokenText(text));
        else span.removeAttribute("aria-label");
      }
      const look = this.lookOf(i, text);
      if (span.look !== look) {
        span.look = look;
        const [classes, heat] = look.split("|");
        span.className = classes;
        span.style.setProperty("--e", heat);
      }
    });
    this.list.insertBefore(fresh, this.caret);
  }

  lookOf(i, text) {
    const data = this.data;
    const [value, top] = data.values
      ? [data.values[i], data.valuesTop]
      : [data.entropy[i], data.scaleTop];
    const heat = Math.max(0, Math.min(100, (value ?? 0) / top / 10));
    let classes = "token";
    const kind = kindOf(text);
    if (kind) classes += " " + kind;
    if (this.facts.forks.has(i)) classes += " fork";
    if (this.facts.forced.has(i)) classes += " forced";
    if (i < data.shared) classes += " shared";
    if (data.runOn !== null && i >= data.runOn) classes += " run-on";
    if (i === data.first) classes += " first-difference";
    if (data.marks?.[i]) classes += " " + data.marks[i];
    if (data.values && data.values[i] !== null) classes += " measured";
    if (data.fixMarks?.[i]) classes += data.fixMarks[i] === "fixes" ? " fix-hit" : " fix-tried";
    return classes + "|" + heat.toFixed(1);
  }

  // For a new chain: restore its selection, or show where it leaves its parent.
  open(wanted, hadFocus) {
    const last = this.spans.length - 1;
    if (wanted !== null && wanted <= last) {
      this.markSelected(wanted);
      this.reveal(wanted);
    } else if (this.data.first !== null && this.data.first <= last) {
      this.reveal(this.data.first);
    }
    if (!this.spans.length) return;
    this.setCurrent(this.selected ?? 0);
    if (hadFocus) this.spans[this.current].focus({ preventScroll: true });
  }

  goTo(i) {
    if (i >= this.spans.length) return;
    this.markSelected(i);
    this.setCurrent(i);
    this.reveal(i);
  }

  // ---- selection, focus, force ------------------------------------------------------------

  markSelected(i) {
    this.spans[this.selected]?.removeAttribute("aria-selected");
    this.selected = i;
    this.spans[i].setAttribute("aria-selected", "true");
  }

  select(i) {
    this.markSelected(i);
    // `at` makes every click a change, even a repeated click on the same token.
    this.setStateValue("selected", { chain: this.data.chain, i, at: Date.now() });
  }

  setCurrent(i) {
    if (i === this.current) return;
    if (this.current !== null) this.spans[this.current]?.removeAttribute("tabindex");
    this.current = i;
    this.spans[i]?.setAttribute("tabindex", "0");
  }

  focus(i) {
    this.setCurrent(i);
    this.spans[i].focus({ preventScroll: true });
    this.reveal(i);
    this.showCard(i);
    this.spoken.textContent = this.facts.describe(i);
  }

  force(rank) {
    const i = this.current;
    if (rank > this.data.k) return;
    // While another token's card is open, a number key would be ambiguous.
    if (this.carded !== null && this.carded !== i) return this.showCard(i);
    if (this.data.chosen[i] === rank - 1) {
      this.spoken.textContent = "This token is already there.";
      return;
    }
    if (this.selected !== i) this.select(i);
    this.setTriggerValue("force", { chain: this.data.chain, i, rank, at: Date.now() });
    this.spoken.textContent = `Forcing ${spokenText(this.facts.alternatives(i)[rank - 1].text)}.`;
  }

  reveal(i) {
    const box = this.list.getBoundingClientRect();
    const rect = this.rectOf(i);
    if (rect.top < box.top + 8) this.list.scrollTop -= box.top + 8 - rect.top;
    if (rect.bottom > box.bottom - 8) this.list.scrollTop += rect.bottom - box.bottom + 8;
  }

  // ---- the card -------------------------------------------------------------

  showCard(i, line = i === this.carded ? this.cardLine : 0) {
    clearTimeout(this.hiding);
    this.carded = i;
    this.cardLine = line; // for a token that wraps over two lines, the line pointed at
    const hasFocus = i === this.current && this.parent.activeElement === this.spans[i];
    this.card.fill({ ...this.facts.card(i), keys: hasFocus });
    this.placeCard();
  }

  placeCard() {
    if (this.carded === null || !this.spans[this.carded]) return;
    const box = this.list.getBoundingClientRect();
    const rect = this.rectOf(this.carded, this.cardLine);
    const seen = rect.bottom > box.top && rect.top < box.bottom;
    this.card.element.classList.toggle("out-of-sight", !seen);
    this.card.show(rect);
  }

  hideCard() {
    this.carded = null;
    this.card.hide();
  }

  // ---- pointer and keys -------------------------------------------------------------------

  listen() {
    const tokenAt = (event) => event.target.closest?.(".token");
    this.list.addEventListener("pointerover", (event) => {
      const span = tokenAt(event);
      // Keys scroll tokens under a resting pointer: the card then follows the keys.
      if (event.timeStamp - this.keyTime < 250) return;
      clearTimeout(this.hiding);
      if (!span) return this.hideSoon();
      const rects = [...span.getClientRects()];
      const under = rects.findIndex((r) => event.clientY >= r.top && event.clientY <= r.bottom);
      this.showCard(span.i, Math.max(0, under));
    });
    this.list.addEventListener("pointerleave", () => this.hideSoon());
    this.list.addEventListener("click", (event) => {
      const span = tokenAt(event);
      if (!span || document.getSelection()?.type === "Range") return;
      this.column = null;
      this.setCurrent(span.i);
      span.focus({ preventScroll: true });
      this.select(span.i);
      this.showCard(span.i);
      this.spoken.textContent = "Selected " + this.facts.describe(span.i);
    });
    this.list.addEventListener("focusin", (event) => {
      const span = tokenAt(event);
      if (span && span.matches(":focus-visible") && this.carded !== span.i) this.showCard(span.i);
    });
    this.list.addEventListener("focusout", () => this.hideSoon());
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.onMove = () => this.placeCard();
    window.addEventListener("scroll", this.onMove, { capture: true, passive: true });
    window.addEventListener("resize", this.onMove, { passive: true });
  }

  // Delay, so that the card doesn't flicker when the pointer crosses a gap between lines.
  hideSoon() {
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => this.hideCard(), 90);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.current === null) return;
    if (event.key === "Tab") return;
    event.stopPropagation(); // Streamlit has its own single-letter shortcuts
    this.keyTime = event.timeStamp;
    const i = this.current;
    const last = this.spans.length - 1;
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (!vertical) this.column = null;
    const moves = {
      ArrowLeft: () => Math.max(0, i - 1),
      ArrowRight: () => Math.min(last, i + 1),
      ArrowUp: () => this.lineAway(i, -1),
      ArrowDown: () => this.lineAway(i, 1),
      Home: () => 0,
      End: () => last,
      n: () => this.data.forks.find((fork) => fork > i) ?? i,
      p: () => this.data.forks.findLast((fork) => fork < i) ?? i,
    };
    if (moves[event.key]) this.focus(moves[event.key]());
    else if (event.key === "Enter" || event.key === " ") this.select(i);
    else if (event.key === "Escape") this.hideCard();
    else if (/^[1-9]$/.test(event.key)) this.force(Number(event.key));
    else return;
    event.preventDefault();
  }

  rectOf(i, line = 0) {
    const rects = this.spans[i].getClientRects();
    return rects[line] ?? rects[0] ?? this.spans[i].getBoundingClientRect();
  }

  // The token on the line above or below that is nearest to the column; measures only two lines.
  lineAway(i, step) {
    const middle = (rect) => (rect.top + rect.bottom) / 2;
    const here = this.rectOf(i);
    this.column ??= (here.left + here.right) / 2;
    let best = i;
    let distance = Infinity;
    let line = null;
    for (let j = i + step; j >= 0 && j < this.spans.length; j += step) {
      const rect = this.rectOf(j);
      if (Math.abs(middle(rect) - middle(here)) < 12) continue;
      line ??= middle(rect);
      if (Math.abs(middle(rect) - line) >= 12) break;
      const away = Math.abs((rect.left + rect.right) / 2 - this.column);
      if (away < distance) [best, distance] = [j, away];
    }
    return best;
  }

  close() {
    clearTimeout(this.hiding);
    window.removeEventListener("scroll", this.onMove, { capture: true });
    window.removeEventListener("resize", this.onMove);
    this.root.remove();
  }
}

// Light or dark, from the theme's actual background.
function schemeOf(element) {
  const probe = make("span");
  probe.style.color = "var(--st-background-color)";
  element.append(probe);
  const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  probe.remove();
  return 0.299 * r + 0.587 * g + 0.114 * b < 128 ? "dark" : "light";
}
