// Entropy over the chain as bars over its whole width: one per token or, of a long chain, the
// highest of each column of pixels. A click goes to the token; the threshold's line can be dragged.

const NEAR_LINE = 5; // pixels
const HEADROOM = 1.06;
const ANSWER_WITHIN = 10000; // milliseconds; a busy page takes seconds

class EntropyStrip {
  // act: {go(i), scrub(i), threshold(nats)}
  constructor(parent, act) {
    this.act = act;
    this.element = make("div", "strip");
    this.plot = make("div", "strip-plot");
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "slider");
    this.plot.setAttribute("aria-label", "Entropy by token: arrow keys go along the chain");
    this.plot.setAttribute("aria-valuemin", "0");
    this.canvas = make("canvas");
    this.canvas.setAttribute("role", "img");
    this.sight = make("div", "strip-sight");
    this.cursor = make("div", "strip-cursor");
    this.pointer = make("div", "strip-pointer");
    this.line = make("div", "strip-line");
    this.grip = make("div", "strip-grip");
    this.grip.setAttribute("role", "slider");
    this.grip.setAttribute("aria-orientation", "vertical");
    this.grip.setAttribute("aria-label", "Threshold τ");
    this.top = make("div", "strip-top");
    this.tip = make("div", "strip-tip");
    this.tip.setAttribute("aria-hidden", "true");
    this.pointer.hidden = this.tip.hidden = true;
    this.plot.append(this.canvas, this.sight, this.cursor, this.pointer, this.line);
    this.plot.append(this.top, this.grip, this.tip);
    this.axis = make("div", "strip-axis");
    this.first = make("span", "", "#0");
    this.answered = make("span", "strip-answered");
    this.last = make("span");
    this.axis.append(this.first, this.answered, this.last);
    this.element.append(this.plot, this.axis);
    parent.append(this.element);
    this.drag = null;
    this.selected = null;
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.plot);
    this.listen();
  }

  update(data, facts) {
    if (!this.isMoving(data)) this.settle(data.tau);
    this.data = data;
    this.facts = facts;
    this.size = facts.size;
    this.movable = data.tau !== null && data.takes.includes("threshold");
    this.highest = 0; // nats
    for (let i = 0; i < this.size; i += 1) this.highest = Math.max(this.highest, facts.nats(i));
    this.ceiling = HEADROOM * Math.max(this.highest, 0.1);
    this.grip.tabIndex = this.movable ? 0 : -1;
    this.plot.setAttribute("aria-valuemax", String(Math.max(0, this.size - 1)));
    this.last.textContent = this.size ? "#" + (this.size - 1) : "";
    const after = data.runOn === null ? 0 : this.size - data.runOn;
    this.answered.textContent = after ? `after the answer: ${after}` : "";
    this.canvas.setAttribute("aria-label", this.words());
    this.draw();
  }

  words() {
    const { facts, data } = this;
    if (!this.size) return "Entropy of the chain: no tokens yet";
    let peak = 0;
    for (let i = 1; i < this.size; i += 1) if (data.entropy[i] > data.entropy[peak]) peak = i;
    const highest = `highest ${facts.entropy(peak)} at #${peak} ${shownText(data.tokens[peak])}`;
    const count = data.forks.length;
    const forks = `${count} ${count === 1 ? "fork" : "forks"}`;
    return `Entropy of ${this.size} tokens: ${highest}; ${forks}${
      data.tau === null ? "" : ` above ${this.amount(data.tau)}`
    }`;
  }

  amount(nats) {
    return `${this.facts.inUnit(nats).toFixed(2)} ${this.data.unit}`;
  }

  // ---- drawing ------------------------------------------------------------------------------

  draw() {
    if (!this.data) return;
    this.width = Math.floor(this.plot.clientWidth);
    this.height = this.plot.clientHeight;
    if (!this.width || !this.height) return;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.height * scale);
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(this.element);
    const inks = ["--bar", "--fork-bar", "--after-bar"].map((name) => this.ink(style, name));
    this.peaks = this.size
      ? columnPeaks((i) => this.facts.nats(i), this.size, this.width)
      : new Uint32Array(0);
    const wide = this.width / Math.max(1, this.size);
    const bar = wide >= 4 ? wide - 1 : 1;
    for (let x = 0; x < this.peaks.length; x += 1) {
      const i = this.peaks[x];
      if (wide >= 1 && i === this.peaks[x - 1]) continue; // the same token's bar
      const high = (this.facts.nats(i) / this.ceiling) * this.height;
      pen.fillStyle = inks[this.isAfter(i) ? 2 : this.tau !== null && this.isFork(i) ? 1 : 0];
      const left = wide >= 1 ? i * wide : x;
      pen.fillRect(left, this.height - Math.max(high, 1), wide >= 1 ? bar : 1, Math.max(high, 1));
    }
    this.place();
  }

  // A custom property as a colour that a canvas understands.
  ink(style, name) {
    this.plot.style.color = `var(${name})`;
    const colour = getComputedStyle(this.plot).color;
    this.plot.style.color = "";
    return colour;
  }

  isAfter(i) {
    return this.data.runOn !== null && i >= this.data.runOn;
  }

  // While the line is dragged, by its place; otherwise as Python decided.
  isFork(i) {
    if (this.tau === this.data.tau) {
      return this.facts.forks.has(this.facts.bySentence ? this.facts.peaks[i] : i);
    }
    return this.facts.nats(i) > this.tau;
  }

  place() {
    const at = (i) => `${(100 * (i + 0.5)) / this.size}%`;
    this.cursor.hidden = this.selected === null || this.selected >= this.size;
    if (!this.cursor.hidden) this.cursor.style.left = at(this.selected);
    const shown = this.selected ?? 0;
    this.plot.setAttribute("aria-valuenow", String(shown));
    if (this.size) this.plot.setAttribute("aria-valuetext", this.describe(shown));
    const known = this.tau !== null;
    this.line.hidden = this.grip.hidden = !known;
    if (!known) return;
    const y = `${100 * (1 - Math.min(1, this.tau / this.ceiling))}%`;
    this.line.style.top = this.grip.style.top = y;
    this.grip.textContent = `τ ${this.facts.inUnit(this.tau).toFixed(2)}`;
    this.grip.setAttribute("aria-valuemin", "0");
    this.grip.setAttribute("aria-valuemax", this.facts.inUnit(this.highest).toFixed(2));
    this.grip.setAttribute("aria-valuenow", this.facts.inUnit(this.tau).toFixed(2));
    this.grip.setAttribute("aria-valuetext", `${this.amount(this.tau)}, ${this.forksAbove()}`);
    this.grip.setAttribute("aria-disabled", String(!this.movable));
    const room = this.highest > 0 && this.tau / this.ceiling > 0.72;
    this.top.textContent = room ? "" : this.amount(this.highest);
  }

  forksAbove() {
    if (this.tau === this.data.tau) return this.share(this.data.forks.length);
    let count = 0;
    for (let i = 0; i < this.facts.counted; i += 1) {
      if (this.data.entropy[i] / 1000 > this.tau) count += 1;
    }
    return this.share(count);
  }

  share(count) {
    const share = (100 * count) / Math.max(1, this.facts.counted);
    return `${count} ${count === 1 ? "fork" : "forks"}, ${share.toFixed(1)} %`;
  }

  describe(i) {
    const fork = this.isFork(i) ? " · fork" : "";
    const token = `#${i} ${shownText(this.data.tokens[i])}`;
    const place = `${token} · ${this.amount(this.facts.nats(i))}`;
    return place + (this.isAfter(i) ? " · after the answer" : fork);
  }

  mark(selected) {
    this.selected = selected;
    if (this.data) this.place();
  }

  // The tokens in sight of a chain that scrolls; null: all are.
  setSight(range) {
    this.sight.hidden = range === null;
    if (!range) return;
    const [first, last] = range;
    this.sight.style.left = `${(100 * first) / this.size}%`;
    this.sight.style.width = `max(3px, ${(100 * (last + 1 - first)) / this.size}%)`;
  }

  // ---- pointer and keys ---------------------------------------------------------------------

  at(event) {
    const box = this.plot.getBoundingClientRect();
    const x = Math.max(0, Math.min(this.width - 1, Math.floor(event.clientX - box.left)));
    const y = event.clientY - box.top;
    const nats = Math.max(0, Math.min(this.highest, (1 - y / this.height) * this.ceiling));
    return { x, y, i: this.peaks?.[x], nats };
  }

  nearLine(event) {
    if (!this.movable) return false;
    if (event.composedPath().includes(this.grip)) return true;
    const y = (1 - Math.min(1, this.tau / this.ceiling)) * this.height;
    return Math.abs(this.at(event).y - y) <= NEAR_LINE;
  }

  listen() {
    this.plot.addEventListener("pointerdown", (event) => {
      if (event.button || !this.size) return;
      this.plot.setPointerCapture(event.pointerId);
      const onGrip = event.composedPath().includes(this.grip);
      this.drag = { x: event.clientX, y: event.clientY, line: this.nearLine(event), onGrip };
      this.drag.what = null;
    });
    this.plot.addEventListener("pointermove", (event) => this.move(event));
    this.plot.addEventListener("pointerup", (event) => this.end(event));
    this.plot.addEventListener("pointercancel", () => this.cancel());
    this.plot.addEventListener("pointerleave", () => this.hover(null));
    this.plot.addEventListener("keydown", (event) => this.key(event));
  }

  move(event) {
    if (!this.size) return;
    const { i, nats } = this.at(event);
    const { drag } = this;
    if (drag && !drag.what) {
      const [dx, dy] = [Math.abs(event.clientX - drag.x), Math.abs(event.clientY - drag.y)];
      if (Math.max(dx, dy) < 3) return;
      drag.what = drag.line && (drag.onGrip || dy >= dx) ? "line" : "scrub";
    }
    if (drag?.what === "line") {
      this.setTau(nats);
      this.hover(null);
      this.say(event.clientX, `τ ${this.amount(this.tau)} · ${this.forksAbove()}`);
      return;
    }
    this.plot.classList.toggle("on-line", this.nearLine(event));
    this.hover(i, event);
    if (drag?.what === "scrub") this.act.scrub(i);
  }

  end(event) {
    const { drag } = this;
    this.drag = null;
    if (!drag) return;
    if (drag.what === "line") this.report();
    else if (drag.what === "scrub" || !drag.onGrip) this.act.go(this.at(event).i);
    if (event.pointerType === "touch") this.hover(null);
  }

  cancel() {
    this.drag = null;
    this.settle(this.data.tau);
    this.draw();
  }

  // Whether the line stays where a person has put it: while they move it, and until the page has
  // answered the last report. What is drawn in the meantime knows an older threshold.
  isMoving(data) {
    if (data.tau === null) return false;
    if (this.drag?.what === "line" || this.setting) return true;
    return Boolean(this.unanswered) && Math.abs(data.tau - this.tau) > 1e-6;
  }

  // Nothing is being moved any more: this is the threshold.
  settle(tau) {
    clearTimeout(this.setting);
    clearTimeout(this.unanswered);
    this.setting = this.unanswered = null;
    this.tau = tau;
  }

  report() {
    this.settle(this.tau);
    this.act.threshold(this.tau);
    this.unanswered = setTimeout(() => {
      this.unanswered = null;
      if (this.isMoving(this.data)) return;
      this.settle(this.data.tau);
      this.draw();
    }, ANSWER_WITHIN);
  }

  // In steps of .01 of the unit on screen.
  setTau(nats) {
    const unit = this.facts.inUnit(1);
    this.tau = Math.max(0, Math.min(this.highest, Math.round(nats * unit * 100) / 100 / unit));
    this.draw();
  }

  hover(i, event) {
    this.pointer.hidden = i === null || i === undefined;
    this.tip.hidden = this.pointer.hidden;
    if (this.pointer.hidden) return;
    this.pointer.style.left = `${(100 * (i + 0.5)) / this.size}%`;
    this.say(event.clientX, this.describe(i));
  }

  say(x, words) {
    this.tip.textContent = words;
    this.tip.hidden = false;
    const box = this.plot.getBoundingClientRect();
    const half = this.tip.offsetWidth / 2;
    const middle = Math.max(half, Math.min(box.width - half, x - box.left));
    this.tip.style.left = middle + "px";
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.size) return;
    if (event.composedPath().includes(this.grip)) return this.keyOfLine(event);
    const here = this.selected ?? -1;
    const page = Math.max(1, Math.round(this.size / 20));
    const moves = {
      ArrowRight: here + 1,
      ArrowLeft: here - 1,
      PageUp: here - page,
      PageDown: here + page,
      Home: 0,
      End: this.size - 1,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    event.stopPropagation();
    const i = Math.max(0, Math.min(this.size - 1, moves[event.key]));
    this.act.scrub(i);
    this.mark(i);
    clearTimeout(this.going); // not every token that a held key passes is selected
    this.going = setTimeout(() => this.act.go(i), 200);
  }

  keyOfLine(event) {
    const steps = { ArrowUp: 0.01, ArrowDown: -0.01, PageUp: 0.1, PageDown: -0.1 };
    if (!(event.key in steps) || !this.movable) return;
    event.preventDefault();
    event.stopPropagation();
    this.setTau(this.tau + steps[event.key] / this.facts.inUnit(1));
    clearTimeout(this.setting);
    this.setting = setTimeout(() => this.report(), 300);
  }

  close() {
    clearTimeout(this.going);
    this.settle(this.tau);
    this.sizes.disconnect();
  }
}
