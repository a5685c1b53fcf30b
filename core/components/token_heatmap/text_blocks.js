// The tokens of a chain as blocks of text: of a long chain, a browser draws only those in sight.
// A part of the chain (thinking, what is after the answer) can be folded.

const SOFT = 200; // tokens after which a block ends at a line break,
const LATE = 600; // at the end of a sentence,
const HARD = 1000; // or anywhere
const LONG_CHAIN = 400; // tokens; a longer chain scrolls in a box of its own
const FOLD_THINKING = 600; // tokens; longer thinking is folded at first
const FOLD_RUN_ON = 40;

class TextBlocks {
  constructor(list, caret) {
    this.list = list;
    this.caret = caret;
    this.spans = [];
    this.blocks = []; // {element, start, characters, lines, part}
    this.parts = []; // {name, start, stop, bar, folded}
  }

  clear() {
    this.list.replaceChildren(this.caret);
    this.spans = [];
    this.blocks = [];
    this.parts = [];
  }

  // Whether what is drawn has these parts; otherwise it has to be drawn again.
  hasParts(parts) {
    const same = (part, i) => part.start === parts[i].start && part.stop === parts[i].stop;
    return this.parts.length === parts.length && this.parts.every(same);
  }

  setParts(parts) {
    this.parts = parts.map((part) => {
      const limit = part.name === "thinking" ? FOLD_THINKING : FOLD_RUN_ON;
      return { ...part, folded: part.stop - part.start >= limit, bar: this.barOf(part) };
    });
  }

  barOf(part) {
    const bar = make("button", "fold");
    bar.type = "button";
    bar.addEventListener("click", (event) => {
      event.stopPropagation();
      const own = this.parts.find((each) => each.bar === bar);
      this.fold(own, !own.folded);
    });
    bar.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") event.stopPropagation();
    });
    bar.append(make("span", "fold-name"), make("span", "fold-what"));
    bar.dataset.part = part.name;
    return bar;
  }

  // words(part): what is said of a part beside its name.
  describeParts(words) {
    for (const part of this.parts) {
      part.bar.children[0].textContent = words(part);
      this.fold(part, part.folded);
    }
  }

  fold(part, folded) {
    part.folded = folded;
    part.bar.setAttribute("aria-expanded", String(!folded));
    part.bar.children[1].textContent = folded ? "show" : "hide";
    for (const block of this.blocks) if (block.part === part) block.element.hidden = folded;
    this.onFold?.();
  }

  // Unfold the part in which a token stands.
  uncover(i) {
    const part = this.parts.find((each) => each.start <= i && i < each.stop);
    if (part?.folded) this.fold(part, false);
  }

  isFolded(i) {
    return this.parts.some((each) => each.folded && each.start <= i && i < each.stop);
  }

  // Append the element of the next token, whose text was drawn.
  append(span, text) {
    const i = this.spans.length;
    let block = this.blocks.at(-1);
    if (!block || this.endsBefore(i, block)) block = this.begin(i);
    block.element.append(...[span.gap, span, span.lineBreak].filter(Boolean));
    block.characters += text.length;
    if (text.includes("\n")) block.lines += 1;
    this.spans.push(span);
    this.before = text;
  }

  endsBefore(i, block) {
    if (this.parts.some((part) => part.start === i || part.stop === i)) return true;
    const size = i - block.start;
    if (size < SOFT) return false;
    return (
      this.before.endsWith("\n") ||
      (size >= LATE && /[.!?。！？]["'”’)]*$/.test(this.before)) ||
      size >= HARD
    );
  }

  begin(i) {
    const element = make("div", "block");
    element.setAttribute("role", "presentation");
    const part = this.parts.find((each) => each.start <= i && i < each.stop) ?? null;
    this.list.append(this.caret); // out of the block before
    element.hidden = part?.folded ?? false;
    if (part?.start === i) this.list.insertBefore(part.bar, this.caret);
    this.list.insertBefore(element, this.caret);
    const block = { element, start: i, characters: 0, lines: 0, part };
    this.blocks.push(block);
    return block;
  }

  // The caret stands behind the last token, and heights are guessed for what is not drawn yet.
  finish(long) {
    this.blocks.at(-1)?.element.append(this.caret);
    if (!long) return;
    const width = this.list.clientWidth || 600;
    for (const block of this.blocks) {
      if (block.guessed === block.characters) continue;
      block.guessed = block.characters;
      const rows = Math.ceil((block.characters * 9.3) / width + block.lines / 2);
      block.element.style.containIntrinsicBlockSize = `auto ${rows}lh`;
    }
  }

  // Positions of the first and the last token in sight, of a list that scrolls.
  inSight() {
    const box = this.list.getBoundingClientRect();
    const shown = this.blocks.filter((block) => !block.element.hidden);
    const first = shown.find((each) => each.element.getBoundingClientRect().bottom > box.top);
    const last = shown.findLast((each) => each.element.getBoundingClientRect().top < box.bottom);
    if (!first || !last) return null;
    return [
      this.edge(first, (rect) => rect.bottom > box.top + 4),
      Math.max(0, this.edge(last, (rect) => rect.top >= box.bottom - 4) - 1),
    ];
  }

  // The first token of a block of which something is true that stays true from there on.
  edge(block, holds) {
    let low = block.start;
    let high = this.blocks[this.blocks.indexOf(block) + 1]?.start ?? this.spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(this.spans[middle].getBoundingClientRect())) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
