// Cells by the kind of their column. A cell is a text, a number, null, or an object:
// { text, sort, note, hint, tone, share } or { answers: [[tone, text, count, sample], ...], sort }.

const SIGNS = { correct: "✓", wrong: "✗", other: "?" };
const SAID = { correct: "correct", wrong: "wrong", other: "not scored" };
const NUMBER = new Intl.NumberFormat("en");

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function drawCell(element, cell, data) {
  if (cell === null || cell === undefined) return element;
  if (typeof cell === "string") {
    element.append(make("span", "text", cell));
    element.title = cell;
  } else if (typeof cell === "number") {
    element.textContent = NUMBER.format(cell);
  } else if (cell.answers) {
    for (const answer of cell.answers) element.append(drawAnswer(answer, data.texts));
  } else {
    drawRich(element, cell);
  }
  return element;
}

function drawRich(element, cell) {
  const line = make("span", `text ${cell.tone ?? ""}`, cell.text);
  element.append(line);
  element.title = cell.hint ?? [cell.text, cell.note].filter(Boolean).join(" · ");
  if (cell.note) element.append(make("span", "note", cell.note));
  if (typeof cell.share === "number") {
    const bar = make("span", "bar");
    bar.style.setProperty("--share", `${Math.round(1000 * Math.min(1, cell.share)) / 10}%`);
    element.append(bar);
  }
}

function drawAnswer([tone, text, count, sample], texts) {
  const chip = make("span", `answer ${tone}`);
  const said = texts[text];
  chip.sample = sample;
  chip.dataset.sample = String(sample);
  chip.append(make("span", "sign", SIGNS[tone]), make("span", "text", said));
  if (count > 1) chip.append(make("span", "count", `×${count}`));
  chip.title = `${said}: ${SAID[tone]}${count > 1 ? `, ${count} samples` : ""}`;
  return chip;
}

function textOf(cell, texts) {
  if (cell === null || cell === undefined) return "";
  if (typeof cell !== "object") return String(cell);
  if (cell.answers) return (texts ? cell.answers.map((each) => texts[each[1]]) : []).join(" ");
  return [cell.text, texts ? (cell.note ?? "") : ""].filter(Boolean).join(" ");
}

function sortKey(cell) {
  if (cell !== null && typeof cell === "object") return cell.sort ?? cell.text ?? null;
  return cell === "" ? null : cell;
}

// Cells without a value come last in both directions.
function compareKeys(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order =
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), "en", { numeric: true });
  return down ? -order : order;
}
