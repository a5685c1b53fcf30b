// The card beside the token under the pointer or focus: the model's alternatives there.

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function percent(tenths) {
  if (tenths >= 1000) return "100 %";
  return tenths > 0 ? (tenths / 10).toFixed(1) + " %" : "< 0.1 %";
}

// One model's most probable tokens, with their probabilities as bars.
class AlternativesTable {
  constructor() {
    this.element = make("div", "card-table");
    this.title = make("div", "card-title");
    this.element.append(this.title);
    this.rows = [];
    this.element.addEventListener("click", (event) => {
      const row = this.rows.find(({ element }) => element.contains(event.target));
      if (row?.element.classList.contains("open-to-force")) this.onRow?.(row.number);
    });
  }

  fill(alternatives, title = "", canForce = false) {
    this.element.hidden = alternatives.length === 0;
    this.title.textContent = title;
    this.title.hidden = !title;
    while (this.rows.length < alternatives.length) this.addRow();
    this.rows.forEach((row, at) => {
      const alternative = alternatives[at];
      row.element.hidden = !alternative;
      if (!alternative) return;
      row.number = alternative.rank;
      row.element.classList.toggle("chosen", alternative.chosen);
      const open = canForce && !alternative.chosen;
      row.element.classList.toggle("open-to-force", open);
      row.element.title = open ? "Continue with this token instead" : "";
      row.rank.textContent = alternative.rank;
      row.token.textContent = alternative.token;
      row.bar.style.width = alternative.p / 10 + "%";
      row.p.textContent = percent(alternative.p);
    });
  }

  addRow() {
    const element = make("div", "card-row");
    const rank = make("span", "row-rank");
    const token = make("bdi", "row-token");
    const track = make("span", "row-track");
    const bar = make("span", "row-bar");
    const p = make("span", "row-p");
    track.append(bar);
    element.append(rank, token, track, p);
    this.element.append(element);
    this.rows.push({ element, rank, token, bar, p });
  }
}

class HoverCard {
  // act: {force(rank), enter(), leave()}
  constructor(parent, act) {
    this.element = make("div", "card");
    this.element.setAttribute("aria-hidden", "true"); // the live region has the same in words
    this.element.popover = "manual"; // in the top layer, where no ancestor can clip or cover it
    this.head = make("div", "card-head");
    this.position = make("span", "card-place");
    this.token = make("bdi", "card-token");
    this.flags = make("span", "card-flags");
    this.head.append(this.position, this.token, this.flags);
    this.note = make("p", "card-note");
    this.note.dir = "auto";
    this.facts = make("dl", "card-facts");
    this.tables = [new AlternativesTable(), new AlternativesTable()];
    const tables = make("div", "card-tables");
    tables.append(...this.tables.map((table) => table.element));
    this.foot = make("div", "card-foot");
    this.keys = make("span", "card-keys");
    const key = (name) => make("kbd", "", name);
    this.keys.append(key("1–5"), "force", key("n"), key("p"), "forks");
    this.others = make("span", "card-others");
    this.foot.append(this.keys, this.others);
    this.element.append(this.head, this.note, this.facts, tables, this.foot);
    this.tables[0].onRow = act.force;
    this.element.addEventListener("pointerenter", act.enter);
    this.element.addEventListener("pointerleave", act.leave);
    parent.append(this.element);
  }

  // While the pointer passes over the text, the card lets it through to the tokens below; once it
  // has rested on a token, the card can be reached and clicked.
  setReachable(reachable) {
    this.element.classList.toggle("reachable", reachable);
  }

  get open() {
    return this.element.matches(":popover-open");
  }

  // facts: {place, token, flags, note, numbers: [[name, value]], others, keys, canForce,
  //         alternatives: [{rank, token, p, chosen}], second: the same of another model,
  //         titles: the names of both, where there are two}, p in tenths of a percent
  fill(facts) {
    this.position.textContent = facts.place;
    this.token.textContent = facts.token;
    this.flags.replaceChildren(...facts.flags.map((flag) => make("span", "flag", flag)));
    this.note.textContent = facts.note;
    this.note.hidden = !facts.note;
    this.facts.replaceChildren(
      ...facts.numbers.map(([name, value]) => {
        const pair = make("div");
        pair.append(make("dt", "", name), make("dd", "", value));
        return pair;
      }),
    );
    this.element.classList.toggle("of-two", facts.second.length > 0);
    this.tables[0].fill(facts.alternatives, facts.titles[0], facts.canForce);
    this.tables[1].fill(facts.second, facts.titles[1]);
    this.others.textContent = facts.others;
    this.keys.classList.toggle("useful", facts.keys);
  }

  // Below the token, or above it if space is short; always inside the window.
  show(anchor) {
    if (!this.open) this.element.showPopover();
    const gap = 8;
    const { width, height } = this.element.getBoundingClientRect();
    const room = { x: document.documentElement.clientWidth, y: window.innerHeight };
    const left = Math.min(Math.max(anchor.left - 12, gap), Math.max(gap, room.x - width - gap));
    const below = anchor.bottom + gap;
    const above = anchor.top - gap - height;
    const top = below + height + gap <= room.y || above < gap ? below : above;
    this.element.style.left = left + "px";
    this.element.style.top = Math.max(gap, Math.min(top, room.y - height - gap)) + "px";
  }

  hide() {
    if (this.open) this.element.hidePopover();
  }
}
