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
    scale.append(this.name, this.low, this.bar, this.high);
    this.element.append(scale, this.measured, this.forks, this.marks);
    parent.append(this.element);
  }

  update(data, facts) {
    const size = data.tokens.length;
    const byValues = data.values !== null;
    const top = byValues ? data.valuesTop : data.scaleTop;
    this.name.textContent = byValues ? data.valuesLabel : "entropy";
    this.low.textContent = "low 0";
    this.high.textContent = byValues
      ? `${trimmed(top)} high`
      : `${trimmed(facts.inUnit(top))}+ ${data.unit} high`;
    const measured = byValues ? data.values.filter((value) => value !== null).length : 0;
    this.measured.textContent = byValues ? `${measured} of ${size} tokens measured (framed)` : "";
    this.threshold.hidden = byValues || data.tau === null || data.tau >= top;
    this.threshold.style.left = (100 * data.tau) / top + "%";
    const count = data.forks.length;
    const share = size ? ((100 * count) / size).toFixed(1) : "0.0";
    const name = data.tau === null ? "gated" : count === 1 ? "fork" : "forks";
    const above =
      data.tau === null ? "" : ` above ${facts.inUnit(data.tau).toFixed(2)} ${data.unit}`;
    this.forks.replaceChildren(
      make("span", "fork-sample", `${count} ${name}`),
      `${above}, ${share} % of ${size} tokens`,
    );
    this.marks.replaceChildren();
    for (const mark of data.marks ? ["reranked", "shifted"] : []) {
      const marked = data.marks.filter((each) => each === mark).length;
      this.marks.append(make("span", `mark-sample ${mark}`, `${marked} ${mark}`), " ");
    }
  }
}

function trimmed(number) {
  return String(Number(number.toFixed(2)));
}
