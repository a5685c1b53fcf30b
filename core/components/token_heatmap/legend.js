// The line under the chain: meaning of the colours, and number of forks.

class Legend {
  constructor(parent) {
    this.element = make("div", "legend");
    this.name = make("span", "legend-name");
    this.low = make("span", "number");
    this.bar = make("span", "legend-bar");
    this.threshold = make("span", "legend-threshold");
    this.bar.append(this.threshold);
    this.high = make("span", "number");
    this.forks = make("span", "legend-forks");
    this.marks = make("span", "legend-marks");
    this.measured = make("span", "legend-measured");
    const scale = make("span", "legend-scale");
    this.source = make("span", "legend-source");
    scale.append(this.name, this.low, this.bar, this.high);
    this.element.append(scale, this.source, this.measured, this.forks, this.marks);
    parent.append(this.element);
  }

  update(data, facts) {
    const size = data.tokens.length;
    const byValues = data.values !== null;
    const { base, top } = byValues ? { base: 0, top: data.valuesTop } : data.scale;
    this.name.textContent = byValues
      ? data.valuesLabel
      : "entropy" + (facts.bySentence ? " of the sentence" : "");
    this.low.textContent = `low ${trimmed(byValues ? base : facts.inUnit(base))}`;
    this.high.textContent = byValues
      ? `${trimmed(top)} high`
      : `${trimmed(facts.inUnit(top))}+ ${data.unit} high`;
    this.source.textContent = byValues ? "" : data.scale.words;
    const measured = byValues ? data.values.filter((value) => value !== null).length : 0;
    this.measured.textContent = byValues ? `${measured} of ${size} tokens measured (framed)` : "";
    const place = (data.tau - base) / (top - base);
    this.threshold.hidden = byValues || data.tau === null || place < 0 || place >= 1;
    this.threshold.style.left = 100 * place + "%";
    const count = data.forks.length;
    const share = facts.counted ? ((100 * count) / facts.counted).toFixed(1) : "0.0";
    const name = data.tau === null ? "gated" : count === 1 ? "fork" : "forks";
    const above =
      data.tau === null ? "" : ` above ${facts.inUnit(data.tau).toFixed(2)} ${data.unit}`;
    this.forks.replaceChildren(
      make("span", "fork-sample", `${count} ${name}`),
      `${above}, ${share} % of ${facts.counted} tokens` +
        (facts.counted < size ? " up to the answer" : ""),
    );
    this.marks.replaceChildren();
    for (const mark of data.marks ? ["reranked", "shifted"] : []) {
      const marked = data.marks.filter((each) => each === mark).length;
      this.marks.append(make("span", `mark-sample ${mark}`, `${marked} ${mark}`), " ");
    }
    const notes = Object.keys(data.notes ?? {}).length;
    if (notes) this.marks.append(make("span", "note-sample", `${notes} ${notes === 1 ? "note" : "notes"}`));
  }
}

function trimmed(number) {
  return String(Number(number.toFixed(2)));
}
