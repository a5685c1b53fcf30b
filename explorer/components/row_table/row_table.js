// A table of many rows: filters, search, sort, keyboard, a menu a row. Only the rows in view are in
// the page. All text is set through textContent.

const instances = new WeakMap(); // parent element -> RowTable
const memories = new Map(); // id of a table -> its view, kept while the page is away

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let table = instances.get(parentElement);
  if (!table) instances.set(parentElement, (table = new RowTable(parentElement)));
  table.setStateValue = setStateValue;
  table.setTriggerValue = setTriggerValue;
  table.update(data);
  return () => {
    table.close();
    instances.delete(parentElement);
  };
}

const ROW = 40; // px, as in the style sheet
const SPARE = 8; // rows drawn above and below those in view
const PATIENCE = 150; // ms after the last key until the selection is reported

class RowTable {
  constructor(parent) {
    this.root = make("div", "row-table");
    this.bar = new Toolbar(this);
    this.scroller = make("div", "scroller");
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "grid");
    this.head = make("div", "head");
    this.head.setAttribute("role", "row");
    this.body = make("div", "body");
    this.body.setAttribute("role", "rowgroup");
    this.empty = make("p", "empty");
    this.scroller.append(this.head, this.body);
    this.menu = new RowMenu(this);
    this.root.append(this.bar.element, this.scroller, this.empty, this.menu.element);
    parent.append(this.root);
    this.drawn = new Map(); // row number -> element
    this.data = null;
    this.steps = new Map(); // row id -> steps through its samples, right less left
    this.since = Date.now(); // tells these counts from those of an earlier table
    this.listen();
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(this.root);
  }

  close() {
    this.watcher.disconnect();
    clearTimeout(this.reporting);
    this.root.remove();
  }

  // ---- data -------------------------------------------------------------------------------

  update(data) {
    const fresh = this.data?.table !== data.table;
    const rows = data.rows.map((row) => ({ name: row.id, find: "", menu: [], ...row }));
    this.data = { ...data, rows };
    this.byId = new Map(rows.map((row, number) => [row.id, number]));
    this.haystacks = rows.map(() => null);
    if (fresh) this.open();
    this.memory.checked = new Set([...this.memory.checked].filter((id) => this.byId.has(id)));
    if (!this.byId.has(this.memory.selected)) this.memory.selected = null;
    this.scroller.setAttribute("aria-label", data.label);
    this.scroller.style.maxHeight = `${data.height}px`;
    // Rows stay where they are when data arrives: what is drawn depends on these beside its row.
    const frame = JSON.stringify([data.columns, data.texts, data.actions.length > 0]);
    if (frame !== this.frame) this.shape = "";
    this.frame = frame;
    this.menu.refresh();
    this.arrange();
    if (fresh) {
      this.scroller.scrollTop = this.memory.scroll;
      if (!this.memory.scroll && this.memory.selected !== null) this.reveal();
    }
  }

  open() {
    const { table, opening } = this.data;
    if (!memories.has(table)) {
      memories.set(table, {
        selected: opening.selected,
        filter: opening.filter ?? null,
        search: opening.search ?? "",
        facets: { ...opening.facets },
        sort: opening.sort ?? null, // [column, descending]
        checked: new Set(),
        scroll: 0,
      });
    }
    this.memory = memories.get(table);
    this.drawn.forEach((element) => element.remove());
    this.drawn.clear();
  }

  // The rows that are shown, in order.
  arrange() {
    const { data, memory } = this;
    const filter = data.filters.find((each) => each.name === memory.filter);
    if (!filter) memory.filter = null;
    let numbers = filter ? filter.rows.slice() : data.rows.map((_, number) => number);
    for (const name of data.facets) {
      const wanted = memory.facets[name];
      const place = this.placeOf(name);
      if (wanted) numbers = numbers.filter((i) => textOf(data.rows[i].cells[place]) === wanted);
    }
    const words = memory.search.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length) {
      numbers = numbers.filter((i) => words.every((word) => this.haystack(i).includes(word)));
    }
    if (memory.sort) {
      const [name, down] = memory.sort;
      const place = this.placeOf(name);
      if (place >= 0) {
        const keys = new Map(numbers.map((i) => [i, sortKey(data.rows[i].cells[place])]));
        numbers.sort((a, b) => compareKeys(keys.get(a), keys.get(b), down) || a - b);
      }
    }
    this.order = numbers;
    this.positions = new Map(numbers.map((number, position) => [number, position]));
    this.body.style.height = `${numbers.length * ROW}px`;
    this.scroller.setAttribute("aria-rowcount", String(numbers.length + 1));
    this.empty.hidden = numbers.length > 0;
    this.empty.textContent = data.rows.length ? "No row matches the filter and the search." : "";
    this.bar.update();
    this.fit();
  }

  haystack(number) {
    if (this.haystacks[number] === null) {
      const row = this.data.rows[number];
      const texts = row.cells.map((cell) => textOf(cell, this.data.texts));
      this.haystacks[number] = [row.id, ...texts, row.find].join("\n").toLowerCase();
    }
    return this.haystacks[number];
  }

  placeOf(name) {
    return this.data.columns.findIndex((column) => column.name === name);
  }

  // ---- drawing ----------------------------------------------------------------------------

  // Columns that the width allows; then head and rows.
  fit() {
    if (!this.data) return;
    const width = this.root.clientWidth || Infinity;
    const places = this.data.columns.flatMap((column, i) => (column.least <= width ? [i] : []));
    const tracks = places.map((i) => this.data.columns[i].width);
    if (this.data.actions.length) tracks.unshift("28px");
    if (this.hasMenu) tracks.push("36px");
    const shape = `${places} ${tracks.join(" ")}`;
    if (shape !== this.shape) {
      this.shape = shape;
      this.places = places;
      this.root.style.setProperty("--tracks", tracks.join(" "));
      this.drawn.forEach((element) => element.remove());
      this.drawn.clear();
    }
    this.drawHead();
    this.draw();
  }

  get hasMenu() {
    return this.data.rows.some((row) => row.menu.length);
  }

  drawHead() {
    const sort = this.memory.sort;
    const focused = this.root.getRootNode().activeElement?.dataset?.sort;
    const cells = [];
    if (this.data.actions.length) cells.push(this.cell("", "columnheader"));
    for (const place of this.places) {
      const column = this.data.columns[place];
      const cell = this.cell(`cell ${column.kind}`, "columnheader");
      if (column.sort) {
        const down = sort?.[0] === column.name ? sort[1] : null;
        const button = make("button", "sort", column.label);
        button.type = "button";
        button.dataset.sort = column.name;
        button.append(make("span", "arrow", down === null ? "" : down ? "▾" : "▴"));
        cell.setAttribute(
          "aria-sort",
          down === null ? "none" : down ? "descending" : "ascending",
        );
        cell.append(button);
      } else {
        cell.textContent = column.label;
      }
      cells.push(cell);
    }
    if (this.hasMenu) cells.push(this.cell("", "columnheader"));
    this.head.replaceChildren(...cells);
    if (focused) this.head.querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - SPARE);
    const seen = Math.ceil(this.data.height / ROW) + 2 * SPARE;
    const shown = new Set(this.order.slice(first, first + seen));
    const current = this.byId.get(this.memory.selected);
    if (this.positions.has(current)) shown.add(current); // what has the focus must be in the page
    for (const [number, element] of this.drawn) {
      if (!shown.has(number)) {
        element.remove();
        this.drawn.delete(number);
      }
    }
    for (const number of shown) {
      let element = this.drawn.get(number);
      if (!element) {
        element = make("div", "row");
        element.setAttribute("role", "row");
        this.drawn.set(number, element);
        this.body.append(element);
      }
      this.drawRow(element, number);
    }
    const active = this.drawn.get(current);
    if (active) this.scroller.setAttribute("aria-activedescendant", active.id);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  drawRow(element, number) {
    const row = this.data.rows[number];
    const position = this.positions.get(number);
    element.id = `row-${number}`;
    element.style.transform = `translateY(${position * ROW}px)`;
    element.setAttribute("aria-rowindex", String(position + 2));
    element.setAttribute("aria-selected", String(row.id === this.memory.selected));
    const checked = this.memory.checked.has(row.id);
    const look = JSON.stringify([row, checked]);
    if (element.look === look) return;
    element.look = look;
    element.number = number;
    element.dataset.id = row.id;
    const cells = this.places.map((place) => {
      const column = this.data.columns[place];
      return drawCell(this.cell(`cell ${column.kind}`, "gridcell"), row.cells[place], this.data);
    });
    if (this.data.actions.length) {
      const box = make("input", "check");
      box.type = "checkbox";
      box.tabIndex = -1;
      box.checked = checked;
      box.setAttribute("aria-label", `Select ${row.name}`);
      const cell = this.cell("cell pick", "gridcell");
      cell.append(box);
      cells.unshift(cell);
    }
    if (this.hasMenu) {
      const cell = this.cell("cell more", "gridcell");
      if (row.menu.length) {
        const more = make("button", "dots", "⋯");
        more.type = "button";
        more.tabIndex = -1;
        more.setAttribute("aria-label", `Actions for ${row.name}`);
        more.setAttribute("aria-haspopup", "menu");
        cell.append(more);
      }
      cells.push(cell);
    }
    element.replaceChildren(...cells);
  }

  cell(className, role) {
    const cell = make("div", className);
    cell.setAttribute("role", role);
    return cell;
  }

  // ---- mouse and keys -----------------------------------------------------------------------

  listen() {
    this.scroller.addEventListener("scroll", () => {
      this.memory.scroll = this.scroller.scrollTop;
      this.menu.hide();
      this.draw();
    });
    this.head.addEventListener("click", (event) => {
      const name = event.target.closest("button")?.dataset.sort;
      if (name) this.sortBy(name);
    });
    this.body.addEventListener("click", (event) => {
      const element = event.target.closest(".row");
      if (!element) return;
      const row = this.data.rows[element.number];
      if (event.target.closest(".pick")) return this.check(row.id);
      if (event.target.closest(".dots")) return this.menu.show(row, event.target);
      this.select(row.id, event.target.closest(".answer")?.sample ?? null, 0);
      if (this.data.click === "open") this.act("open", [row.id]);
    });
    this.body.addEventListener("dblclick", (event) => {
      const element = event.target.closest(".row");
      const plain = element && !event.target.closest(".pick, .dots");
      if (plain && this.data.click === "select") this.act("open", [element.dataset.id]);
    });
    this.body.addEventListener("contextmenu", (event) => {
      const row = this.data.rows[event.target.closest(".row")?.number];
      if (!row?.menu.length) return;
      event.preventDefault();
      this.menu.show(row, event.target.closest(".cell") ?? event.target);
    });
    this.scroller.addEventListener("keydown", (event) => this.onKey(event));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.scroller) return;
    const id = this.memory.selected;
    const row = this.data.rows[this.byId.get(id)];
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW) - 2);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const ends = { Home: 0, End: this.order.length - 1 };
    const menu = event.key === "ContextMenu" || event.key === "m";
    if (event.key in moves) this.move(moves[event.key]);
    else if (event.key in ends) this.moveTo(ends[event.key]);
    else if (event.key === "Enter" && row) this.act("open", [id]);
    else if (event.key === " " && row && this.data.actions.length) this.check(id);
    else if (menu && row?.menu.length) this.menu.show(row, this.drawn.get(this.byId.get(id)));
    else if (event.key in STEPS && row && this.data.steps) this.step(id, STEPS[event.key]);
    else if (event.key === "/") this.bar.search.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(by) {
    const position = this.positions.get(this.byId.get(this.memory.selected));
    this.moveTo(position === undefined ? 0 : position + by);
  }

  moveTo(position) {
    const number = this.order[Math.max(0, Math.min(this.order.length - 1, position))];
    if (number === undefined) return;
    this.select(this.data.rows[number].id, null, PATIENCE);
    this.reveal();
  }

  reveal() {
    const position = this.positions.get(this.byId.get(this.memory.selected));
    if (position === undefined) return;
    const top = position * ROW;
    const room = this.scroller.clientHeight - this.head.offsetHeight - ROW;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top > this.scroller.scrollTop + room) this.scroller.scrollTop = top - room;
    this.draw();
  }

  // ---- what is reported -----------------------------------------------------------------------

  select(id, sample, patience) {
    this.memory.selected = id;
    this.draw();
    if (this.data.click === "open") return;
    clearTimeout(this.reporting);
    const report = () =>
      this.setStateValue("selected", { table: this.data.table, row: id, sample, at: Date.now() });
    if (patience) this.reporting = setTimeout(report, patience);
    else report();
  }

  // All steps of a row together: of reports that follow each other fast, only the last one arrives.
  step(id, by) {
    const total = (this.steps.get(id) ?? 0) + by;
    this.steps.set(id, total);
    const { table } = this.data;
    this.setTriggerValue("step", { table, row: id, since: this.since, total, at: Date.now() });
  }

  act(name, ids) {
    this.setTriggerValue("act", { table: this.data.table, name, rows: ids, at: Date.now() });
  }

  check(id) {
    const { checked } = this.memory;
    if (!checked.delete(id)) checked.add(id);
    this.bar.update();
    this.draw();
  }

  sortBy(name) {
    const column = this.data.columns[this.placeOf(name)];
    const first = column.sort === "desc";
    const now = this.memory.sort;
    this.memory.sort =
      now?.[0] !== name ? [name, first] : now[1] === first ? [name, !first] : null;
    this.viewChanged();
  }

  viewChanged() {
    this.arrange();
    clearTimeout(this.keeping);
    const { filter, search, facets, sort } = this.memory;
    const view = { table: this.data.table, filter, search, facets, sort };
    this.keeping = setTimeout(() => this.setStateValue("view", view), 400);
  }
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
