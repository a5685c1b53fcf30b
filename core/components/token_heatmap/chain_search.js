// What the search field found in a chain, and which match is shown.

class ChainSearch {
  constructor() {
    this.query = "";
    this.reset([]);
  }

  reset(tokens) {
    this.tokens = tokens;
    this.text = null;
    this.matches = [];
    this.which = -1;
    this.found = new Set(); // positions
    this.shown = new Set();
  }

  // Returns the number of matches.
  find(query) {
    this.query = query;
    this.text ??= new ChainText(this.tokens);
    this.matches = this.text.matches(query);
    this.which = -1;
    this.shown = new Set();
    this.found = new Set();
    for (const [first, last] of this.matches) {
      for (let i = first; i <= last; i += 1) this.found.add(i);
    }
    return this.matches.length;
  }

  // Go on by a number of matches, or to the first one at or after a position. Returns its number,
  // from 1; 0 without matches.
  step(by, from) {
    const { length } = this.matches;
    if (!length) return 0;
    if (by && this.which >= 0) this.which = (this.which + by + length) % length;
    else this.which = Math.max(0, this.matches.findIndex(([first]) => first >= from));
    const [first, last] = this.matches[this.which];
    this.shown = new Set();
    for (let i = first; i <= last; i += 1) this.shown.add(i);
    return this.which + 1;
  }

  get place() {
    return this.which < 0 ? null : this.matches[this.which][0];
  }

  classOf(i) {
    if (!this.found.has(i)) return "";
    return this.shown.has(i) ? " found found-here" : " found";
  }
}
