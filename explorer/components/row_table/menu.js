// The menu of one row. Arrow keys move in it, Escape closes it and returns to the rows.

class RowMenu {
  constructor(table) {
    this.table = table;
    this.element = make("div", "menu");
    this.element.setAttribute("role", "menu");
    this.element.hidden = true;
    this.row = null;
    this.element.addEventListener("click", (event) => {
      const name = event.target.closest("button")?.dataset.action;
      if (!name) return;
      const { id } = this.row;
      this.hide();
      this.table.act(name, [id]);
    });
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(event.relatedTarget)) this.hide();
    });
  }

  show(row, near) {
    this.row = row;
    const items = row.menu.map((name) => {
      const item = make("button", "item", this.table.data.menu[name]);
      item.type = "button";
      item.setAttribute("role", "menuitem");
      item.dataset.action = name;
      return item;
    });
    this.element.setAttribute("aria-label", `Actions for ${row.name}`);
    this.element.replaceChildren(...items);
    this.element.hidden = false;
    const box = this.table.root.getBoundingClientRect();
    const place = near.getBoundingClientRect();
    const height = this.element.offsetHeight;
    const below = place.bottom + height <= window.innerHeight || place.top < height;
    this.element.style.top = `${(below ? place.bottom : place.top - height) - box.top}px`;
    const left = Math.min(place.left - box.left, box.width - this.element.offsetWidth - 4);
    this.element.style.left = `${Math.max(0, left)}px`;
    items[0]?.focus({ preventScroll: true });
  }

  hide() {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.row = null;
  }

  // The row may have changed, or be gone.
  refresh() {
    if (this.row === null) return;
    const row = this.table.data.rows[this.table.byId.get(this.row.id)];
    if (row?.menu.join() !== this.row.menu.join()) this.hide();
  }

  onKey(event) {
    const items = [...this.element.children];
    const at = items.indexOf(this.element.getRootNode().activeElement);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    event.stopPropagation();
    if (event.key in moves) {
      event.preventDefault();
      items[(moves[event.key] + items.length) % items.length].focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.hide();
      this.table.scroller.focus();
    }
  }
}
