// What keys do: in the chain, and those that work on the whole page; where the arrows lead.

class ChainKeys {
  constructor(heatmap) {
    this.heatmap = heatmap;
    this.column = null; // x kept while moving up and down
  }

  // A key pressed anywhere on the page where nothing is being typed.
  pressOnPage(event) {
    const undo = this.heatmap.data.takes.includes("command");
    const inChain = event.composedPath().includes(this.heatmap.list);
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== "z" || !undo) return;
      this.heatmap.ask("command", { name: event.shiftKey ? "redo" : "undo" });
    } else if (undo && event.key === "u") this.heatmap.ask("command", { name: "undo" });
    else if (undo && event.key === "U") this.heatmap.ask("command", { name: "redo" });
    else if (event.key === "/") this.heatmap.tools.open();
    else if (inChain || !this.heatmap.spans.length) return;
    else if (event.key === "n" || event.key === "p") return this.press(event);
    else if (/^[1-9]$/.test(event.key) && this.heatmap.selected !== null) return this.press(event);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.heatmap.current === null) return;
    if (event.key === "Tab" || event.target.closest?.(".fold")) return;
    event.stopPropagation(); // Streamlit has its own single-letter shortcuts
    const i = this.heatmap.current;
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (!vertical) this.column = null;
    const moves = {
      ArrowLeft: () => this.unitAway(i, -1),
      ArrowRight: () => this.unitAway(i, 1),
      ArrowUp: () => this.lineAway(i, -1),
      ArrowDown: () => this.lineAway(i, 1),
      Home: () => 0,
      End: () => this.heatmap.data.tokens.length - 1,
      n: () => this.heatmap.facts.stops.find((fork) => fork > i) ?? i,
      p: () => this.heatmap.facts.stops.findLast((fork) => fork < i) ?? i,
    };
    if (moves[event.key]) this.heatmap.focus(moves[event.key]());
    else if (event.key === "Enter" || event.key === " ") this.heatmap.select(i);
    else if (event.key === "Escape") this.heatmap.hover.hide();
    else if (/^[1-9]$/.test(event.key)) this.heatmap.force(Number(event.key));
    else return;
    event.preventDefault();
  }

  // The next token or sentence that is not folded.
  unitAway(i, step) {
    const peaks = this.heatmap.bySentence ? this.heatmap.facts.peaks : null;
    for (let j = i + step; j >= 0 && j < this.heatmap.data.tokens.length; j += step) {
      if (this.heatmap.blocks.isFolded(j)) continue;
      if (!peaks) return j;
      if (peaks[j] !== peaks[i]) return peaks[j];
    }
    return i;
  }

  // The token on the line above or below that is nearest to the column; measures only two lines.
  lineAway(i, step) {
    const middle = (rect) => (rect.top + rect.bottom) / 2;
    const here = this.heatmap.rectOf(i);
    this.column ??= (here.left + here.right) / 2;
    let best = i;
    let distance = Infinity;
    let line = null;
    for (let j = i + step; j >= 0 && j < this.heatmap.data.tokens.length; j += step) {
      if (this.heatmap.blocks.isFolded(j)) continue;
      this.heatmap.drawTo(j);
      const rect = this.heatmap.rectOf(j);
      if (Math.abs(middle(rect) - middle(here)) < 12) continue;
      line ??= middle(rect);
      if (Math.abs(middle(rect) - line) >= 12) break;
      const away = Math.abs((rect.left + rect.right) / 2 - this.column);
      if (away < distance) [best, distance] = [j, away];
    }
    return best;
  }
}
