// Reports the key "?" wherever the focus is, except where a person types.

const TYPING = "input, textarea, select, [contenteditable=''], [contenteditable='true']";

export default function ({ setTriggerValue }) {
  const onKeyDown = (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    if (target instanceof Element && target.matches(TYPING)) return;
    if (document.querySelector("[role=dialog]")) return;
    event.preventDefault();
    event.stopPropagation();
    setTriggerValue("asked", true);
  };
  document.addEventListener("keydown", onKeyDown, true);
  return () => document.removeEventListener("keydown", onKeyDown, true);
}
