// Facts about one position from the message: numbers for the card, words for screen readers.

class ChainFacts {
  constructor(data) {
    this.data = data;
    this.forks = new Set(data.forks);
    this.forced = new Set(data.forced);
    this.size = data.tokens.length;
    this.counted = data.runOn ?? this.size; // tokens that can be forks
    this.bySentence = false;
  }

  // Of every token, the position with the highest entropy of its sentence; made when asked for.
  get peaks() {
    if (this.peaksOf) return this.peaksOf;
    const { sentences, entropy } = this.data;
    const peaks = new Uint32Array(this.size);
    sentences.forEach((start, n) => {
      const stop = sentences[n + 1] ?? this.size;
      let peak = start;
      for (let i = start; i < stop; i += 1) if (entropy[i] > entropy[peak]) peak = i;
      peaks.fill(peak, start, stop);
    });
    return (this.peaksOf = peaks);
  }

  // Nats that colour a token: its own or, by sentence, the highest of its sentence.
  nats(i) {
    return this.data.entropy[this.bySentence ? this.peaks[i] : i] / 1000;
  }

  // Where the keys n and p stop: forks or, by sentence, the peaks of sentences with a fork.
  get stops() {
    const { forks } = this.data;
    return this.bySentence ? [...new Set(Array.from(forks, (i) => this.peaks[i]))] : forks;
  }

  // The colour of a token, in percent of the strongest.
  heat(i) {
    const { values, valuesTop, scale } = this.data;
    const share = values
      ? (values[i] ?? 0) / 1000 / valuesTop
      : (this.nats(i) - scale.base) / (scale.top - scale.base);
    return Math.max(0, Math.min(100, 100 * share));
  }

  // For the line before a part that can be folded.
  partWords({ name, start, stop }) {
    const size = (stop - start).toLocaleString("en");
    const tokens = `${size} ${stop - start === 1 ? "token" : "tokens"}`;
    if (name === "after the answer") return `After the answer: not searched · ${tokens}`;
    const forks = this.data.forks.reduce((n, i) => n + (start <= i && i < stop ? 1 : 0), 0);
    const title = name[0].toUpperCase() + name.slice(1);
    return `${title} · ${tokens}, ${forks} ${forks === 1 ? "fork" : "forks"}`;
  }

  inUnit(nats) {
    return this.data.unit === "bits" ? nats / Math.LN2 : nats;
  }

  entropy(i) {
    return `${this.inUnit(this.data.entropy[i] / 1000).toFixed(2)} ${this.data.unit}`;
  }

  // Of the chain's own token, in tenths of a percent; the same number as in the list.
  probability(i) {
    const { k, chosen, topP, p } = this.data;
    return chosen[i] >= 0 ? topP[i * k + chosen[i]] : p[i];
  }

  alternatives(i, of = this.data) {
    const { k, top, topP, strings, chosen } = of;
    return Array.from({ length: k }, (_, j) => {
      const text = strings[top[i * k + j]];
      const p = topP[i * k + j];
      return { rank: j + 1, text, token: shownText(text), p, chosen: chosen[i] === j };
    });
  }

  flags(i) {
    const { first, shared, marks, runOn, fixMarks, notes } = this.data;
    const flags = [];
    if (this.forks.has(i)) flags.push("fork");
    if (this.forced.has(i)) flags.push("forced");
    if (i === first) flags.push("first difference");
    if (i < shared) flags.push("shared");
    if (runOn !== null && i >= runOn) flags.push("after the answer");
    if (marks?.[i]) flags.push(marks[i]);
    if (fixMarks?.[i]) flags.push(fixMarks[i] === "fixes" ? "a token here flips the answer" : "no flip found here");
    if (notes?.[i]) flags.push("note");
    return flags;
  }

  card(i) {
    const { data } = this;
    const token = shownText(data.tokens[i]);
    const alternatives = this.alternatives(i);
    const known = data.rank[i] > 0; // otherwise only the entropy is known
    if (known && data.chosen[i] < 0) {
      alternatives.push({ rank: data.rank[i], token, p: data.p[i], chosen: true });
    }
    const rest = Math.max(0, 1000 - alternatives.reduce((sum, each) => sum + each.p, 0));
    const numbers = [["entropy", this.entropy(i)]];
    if (known) {
      numbers.push(["rank", String(data.rank[i])]);
      numbers.push(["probability", percent(this.probability(i))]);
    }
    if (data.values) {
      const value = data.values[i];
      numbers.push([data.valuesLabel, value === null ? "not measured" : trimmed(value / 1000)]);
    }
    const others = known ? `all others ${percent(rest)}` : "";
    const place = "#" + i;
    const { other } = data;
    const second = other ? this.alternatives(i, other) : [];
    const titles = other ? [other.ownName, other.name] : [];
    const flags = this.flags(i);
    const note = data.notes?.[i] ?? "";
    return { place, token, flags, note, numbers, alternatives, second, titles, others };
  }

  describe(i) {
    const { data } = this;
    const flags = this.flags(i);
    const place = `token ${i} of ${data.tokens.length}, ${spokenText(data.tokens[i])}`;
    if (data.bare) return place;
    return (
      place +
      `, entropy ${this.entropy(i)}${flags.map((flag) => ", " + flag).join("")}` +
      (data.rank[i] > 0
        ? `, rank ${data.rank[i]}, probability ${percent(this.probability(i))}`
        : "") +
      (data.other
        ? `, ${data.other.name} would choose ${spokenText(this.alternatives(i, data.other)[0].text)}`
        : "") +
      (data.notes?.[i] ? `. Note: ${data.notes[i]}` : "")
    );
  }
}
