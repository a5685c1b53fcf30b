// Keys that work wherever the focus is on the page, except where something is being typed.

const TYPED = "input, textarea, select, [contenteditable], [role=textbox], [role=combobox]";
const IN_FRONT = "[aria-modal=true], [data-testid=stDialog], [data-testid=stPopoverBody]";

class PageKeys {
  // press(event): called with a key that is meant for the page.
  constructor(press) {
    this.hear = (event) => {
      if (event.defaultPrevented || event.altKey || event.isComposing) return;
      const target = event.composedPath()[0];
      if (target instanceof Element && target.closest(TYPED)) return;
      if (document.querySelector(IN_FRONT)) return;
      press(event);
    };
    this.on = false;
  }

  // Before Streamlit's own shortcuts hear of them.
  listen(on) {
    if (on === this.on) return;
    this.on = on;
    if (on) window.addEventListener("keydown", this.hear, true);
    else window.removeEventListener("keydown", this.hear, true);
  }
}
