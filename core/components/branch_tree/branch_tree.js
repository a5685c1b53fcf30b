// The tree of branches as SVG. All text is set through textContent.

const SIGNS = { correct: "✓", wrong: "✗", unparseable: "?", timed_out: "!", no_gold: "–" };
const WORDS = {
  correct: "correct",
  wrong: "wrong",
  unparseable: "no answer that can be read",
  timed_out: "checking the answer timed out",
  no_gold: "no reference answer",
};
const trees = new WeakMap(); // parent element -> BranchTree

export default function ({ data, parentElement, setStateValue }) {
  let tree = trees.get(parentElement);
  if (!tree) trees.set(parentElement, (tree = new BranchTree(parentElement)));
  tree.setStateValue = setStateValue;
  tree.update(data);
  return () => {
    tree.box.remove();
    trees.delete(parentElement);
  };
}

function svg(tag, attributes = {}, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

const clip = (text, length) => {
  const characters = [...text];
  return characters.length > length ? characters.slice(0, length - 1).join("") + "…" : text;
};
const tokenText = (text) => clip(text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "�"), 14);

class BranchTree {
  constructor(parent) {
    this.parent = parent;
    this.box = document.createElement("div");
    this.box.className = "tree";
    this.svg = svg("svg", { role: "tree", "aria-label": "Branches" });
    this.box.append(this.svg);
    parent.append(this.box);
    this.unfolded = new Set();
    this.pen = document.createElement("canvas").getContext("2d");
    this.svg.addEventListener("click", (event) => {
      const group = event.target.closest("[role=treeitem]");
      if (group) this.choose(group.item);
    });
    this.svg.addEventListener("keydown", (event) => this.key(event));
    // Wait for the page's font, so that widths are not measured with the fallback font.
    document.fonts.ready.then(() => {
      if (this.data && !this.svg.contains(this.parent.activeElement)) this.draw();
    });
  }

  update(data) {
    const hadFocus = this.svg.contains(this.parent.activeElement);
    const { selected, nodes } = this.data ?? {};
    const moved = selected !== data.selected || nodes?.length !== data.nodes.length;
    this.data = data;
    this.selected = data.selected;
    this.current = hadFocus ? this.current : data.selected;
    this.box.style.maxHeight = data.maxHeight + "px";
    this.draw();
    if (hadFocus) this.focus(this.current);
    else if (moved) this.reveal(this.selected);
  }

  draw() {
    const style = getComputedStyle(this.box);
    const measure = (text, weight = 400) => {
      this.pen.font = `${weight} 12px ${style.fontFamily}`;
      return Math.ceil(this.pen.measureText(text).width);
    };
    const { items, width, height } = layout(
      forestOf(this.data.nodes, this.selected, this.unfolded),
      (item) => {
        const { answer, name } = this.textsOf(item);
        return 34 + measure(answer, 600) + (name ? 8 + measure(name) : 0);
      },
      (item) => measure(this.edgeText(item)),
    );
    this.items = items;
    if (!items.some((item) => item.node.id === this.current)) this.current = items[0]?.node.id;
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const edges = items.filter((item) => item.parent).map((item) => this.drawEdge(item));
    const nodes = items.map((item) => this.drawNode(item, measure));
    this.svg.replaceChildren(...edges, ...nodes);
    this.markSelected();
  }

  textsOf({ node, hidden }) {
    const answer = clip(node.answer || node.label || (node.live ? "writing…" : "no answer"), 20);
    const name = hidden.length ? `+ ${hidden.length} more` : clip(node.name, 22);
    return { answer, name };
  }

  edgeText({ node }) {
    if (node.position === null) return "";
    return `#${node.position} ${tokenText(node.forced_token)}`;
  }

  drawEdge(item) {
    const { parent } = item;
    const group = svg("g", { class: "edge", "aria-hidden": "true" });
    const from = parent.x + parent.width;
    const radius = 6;
    const line =
      item.row === parent.row
        ? `M${from} ${item.y} H${item.x}`
        : `M${from} ${parent.y} H${parent.trunk - radius} ` +
          `Q${parent.trunk} ${parent.y} ${parent.trunk} ${parent.y + radius} ` +
          `V${item.y - radius} Q${parent.trunk} ${item.y} ${parent.trunk + radius} ${item.y} ` +
          `H${item.x}`;
    group.append(svg("path", { d: line }));
    const place = { x: item.x - 10, y: item.y - 5, "text-anchor": "end" };
    group.append(svg("text", place, this.edgeText(item)));
    return group;
  }

  drawNode(item, measure) {
    const { node, x, y, width } = item;
    const { answer, name } = this.textsOf(item);
    const group = svg("g", {
      role: "treeitem",
      class: `node ${node.live ? "live" : (node.verdict ?? "unknown")}${node.grown ? " grown" : ""}`,
      transform: `translate(${x} ${y})`,
      "data-id": node.id,
      "aria-level": item.depth + 1,
      "aria-label": this.describe(item),
      tabindex: node.id === this.current ? 0 : -1,
    });
    if (item.hidden.length) group.setAttribute("aria-expanded", "false");
    group.item = item;
    item.group = group;
    group.append(svg("title", {}, this.describe(item)));
    group.append(svg("rect", { y: -12, width, height: 24, rx: 12 }));
    const sign = (!node.live && SIGNS[node.verdict]) || "○";
    group.append(svg("text", { x: 15, y: 4, class: "sign" }, sign));
    group.append(svg("text", { x: 25, y: 4, class: "answer" }, answer));
    const after = 33 + measure(answer, 600);
    if (name) group.append(svg("text", { x: after, y: 4, class: "name" }, name));
    return group;
  }

  describe({ node, hidden }) {
    const parts = [node.name, node.answer ? `answer ${node.answer}` : node.label];
    parts.push(node.live ? "being generated" : WORDS[node.verdict]);
    if (node.position !== null) {
      parts.push(`${tokenText(node.forced_token)} forced at #${node.position}`);
    }
    if (node.length) parts.push(`${node.length} tokens`);
    if (node.model) parts.push(`by ${node.model}`);
    if (node.grown) parts.push("grown; press to open as a branch");
    if (hidden.length) parts.push(`${hidden.length} more branches collapsed; press to expand`);
    return parts.filter(Boolean).join(", ");
  }

  markSelected() {
    for (const { group, node } of this.items) {
      group.setAttribute("aria-selected", String(node.id === this.selected));
    }
  }

  choose(item) {
    if (item.hidden.length) {
      this.unfolded.add(item.node.id);
      this.current = item.node.id;
      this.draw();
      this.focus(item.node.id);
      return;
    }
    this.selected = item.node.id;
    this.focus(item.node.id);
    this.markSelected();
    // `at` makes every click a change, even a repeated click on the same branch.
    this.setStateValue("selected", { id: item.node.id, at: Date.now() });
  }

  itemOf(id) {
    return this.items.find((item) => item.node.id === id);
  }

  focus(id) {
    const item = this.itemOf(id);
    if (!item) return;
    this.itemOf(this.current)?.group.setAttribute("tabindex", "-1");
    this.current = id;
    item.group.setAttribute("tabindex", "0");
    item.group.focus({ preventScroll: true });
    this.reveal(id);
  }

  // Scrolls the box, not the page.
  reveal(id) {
    const item = this.itemOf(id);
    if (!item) return;
    const { box } = this;
    const within = (start, size, low, high) =>
      low < start ? low : high > start + size ? Math.min(high - size, low) : start;
    box.scrollTop = within(box.scrollTop, box.clientHeight, item.y - ROW / 2, item.y + ROW / 2);
    const left = item.parent ? item.parent.x + item.parent.width - 4 : 0;
    box.scrollLeft = within(box.scrollLeft, box.clientWidth, left, item.x + item.width + 8);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
    event.stopPropagation(); // Streamlit has its own single-letter shortcuts
    const item = this.itemOf(this.current);
    if (!item) return;
    const inRows = [...this.items].sort((a, b) => a.row - b.row || a.depth - b.depth);
    const nearest = (step) => {
      const rows = this.items.filter((each) => Math.sign(each.row - item.row) === step);
      return rows.sort(
        (a, b) =>
          Math.abs(a.row - item.row) - Math.abs(b.row - item.row) ||
          Math.abs(a.depth - item.depth) - Math.abs(b.depth - item.depth),
      )[0];
    };
    const moves = {
      ArrowRight: () => item.children[0],
      ArrowLeft: () => item.parent,
      ArrowDown: () => nearest(1),
      ArrowUp: () => nearest(-1),
      Home: () => inRows[0],
      End: () => inRows.at(-1),
    };
    if (moves[event.key]) this.focus((moves[event.key]() ?? item).node.id);
    else if (event.key === "Enter" || event.key === " ") this.choose(item);
    else return;
    event.preventDefault();
  }
}
