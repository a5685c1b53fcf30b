// The row above a long chain: search in its text, and whether a unit is a token or a sentence.

class ChainTools {
  // act: {find(query) -> number of matches, step(+1 | -1) -> which match, leave(), bySentence(on)}
  constructor(parent, act) {
    this.act = act;
    this.element = make("div", "tools");
    this.element.setAttribute("role", "search");
    this.field = make("input", "tools-field");
    this.field.type = "search";
    this.field.placeholder = "Search this chain";
    this.field.setAttribute("aria-label", "Search in the text of the chain");
    this.field.autocomplete = "off";
    this.field.spellcheck = false;
    this.count = make("span", "tools-count");
    this.count.setAttribute("aria-live", "polite");
    this.previous = this.button("↑", "Previous match", () => this.go(-1));
    this.next = this.button("↓", "Next match", () => this.go(1));
    this.sentences = this.button("By sentence", "Colour and move by sentence: each has its highest entropy", () => {
      const on = this.sentences.getAttribute("aria-pressed") !== "true";
      this.sentences.setAttribute("aria-pressed", String(on));
      this.act.bySentence(on);
    });
    this.sentences.classList.add("tools-switch");
    this.sentences.removeAttribute("aria-label");
    this.sentences.setAttribute("aria-pressed", "false");
    this.element.append(this.field, this.previous, this.next, this.count, this.sentences);
    this.asked = false; // by a key, on a chain that is short
    parent.append(this.element);
    this.field.addEventListener("input", () => this.search());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.say(0, 0);
  }

  button(text, label, press) {
    const button = make("button", "tools-button", text);
    button.type = "button";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", press);
    return button;
  }

  show(long) {
    this.element.hidden = !long && !this.asked;
  }

  open() {
    this.asked = true;
    this.element.hidden = false;
    this.field.focus();
    this.field.select();
  }

  search() {
    this.say(this.act.find(this.field.value), 0);
    if (this.field.value) this.go(0);
  }

  // The chain has another text.
  again() {
    if (this.field.value) this.say(this.act.find(this.field.value), 0);
  }

  go(step) {
    const which = this.act.step(step);
    if (which) this.say(this.total, which);
  }

  say(total, which) {
    this.total = total;
    const none = this.field.value ? "no match" : "";
    this.count.textContent = total ? `${which || "–"} of ${total.toLocaleString("en")}` : none;
    this.previous.disabled = this.next.disabled = !total;
  }

  key(event) {
    event.stopPropagation(); // Streamlit doesn't see that this is a text field
    if (event.key === "Enter") this.go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      this.field.value = "";
      this.search();
      this.act.leave();
    } else return;
    event.preventDefault();
  }
}
