// One row per alternative of a token; cells fill while work runs. All text by textContent.

const tables = new WeakMap(); // parent element -> AlternativesView

export default function ({ data, parentElement, setTriggerValue }) {
  let view = tables.get(parentElement);
  if (!view) tables.set(parentElement, (view = new AlternativesView(parentElement)));
  view.act = (what, row) =>
    setTriggerValue("act", {
      chain: view.data.chain,
      position: view.data.position,
      tokenIds: row.token_ids,
      what,
      at: Date.now(),
    });
  view.update(data);
  return () => {
    view.root.remove();
    tables.delete(parentElement);
  };
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const keyOf = (row) => row.token_ids.join(" ");

class AlternativesView {
  constructor(parent) {
    this.root = make("div", "alternatives");
    this.table = make("table");
    this.table.setAttribute("role", "grid");
    this.table.setAttribute("aria-label", "Alternatives of this token");
    const head = make("thead");
    const names = make("tr");
    this.heads = ["", "token", "prob.", "leads to", "sampled"].map((name, at) => {
      const cell = make("th", ["rank", "token", "p", "leads", "sampled"][at], name);
      cell.scope = "col";
      names.append(cell);
      return cell;
    });
    this.heads[0].setAttribute("aria-label", "rank");
    this.heads[2].setAttribute("aria-label", "probability");
    head.append(names);
    this.body = make("tbody");
    this.table.append(head, this.body);
    this.spoken = make("div", "spoken");
    this.spoken.setAttribute("aria-live", "polite");
    this.root.append(this.table, this.spoken);
    parent.append(this.root);
    this.data = null;
    this.lines = new Map(); // key -> the row's elements
    this.shown = null; // key of the previewed row
    this.current = null; // key of the row in the tab order
    this.table.addEventListener("click", (event) => this.click(event));
    this.table.addEventListener("keydown", (event) => this.key(event));
  }

  update(data) {
    const before = this.data;
    const samePlace = before?.chain === data.chain && before?.position === data.position;
    this.data = data;
    if (!samePlace) {
      this.lines.clear();
      this.body.replaceChildren();
      this.current = null;
    }
    if (!samePlace || data.previewed === null) this.shown = data.previewed;
    const keys = new Set(data.rows.map(keyOf));
    for (const [key, line] of this.lines) {
      if (keys.has(key)) continue;
      line.element.remove();
      this.lines.delete(key);
    }
    data.rows.forEach((row, at) => {
      const key = keyOf(row);
      let line = this.lines.get(key);
      if (!line) this.lines.set(key, (line = this.newLine(key)));
      if (this.body.children[at] !== line.element) {
        this.body.insertBefore(line.element, this.body.children[at] ?? null);
      }
      this.fill(line, row, before && samePlace ? before.rows.find((r) => keyOf(r) === key) : null);
    });
    this.table.classList.toggle("without-samples", !data.samples);
    if (!keys.has(this.current)) {
      const own = data.rows.find((row) => row.chosen) ?? data.rows[0];
      this.current = own ? keyOf(own) : null;
    }
    this.mark();
  }

  newLine(key) {
    const element = make("tr");
    element.dataset.key = key;
    const cell = (name) => {
      const place = make("td", name);
      element.append(place);
      return place;
    };
    const line = { element, rank: cell("rank"), token: cell("token"), p: cell("p") };
    line.text = make("bdi", "text");
    line.note = make("span", "note");
    line.token.append(line.text, line.note);
    line.figure = make("span", "figure");
    line.track = make("span", "track");
    line.bar = make("span", "bar");
    line.track.append(line.bar);
    line.p.append(line.figure, line.track);
    line.leads = cell("leads");
    line.sampled = cell("sampled");
    return line;
  }

  fill(line, row, before) {
    const { element } = line;
    element.classList.toggle("chosen", row.chosen);
    element.classList.toggle("typed", row.typed);
    element.setAttribute("aria-disabled", String(!row.enabled));
    line.rank.textContent = row.rank;
    line.text.textContent = row.token;
    line.text.title = row.token;
    line.note.textContent = row.note;
    line.note.hidden = !row.note;
    line.figure.textContent = row.probability;
    line.bar.style.width = Math.max(0, Math.min(100, 100 * row.bar)) + "%";
    this.cell(line.leads, row.leads);
    this.cell(line.sampled, row.sampled);
    element.title = row.chosen
      ? "In the chain on screen"
      : "Click: preview. Enter, or a second click: make it a branch";
    const leads = row.leads.text ? `, leads to ${row.leads.sign} ${row.leads.text}` : "";
    const sampled = row.sampled.text ? `, sampled ${row.sampled.text}` : "";
    element.setAttribute(
      "aria-label",
      `${row.rank ? "rank " + row.rank + ", " : ""}${row.token}, ${row.probability}` +
        (row.chosen ? ", in the chain" : "") +
        leads +
        sampled,
    );
    if (before && !before.leads.text && row.leads.text && !row.chosen) {
      this.spoken.textContent = `${row.token} leads to ${row.leads.sign} ${row.leads.text}`;
    }
  }

  cell(place, { text, sign, tone, title, busy }) {
    place.className = place.className.split(" ")[0] + (tone ? " " + tone : "");
    place.title = title;
    const parts = [];
    if (sign) parts.push(make("span", "sign", sign));
    if (text) parts.push(make("span", "value", text));
    if (busy) parts.push(make("span", "busy", "•"));
    place.replaceChildren(...parts);
  }

  mark() {
    for (const [key, { element }] of this.lines) {
      element.setAttribute("aria-selected", String(key === this.shown));
      element.tabIndex = key === this.current ? 0 : -1;
    }
  }

  rowOf(key) {
    return this.data.rows.find((row) => keyOf(row) === key);
  }

  click(event) {
    const key = event.target.closest("tbody tr")?.dataset.key;
    if (key === undefined) return;
    this.focus(key);
    if (key === this.shown) this.branch(key);
    else this.preview(key);
  }

  preview(key) {
    const row = this.rowOf(key);
    if (!this.ready(row)) return;
    this.shown = key;
    this.mark();
    this.act("preview", row);
  }

  branch(key) {
    const row = this.rowOf(key);
    if (!this.ready(row)) return;
    this.act("branch", row);
    this.spoken.textContent = `Branch with ${row.token}.`;
  }

  ready(row) {
    if (row.chosen) this.spoken.textContent = "This token is in the chain.";
    else if (!row.enabled) this.spoken.textContent = this.data.why;
    return !row.chosen && row.enabled;
  }

  focus(key) {
    this.current = key;
    this.mark();
    this.lines.get(key)?.element.focus({ preventScroll: true });
  }

  key(event) {
    const focused = event.target.closest("tbody tr")?.dataset.key;
    if (event.ctrlKey || event.metaKey || event.altKey || focused === undefined) return;
    this.current = focused;
    const keys = this.data.rows.map(keyOf);
    const at = keys.indexOf(this.current);
    const moves = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: keys.length - 1 };
    if (event.key in moves) {
      this.focus(keys[Math.max(0, Math.min(keys.length - 1, moves[event.key]))]);
    } else if (event.key === "Enter") this.branch(this.current);
    else if (event.key === " ") this.preview(this.current);
    else if (/^[1-9]$/.test(event.key)) {
      const row = this.data.rows.find((each) => each.rank === event.key && !each.typed);
      if (!row) return;
      this.focus(keyOf(row));
      this.branch(keyOf(row));
    } else return;
    event.stopPropagation(); // the page has keys of its own
    event.preventDefault();
  }
}
