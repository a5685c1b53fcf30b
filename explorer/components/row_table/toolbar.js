// Above the rows: filters with their counts, choices by column, search, and what can be done with
// the rows that are ticked.

class Toolbar {
  constructor(table) {
    this.table = table;
    this.element = make("div", "toolbar");
    this.filters = make("div", "filters");
    this.filters.setAttribute("role", "group");
    this.filters.setAttribute("aria-label", "Filter");
    this.choices = make("div", "choices");
    this.search = make("input", "search");
    this.search.type = "search";
    this.count = make("span", "count");
    this.count.setAttribute("aria-live", "polite");
    this.actions = make("div", "actions");
    this.element.append(this.filters, this.choices, this.search, this.count, this.actions);
    this.listen();
  }

  listen() {
    this.filters.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const { table } = this;
      table.memory.filter = button.dataset.filter || null;
      table.viewChanged();
      const selected = table.byId.get(table.memory.selected);
      if (table.data.click === "select" && !table.positions.has(selected)) table.moveTo(0);
    });
    this.choices.addEventListener("change", (event) => {
      this.table.memory.facets[event.target.dataset.facet] = event.target.value;
      this.table.viewChanged();
    });
    this.search.addEventListener("input", () => {
      this.table.memory.search = this.search.value;
      this.table.viewChanged();
    });
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation(); // Streamlit has shortcuts of its own
      if (event.target !== this.search) return;
      if (event.key === "ArrowDown") {
        event.preventDefault();
        this.table.scroller.focus();
        this.table.moveTo(0);
      }
    });
    this.actions.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const ids = this.checkedInOrder();
      if (button.dataset.action) return this.table.act(button.dataset.action, ids);
      this.table.memory.checked.clear();
      this.table.draw();
      this.update();
    });
  }

  update() {
    const { data, memory, order } = this.table;
    this.drawFilters(data, memory);
    this.drawChoices(data, memory);
    this.search.placeholder = data.search;
    this.search.setAttribute("aria-label", data.search);
    if (this.search.value !== memory.search) this.search.value = memory.search;
    const all = data.rows.length;
    this.count.textContent = order.length === all ? "" : `${order.length} of ${all}`;
    this.drawActions(data, memory);
  }

  drawFilters(data, memory) {
    const found = this.element.getRootNode().activeElement?.dataset?.filter;
    const every = data.filters.length ? [{ name: "", label: "all", rows: data.rows }] : [];
    const buttons = [...every, ...data.filters].map(({ name, label, rows }) => {
      const button = make("button", "filter", label);
      button.type = "button";
      button.dataset.filter = name;
      button.append(make("span", "number", String(rows.length)));
      button.setAttribute("aria-pressed", String((memory.filter ?? "") === name));
      return button;
    });
    this.filters.hidden = !buttons.length;
    this.filters.replaceChildren(...buttons);
    if (found !== undefined) buttons.find((each) => each.dataset.filter === found)?.focus();
  }

  drawChoices(data, memory) {
    this.choices.hidden = !data.facets.length;
    const selects = data.facets.map((name) => {
      const place = this.table.placeOf(name);
      const label = data.columns[place].label;
      const counts = new Map();
      for (const row of data.rows) {
        const text = textOf(row.cells[place]);
        if (text) counts.set(text, (counts.get(text) ?? 0) + 1);
      }
      const wanted = memory.facets[name] ?? "";
      if (wanted && !counts.has(wanted)) counts.set(wanted, 0);
      const select = this.choices.querySelector(`[data-facet="${name}"]`) ?? make("select");
      select.dataset.facet = name;
      select.setAttribute("aria-label", label);
      const texts = [...counts.keys()].sort();
      const look = JSON.stringify([label, texts, texts.map((text) => counts.get(text))]);
      if (select.look !== look) {
        select.look = look;
        const options = texts.map((text) => {
          const option = make("option", "", `${text} (${counts.get(text)})`);
          option.value = text;
          return option;
        });
        const every = make("option", "", `${label}: all`);
        every.value = "";
        select.replaceChildren(every, ...options);
      }
      select.value = wanted;
      select.classList.toggle("set", Boolean(wanted));
      return select;
    });
    const same = selects.length === this.choices.children.length;
    if (!same) this.choices.replaceChildren(...selects);
  }

  drawActions(data, memory) {
    const count = memory.checked.size;
    const buttons = data.actions.map(({ name, label, least }) => {
      const button = make("button", "action", label);
      button.type = "button";
      button.dataset.action = name;
      button.disabled = count < least;
      return button;
    });
    const none = make("button", "action quiet", "Clear");
    none.type = "button";
    this.actions.hidden = !data.actions.length;
    none.disabled = count === 0;
    const said = make("span", "ticked", count ? `${count} selected` : "none selected");
    this.actions.replaceChildren(said, ...buttons, none);
  }

  checkedInOrder() {
    const { data, memory } = this.table;
    return data.rows.filter((row) => memory.checked.has(row.id)).map((row) => row.id);
  }
}
