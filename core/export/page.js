// The host of the components in a file of its own: does what Streamlit does for them in the app.

const exported = JSON.parse(document.getElementById("exported").textContent);
const byId = (id) => document.getElementById(id);
const root = document.documentElement;
const hosts = [];

// One component in a shadow root, as in the app.
class Host {
  constructor(place, component, css, on) {
    this.component = component;
    this.on = on;
    this.parent = place.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.parent.adoptedStyleSheets = [sheet];
    hosts.push(this);
  }

  show(data) {
    this.data = data;
    this.component.draw({
      data,
      parentElement: this.parent,
      setStateValue: (name, value) => this.on(name, value),
      setTriggerValue: () => {},
    });
  }

  again() {
    if (this.data) this.show(this.data);
  }
}

// ---- light and dark ---------------------------------------------------------------------------

const wishes = matchMedia("(prefers-color-scheme: dark)");
let chosen = null; // by the button; null: as the system has it

function dress(theme) {
  root.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
  byId("theme").setAttribute("aria-label", `Show in ${theme === "dark" ? "light" : "dark"} colours`);
  for (const host of hosts) host.again();
}
const theme = () => chosen ?? (wishes.matches ? "dark" : "light");
byId("theme").addEventListener("click", () => {
  chosen = root.dataset.theme === "dark" ? "light" : "dark";
  dress(theme());
});
wishes.addEventListener("change", () => dress(theme()));
window.addEventListener("beforeprint", () => dress("light"));
window.addEventListener("afterprint", () => dress(theme()));

// ---- a chain and its selected token -----------------------------------------------------------

function write(element, text = "") {
  element.textContent = text;
  element.hidden = !text;
}

class Reader {
  constructor(place) {
    this.asked = 0; // how often a chain was shown
    this.heatmap = new Host(place, heatmap, exported.heatmapStyle, (name, value) => {
      if (name === "selected") this.select(value.i);
    });
  }

  show(chain, position = chain.message.select) {
    const again = this.chain === chain; // then the token is shown by `goTo`
    this.chain = chain;
    this.asked += 1;
    byId("head").textContent = chain.head;
    byId("head").className = "head " + chain.tone;
    write(byId("chain-note"), exported.chainNotes[chain.id]);
    const goTo = again && position !== null ? [this.asked, position] : null;
    this.heatmap.show({ ...chain.message, select: position, goTo });
    this.facts = new heatmap.ChainFacts(heatmap.readable(chain.message));
    this.fill(position);
  }

  select(i) {
    this.fill(i);
    // In a frame without an address of its own, a link leads to the page around it.
    if (location.protocol !== "about:") location.replace(`#${this.chain.id}.${i}`);
  }

  // The panel of the selected token: what the model would have written, and where it leads.
  fill(i) {
    const rows = byId("alternatives");
    const here = byId("here");
    rows.replaceChildren();
    here.replaceChildren();
    write(byId("token-note"));
    byId("alternatives-table").hidden = i === null;
    if (i === null) {
      byId("token").textContent = "Select a token";
      byId("token-facts").textContent =
        "Hover for the model's alternatives. Click, or press Enter, to keep them here. " +
        "n and p go to the next and the previous fork.";
      return;
    }
    const card = this.facts.card(i);
    byId("token").textContent = `${card.place} ${card.token}`;
    write(byId("token-note"), card.note);
    byId("token-facts").textContent = [
      ...card.numbers.map(([name, value]) => `${name} ${value}`),
      ...card.flags,
    ].join(" · ");
    for (const [model, alternatives] of [
      [card.titles[0], card.alternatives],
      [card.titles[1], card.second],
    ]) {
      for (const each of alternatives) this.row(rows, each, model);
    }
    byId("alternatives-table").hidden = !rows.children.length;
    byId("model-column").hidden = !card.titles.length;
    for (const node of exported.nodes) {
      if (node.parent_id === this.chain.id && node.position === i) here.append(branchButton(node));
    }
  }

  row(rows, { rank, token, p, chosen: own }, model) {
    const row = document.createElement("tr");
    const cells = [rank, token, heatmap.percent(p), ...(model ? [model] : [])];
    cells.forEach((text, at) => {
      const cell = document.createElement("td");
      const words = document.createElement("bdi");
      words.textContent = own && at === 1 ? `${text} (here)` : text;
      cell.append(words);
      if (own) cell.setAttribute("aria-current", "true");
      row.append(cell);
    });
    rows.append(row);
  }
}

function branchButton(node) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `${node.forced_token} → ${node.answer || node.label}`;
  button.addEventListener("click", () => open(node.id));
  return button;
}

const chains = new Map(exported.chains.map((chain) => [chain.id, chain]));
let reader = null;
let tree = null;

function open(id, position) {
  const chain = chains.get(id);
  if (!chain) return;
  reader.show(chain, position);
  if (tree && tree.data.selected !== id) tree.show({ ...tree.data, selected: id });
}

if (exported.chains.length) reader = new Reader(byId("heatmap"));
if (exported.nodes.length) {
  tree = new Host(byId("tree"), branchTree, exported.treeStyle, (name, value) => {
    if (name !== "selected") return;
    if (chains.has(value.id)) reader.show(chains.get(value.id));
    tree.data = { ...tree.data, selected: value.id };
  });
  tree.show({ nodes: exported.nodes, selected: exported.selected, maxHeight: 420 });
}
dress(theme());
if (reader) {
  const [, id, place] = /^#(\w+)\.(\d{1,7})$/.exec(location.hash) ?? [];
  const linked = chains.get(id);
  const known = linked && Number(place) < linked.message.tokens.length;
  if (known) open(id, Number(place));
  else open(exported.selected ?? exported.chains[0].id);
}

// ---- notes: a click shows the chain or the token that one is on --------------------------------

for (const button of document.querySelectorAll("button[data-chain]")) {
  button.addEventListener("click", () => {
    const { chain, position } = button.dataset;
    open(chain, position === "" ? null : Number(position));
    byId("head").scrollIntoView({ block: "start" });
  });
}

// ---- chains of problems: their text is put in when they are opened -----------------------------

for (const block of document.querySelectorAll("details[data-problem]")) {
  const fill = () => {
    if (block.dataset.filled) return;
    block.dataset.filled = "yes";
    for (const chain of exported.problems[Number(block.dataset.problem)]) {
      const head = document.createElement("p");
      head.className = "head";
      head.textContent = chain.head;
      const text = document.createElement("div");
      text.className = "text";
      text.textContent = chain.text;
      block.append(head, text);
    }
  };
  block.addEventListener("toggle", fill);
}
