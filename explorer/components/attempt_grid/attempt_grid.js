// Tables of single forced tokens. All text is set through textContent.

const grids = new WeakMap(); // parent element -> its box

export default function ({ data, parentElement, setTriggerValue }) {
  let box = grids.get(parentElement);
  if (!box) {
    box = make("div", "grids");
    parentElement.append(box);
    grids.set(parentElement, box);
  }
  const focused = box.getRootNode().activeElement?.dataset?.place;
  box.replaceChildren(...data.tables.map((table) => drawTable(table, data)));
  if (focused) box.querySelector(`[data-place="${focused}"]`)?.focus();
  box.onclick = (event) => {
    const cell = event.target.closest("button");
    if (!cell || cell.disabled) return;
    const [position, tokenId] = cell.dataset.place.split(" ").map(Number);
    setTriggerValue("open", { chain: data.chain, position, tokenId, at: Date.now() });
  };
  return () => {
    box.remove();
    grids.delete(parentElement);
  };
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function drawTable(table, data) {
  const section = make("section", "grid");
  const grid = make("table");
  grid.append(make("caption", "", table.title));
  const body = make("tbody");
  for (const row of table.rows) {
    const line = make("tr");
    const head = make("th");
    head.scope = "row";
    head.append(
      make("span", "place", `#${row.position}`),
      make("span", "own", row.token),
      make("span", "entropy", row.entropy),
    );
    line.append(head);
    for (const cell of row.cells) line.append(drawCell(cell, row, data));
    body.append(line);
  }
  grid.append(body);
  section.append(grid, make("p", "summary", table.summary));
  return section;
}

function drawCell(cell, row, data) {
  const place = make("td");
  if (cell.chosen) {
    place.append(make("span", "chosen", cell.token));
    place.title = "the chain's own token";
    return place;
  }
  const button = make("button", `${cell.tone}${cell.turned ? " turned" : ""}`);
  button.type = "button";
  button.disabled = !data.enabled || cell.pending;
  button.dataset.place = `${row.position} ${cell.token_id}`;
  button.append(
    make("span", "sign", cell.sign),
    make("span", "token", cell.token),
    make("span", "answer", cell.answer),
  );
  const said = `position ${row.position}, rank ${cell.rank}, ${cell.token}`;
  if (cell.pending) {
    button.setAttribute("aria-label", `${said}: being tried`);
    button.title = `rank ${cell.rank}: being tried`;
  } else {
    button.setAttribute("aria-label", `${said}: ${cell.sign} ${cell.answer}. Go to branch`);
    button.title = `rank ${cell.rank}: leads to ${cell.sign} ${cell.answer}. Click: go to branch`;
  }
  place.append(button);
  return place;
}
