// Parts of the page, by the keys of their containers, don't become lower while something works.

const keepers = new WeakMap(); // parent element -> Keeper

export default function ({ data, parentElement }) {
  let keeper = keepers.get(parentElement);
  if (!keeper) keepers.set(parentElement, (keeper = new Keeper()));
  keeper.update(data);
  return () => {
    keeper.release();
    keeper.observer.disconnect();
    keepers.delete(parentElement);
  };
}

class Keeper {
  constructor() {
    this.busy = false;
    this.heights = new Map(); // key of a part -> its height when nothing worked, px
    this.watched = new Map(); // key of a part -> its element
    this.held = new Set(); // elements with a least height
    // What is observed before the browser draws still belongs to the page before the work.
    this.observer = new ResizeObserver(() => this.measure());
  }

  update({ parts, busy }) {
    if (busy && !this.busy) this.measure();
    this.busy = busy;
    if (!busy) this.release();
    for (const part of parts) {
      const element = document.querySelector(`.st-key-${CSS.escape(part)}`);
      if (this.watched.get(part) !== element) {
        if (this.watched.get(part)) this.observer.unobserve(this.watched.get(part));
        this.watched.delete(part);
        if (element) {
          this.watched.set(part, element);
          this.observer.observe(element);
        }
      }
      const height = this.heights.get(part);
      if (busy && element && height) {
        element.style.minHeight = height + "px";
        this.held.add(element);
      }
    }
  }

  measure() {
    if (this.busy) return;
    for (const [part, element] of this.watched) {
      if (element.isConnected) this.heights.set(part, element.getBoundingClientRect().height);
    }
  }

  release() {
    for (const element of this.held) element.style.minHeight = "";
    this.held.clear();
  }
}
