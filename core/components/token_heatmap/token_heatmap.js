// The chain as running text: one element per token, updated only where something changed.

const instances = new WeakMap(); // parent element -> Heatmap
const remembered = new Map(); // chain -> its selection, for a heatmap that is mounted again
const TOOLS_FROM = 200; // tokens
const AT_ONCE = 600; // tokens drawn before the first paint; more than a long chain's box shows
const A_TIME = 1000; // tokens drawn in one go after it

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let heatmap = instances.get(parentElement);
  if (!heatmap) instances.set(parentElement, (heatmap = new Heatmap(parentElement)));
  heatmap.setStateValue = setStateValue;
  heatmap.setTriggerValue = setTriggerValue;
  heatmap.update(readable(data));
  return () => {
    heatmap.close();
    instances.delete(parentElement);
  };
}

class Heatmap {
  constructor(parent) {
    this.parent = parent;
    this.root = make("div", "heatmap");
    this.tools = new ChainTools(this.root, {
      find: (query) => this.find(query),
      step: (by) => this.stepMatch(by),
      leave: () => this.current !== null && this.spans[this.current].focus(),
      bySentence: (on) => this.setUnit(on),
    });
    this.list = make("div", "tokens");
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Tokens of the chain");
    this.caret = make("span", "caret");
    this.caret.setAttribute("role", "presentation");
    this.list.append(this.caret);
    this.root.append(this.list);
    this.blocks = new TextBlocks(this.list, this.caret);
    this.blocks.onFold = () => this.showSight();
    this.strip = new EntropyStrip(this.root, {
      go: (i) => this.goTo(i, true),
      scrub: (i) => this.reveal(i, true),
      threshold: (tau) => this.ask("threshold", { tau }),
    });
    this.legend = new Legend(this.root);
    this.card = new HoverCard(this.root, {
      force: (rank) => this.forceFromCard(rank),
      enter: () => this.hover.stay(),
      leave: () => this.hover.hideSoon(),
    });
    this.hover = new CardPointer({
      list: this.list,
      card: this.card,
      fill: (i) => this.cardOf(i),
      rectOf: (i, line) => (this.spans[i] ? this.rectOf(i, line) : null),
      isOff: () => this.data.bare,
    });
    this.spoken = make("div", "spoken");
    this.spoken.setAttribute("aria-live", "polite");
    this.root.append(this.spoken);
    parent.append(this.root);
    this.search = new ChainSearch();
    this.data = null;
    this.selected = null; // position
    this.current = null; // the position in the tab order
    this.keys = new ChainKeys(this);
    this.bySentence = false;
    this.pageKeys = new PageKeys((event) => this.keys.pressOnPage(event));
    this.listen();
  }

  get spans() {
    return this.blocks.spans;
  }

  // ---- data -------------------------------------------------------------------------------

  update(data) {
    const before = this.data;
    const size = data.tokens.length;
    const sameChain = before?.chain === data.chain && this.spans.length <= size;
    const hadFocus = this.list.contains(this.parent.activeElement);
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 24;
    const long = size > LONG_CHAIN;
    this.data = data;
    this.facts = new ChainFacts(data);
    this.facts.bySentence = this.bySentence;
    this.root.dataset.scheme = schemeOf(this.root);
    this.root.classList.toggle("live", data.live);
    this.root.classList.toggle("empty", size === 0);
    this.root.classList.toggle("long", long);
    this.list.setAttribute("aria-busy", String(data.live));
    this.list.style.maxHeight = data.maxHeight === null ? "" : data.maxHeight + "px";
    this.tools.show(size >= TOOLS_FROM);
    this.strip.element.hidden = data.bare || (!data.strip && !long);
    this.legend.element.hidden = Boolean(data.bare);
    const asked = before && data.goTo && data.goTo[0] !== before.goTo?.[0] ? data.goTo[1] : null;
    const parts = partsOf(data);
    if (!sameChain) {
      if (before) remembered.delete(before.chain);
      this.clear();
    }
    const redraw = sameChain && !this.blocks.hasParts(parts);
    if (redraw) this.blocks.clear();
    if (!sameChain || redraw) this.blocks.setParts(parts);
    if (!sameChain || size !== before.tokens.length) {
      this.search.reset(data.tokens);
      this.tools.again();
    }
    this.draw(sameChain && !redraw ? before.tokens : []);
    this.blocks.describeParts((part) => this.facts.partWords(part));
    this.legend.update(data, this.facts);
    this.strip.update(data, this.facts);
    if (!sameChain) this.open(asked ?? this.lastSelection(), hadFocus);
    else if (redraw) this.restore();
    else if (atEnd && data.live && before.tokens.length < size) {
      this.list.scrollTop = this.list.scrollHeight;
    }
    if (this.current === null && this.spans.length) this.setCurrent(this.firstShown());
    if (sameChain && asked !== null) this.goTo(asked, false);
    this.hover.again();
    this.pageKeys.listen(data.pageKeys);
    this.showSight();
  }

  clear() {
    this.hover.hide();
    this.drawSoon(false);
    this.blocks.clear();
    this.selected = this.current = this.keys.column = null;
    this.list.scrollTop = 0;
  }

  // Of a long chain, what a person sees first is drawn at once, and the rest after it is on screen.
  draw(known) {
    const { tokens } = this.data;
    for (let i = 0; i < this.spans.length; i += 1) {
      if (known[i] !== tokens[i]) {
        const span = this.spans[i];
        drawText(span, tokens[i]);
        if (span.gap) span.before(span.gap);
        if (span.lineBreak) span.after(span.lineBreak);
        this.speak(span, tokens[i]);
      }
      this.paint(i);
    }
    this.drawTo(Math.max(this.spans.length, this.firstShown()) + AT_ONCE);
  }

  // Draw the tokens up to this one, with it, that are not drawn yet.
  drawTo(last) {
    const { tokens } = this.data;
    const stop = Math.min(last + 1, tokens.length);
    if (this.spans.length >= stop) return;
    for (let i = this.spans.length; i < stop; i += 1) {
      const span = make("span");
      span.i = i;
      span.setAttribute("role", "option");
      drawText(span, tokens[i]);
      this.blocks.append(span, tokens[i]);
      this.speak(span, tokens[i]);
      this.paint(i);
    }
    this.blocks.finish(tokens.length > LONG_CHAIN);
    this.drawSoon(stop < tokens.length);
  }

  // Draw the rest, once what is drawn is on screen.
  drawSoon(more) {
    if (!more) {
      clearTimeout(this.drawing);
      cancelAnimationFrame(this.painting);
      this.drawing = this.painting = null;
    } else if (!this.drawing && !this.painting) {
      this.painting = requestAnimationFrame(() => {
        this.painting = null;
        this.drawing = setTimeout(() => {
          this.drawing = null;
          this.drawTo(this.spans.length + A_TIME - 1);
          this.showSight();
        });
      });
    }
  }

  speak(span, text) {
    if (!/\S/.test(text)) span.setAttribute("aria-label", spokenText(text));
    else span.removeAttribute("aria-label");
  }

  paint(i) {
    const span = this.spans[i];
    const look = this.lookOf(i, this.data.tokens[i]);
    if (span.look === look) return;
    span.look = look;
    const [classes, heat] = look.split("|");
    span.className = classes;
    span.style.setProperty("--e", heat);
    if (this.data.notes?.[i]) span.setAttribute("aria-description", "has a note");
    else span.removeAttribute("aria-description");
  }

  lookOf(i, text) {
    const data = this.data;
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
    if (data.notes?.[i]) classes += " noted";
    return classes + this.search.classOf(i) + "|" + this.facts.heat(i).toFixed(1);
  }

  // The selection of a heatmap that was on the page a moment ago, unless Python has moved it since.
  lastSelection() {
    const { chain, select, goTo } = this.data;
    const last = remembered.get(chain);
    return last && last.select === select && last.serial === goTo?.[0] ? last.selected : select;
  }

  // For a new chain: restore its selection, or show where it leaves its parent.
  open(wanted, hadFocus) {
    const last = this.data.tokens.length - 1;
    if (wanted !== null && wanted <= last) {
      this.markSelected(wanted);
      this.reveal(wanted);
    } else {
      this.strip.mark(null);
      if (this.data.first !== null && this.data.first <= last) this.reveal(this.data.first);
    }
    if (!this.spans.length) return;
    this.setCurrent(this.selected ?? this.firstShown());
    if (hadFocus) this.spans[this.current].focus({ preventScroll: true });
  }

  // What is folded can't have the focus.
  firstShown() {
    const first = this.data.tokens.findIndex((_, i) => !this.blocks.isFolded(i));
    return Math.max(0, first);
  }

  // After the same chain was drawn again.
  restore() {
    const { selected, current } = this;
    this.selected = this.current = null;
    if (selected !== null) this.markSelected(selected);
    this.setCurrent(current ?? this.firstShown());
  }

  goTo(i, report) {
    if (i >= this.data.tokens.length) return;
    this.setCurrent(i);
    if (report) this.select(i);
    else this.markSelected(i);
    this.reveal(i, report);
    if (report) this.spoken.textContent = "Selected " + this.facts.describe(i);
  }

  setUnit(bySentence) {
    this.bySentence = this.facts.bySentence = bySentence;
    this.spans.forEach((_, i) => this.paint(i));
    this.legend.update(this.data, this.facts);
    this.strip.update(this.data, this.facts);
    this.hover.again();
  }

  // ---- selection, focus, force ------------------------------------------------------------

  markSelected(i) {
    this.drawTo(i);
    this.spans[this.selected]?.removeAttribute("aria-selected");
    this.selected = i;
    this.spans[i].setAttribute("aria-selected", "true");
    this.blocks.uncover(i);
    this.strip.mark(i);
    const { chain, select, goTo } = this.data;
    if (remembered.size > 20) remembered.clear();
    remembered.set(chain, { select, serial: goTo?.[0], selected: i });
  }

  select(i) {
    this.markSelected(i);
    // `at` makes every click a change, even a repeated click on the same token.
    this.setStateValue("selected", { chain: this.data.chain, i, at: Date.now() });
  }

  ask(request, fields) {
    this.setTriggerValue(request, { chain: this.data.chain, ...fields, at: Date.now() });
  }

  setCurrent(i) {
    if (i === this.current) return;
    if (this.current !== null) this.spans[this.current]?.removeAttribute("tabindex");
    this.current = i;
    this.drawTo(i);
    this.spans[i]?.setAttribute("tabindex", "0");
  }

  focus(i) {
    this.setCurrent(i);
    this.blocks.uncover(i);
    this.spans[i].focus({ preventScroll: true });
    this.reveal(i, true);
    this.hover.show(i);
    this.spoken.textContent = this.facts.describe(i);
  }

  force(rank) {
    const i = this.current;
    if (rank > this.data.k || !this.data.takes.includes("force")) return;
    // While another token's card is open, a number key would be ambiguous.
    if (this.hover.i !== null && this.hover.i !== i) return this.hover.show(i);
    if (this.data.chosen[i] === rank - 1) {
      this.spoken.textContent = "This token is already there.";
      return;
    }
    if (this.selected !== i) this.select(i);
    this.ask("force", { i, rank });
    this.spoken.textContent = `Forcing ${spokenText(this.facts.alternatives(i)[rank - 1].text)}.`;
  }

  forceFromCard(rank) {
    const { i } = this.hover;
    if (i === null) return;
    this.setCurrent(i);
    this.force(rank);
    this.hover.hide();
  }

  // Scroll the chain's own box, and for a person who asked for the token also the page.
  reveal(i, page = false) {
    this.drawTo(i);
    this.blocks.uncover(i);
    cancelAnimationFrame(this.revealing);
    this.bringIntoSight(i, page);
    if (!this.root.classList.contains("long")) return;
    // Blocks that come into sight get their real height, which moves the token: follow it until it
    // stays where it is.
    let [steady, left] = [0, 30];
    const follow = () => {
      steady = this.bringIntoSight(i, page) ? 0 : steady + 1;
      left -= 1;
      if (steady < 3 && left) this.revealing = requestAnimationFrame(follow);
    };
    this.revealing = requestAnimationFrame(follow);
  }

  // Whether anything had to be scrolled.
  bringIntoSight(i, page) {
    if (!this.spans[i]) return false;
    const box = this.list.getBoundingClientRect();
    const rect = this.rectOf(i);
    const before = this.list.scrollTop;
    if (rect.top < box.top + 8) this.list.scrollTop -= box.top + 8 - rect.top;
    else if (rect.bottom > box.bottom - 8) this.list.scrollTop += rect.bottom - box.bottom + 8;
    if (page) {
      const now = this.rectOf(i);
      const outside = now.top < 70 || now.bottom > window.innerHeight - 8;
      if (outside) this.spans[i].scrollIntoView({ block: "center" });
    }
    return this.list.scrollTop !== before;
  }

  showSight() {
    if (this.strip.element.hidden) return;
    const scrolls = this.list.scrollHeight > this.list.clientHeight + 2;
    this.strip.setSight(scrolls ? this.blocks.inSight() : null);
  }

  cardOf(i) {
    const hasFocus = i === this.current && this.parent.activeElement === this.spans[i];
    const canForce = this.data.takes.includes("force");
    return { ...this.facts.card(i), keys: hasFocus && canForce, canForce };
  }

  // ---- search -----------------------------------------------------------------------------

  find(query) {
    const old = [...this.search.found];
    const count = this.search.find(query);
    for (const i of [...old, ...this.search.found]) if (this.spans[i]) this.paint(i);
    return count;
  }

  stepMatch(by) {
    const old = [...this.search.shown];
    const which = this.search.step(by, this.current ?? 0);
    if (which) this.drawTo(this.search.place);
    for (const i of [...old, ...this.search.shown]) if (this.spans[i]) this.paint(i);
    if (which) {
      this.setCurrent(this.search.place);
      this.reveal(this.search.place, true);
    }
    return which;
  }

  // ---- pointer and keys -------------------------------------------------------------------

  listen() {
    const tokenAt = (event) => event.target.closest?.(".token");
    this.list.addEventListener("click", (event) => {
      const span = tokenAt(event);
      if (!span || document.getSelection()?.type === "Range") return;
      this.keys.column = null;
      this.setCurrent(span.i);
      span.focus({ preventScroll: true });
      this.select(span.i);
      this.hover.hide(); // what it says is now in the token's panel
      this.spoken.textContent = "Selected " + this.facts.describe(span.i);
    });
    this.list.addEventListener("focusin", (event) => {
      const span = tokenAt(event);
      if (span && span.matches(":focus-visible") && this.hover.i !== span.i) this.hover.show(span.i);
    });
    this.list.addEventListener("focusout", () => this.hover.hideSoon());
    this.list.addEventListener("keydown", (event) => this.keys.press(event));
    this.list.addEventListener("scroll", () => {
      if (this.sighting) return;
      this.sighting = requestAnimationFrame(() => {
        this.sighting = null;
        this.showSight();
      });
    });
  }

  rectOf(i, line = 0) {
    const rects = this.spans[i].getClientRects();
    return rects[line] ?? rects[0] ?? this.spans[i].getBoundingClientRect();
  }

  close() {
    this.hover.close();
    this.strip.close();
    this.pageKeys.listen(false);
    this.drawSoon(false);
    cancelAnimationFrame(this.sighting);
    cancelAnimationFrame(this.revealing);
    this.root.remove();
  }
}

// The parts that can be folded, in their order.
function partsOf(data) {
  if (data.live) return [];
  const size = data.tokens.length;
  const parts = data.parts.filter((part) => part.start < part.stop && part.stop <= size);
  const runsOn = data.runOn !== null && data.runOn < size;
  return runsOn ? [...parts, { name: "after the answer", start: data.runOn, stop: size }] : parts;
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
