// What a page's layout shows: text without contrast, covered labels, narrow charts, missing text
// alternatives. Evaluates to a list of {kind, what}.
() => {
  const found = [];
  const add = (kind, what) => found.push({ kind, what });
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colors = new Map();
  // Any CSS colour as [red, green, blue, alpha], 0 to 255 and 0 to 1.
  const rgba = (css) => {
    if (!colors.has(css)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = "rgba(0,0,0,0)";
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      colors.set(css, [r, g, b, a / 255]);
    }
    return colors.get(css);
  };
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
  const luminance = (color) => {
    const [r, g, b] = color.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const parent = (element) =>
    element.parentElement ?? element.getRootNode().host ?? null; // out of a shadow root
  const lineage = (element) => {
    const all = [];
    for (let each = element; each; each = parent(each)) all.push(each);
    return all;
  };
  // Text colour and background of an element as they are seen, opacity of its ancestors included.
  const seen = (element) => {
    const chain = lineage(element).reverse();
    let behind = [255, 255, 255];
    let opacity = 1;
    for (const each of chain) {
      const style = getComputedStyle(each);
      opacity *= Number(style.opacity);
      const [r, g, b, a] = rgba(style.backgroundColor);
      behind = over([r, g, b, a * opacity], behind);
    }
    const style = getComputedStyle(element);
    const css = element instanceof SVGElement ? style.fill : style.color;
    const [r, g, b, a] = rgba(css);
    const faint = element instanceof SVGElement ? Number(style.fillOpacity) : 1;
    return [over([r, g, b, a * opacity * faint], behind), behind];
  };
  const isExempt = (element) =>
    lineage(element).some(
      (each) =>
        each.matches?.(
          ":disabled, [aria-disabled=true], [data-testid=stIconMaterial], [data-testid=stHeader], " +
            "[data-testid=stTooltipHoverTarget], [data-testid=stSliderThumbValue], .alt, noscript, style, script, title",
        ) ?? false,
    ) || isLabelOfDisabled(element);
  const isLabelOfDisabled = (element) =>
    element.closest("[data-testid=stWidgetLabel]")?.parentElement?.querySelector(":disabled") != null;
  const isVisible = (element) => {
    const box = element.getBoundingClientRect();
    return (
      box.width > 1 && box.height > 1 &&
      element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    );
  };
  const roots = [document.body];
  for (let i = 0; i < roots.length; i++) {
    for (const each of roots[i].querySelectorAll("*")) if (each.shadowRoot) roots.push(each.shadowRoot);
  }
  const low = new Map();
  for (const root of roots) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.data.trim();
      const element = walker.currentNode.parentElement;
      if (!text || !element || isExempt(element) || !isVisible(element)) continue;
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const [color, behind] = seen(element);
      const ratio = contrast(color, behind);
      if (ratio >= (isLarge ? 3 : 4.5)) continue;
      const place = lineage(element).map(
        (each) => each.dataset?.testid ?? [...(each.classList ?? [])].find((n) => n.startsWith("st-key-")),
      ).find(Boolean);
      const look = `${ratio.toFixed(1)} : 1 in ${place}, ${element.getAttribute?.("class") ?? ""}`;
      if (!low.has(look)) low.set(look, text.slice(0, 40));
    }
  }
  for (const [look, text] of low) add("contrast", `“${text}” ${look}`);

  const main = document.querySelector("[data-testid=stMain]");
  main.scrollTop = 0;
  for (const label of document.querySelectorAll("[data-testid=stWidgetLabel]")) {
    const box = label.getBoundingClientRect();
    if (!isVisible(label) || box.top < 0 || box.bottom > innerHeight) continue;
    const top = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), box.top + box.height / 2);
    const header = top?.closest("[data-testid=stHeader], [data-testid=stToolbar]");
    if (header) add("under the header", label.innerText.trim());
  }
  if (main.scrollWidth > main.clientWidth) {
    add("scrolls sideways", `${main.scrollWidth} px in ${main.clientWidth}`);
  }
  for (const chart of document.querySelectorAll(".stPlotlyChart, [data-testid=stVegaLiteChart]")) {
    if (!isVisible(chart)) continue;
    const column = chart.closest("[data-testid=stColumn], [data-testid=stMainBlockContainer]");
    const drawn = chart.querySelector(".main-svg, canvas, svg");
    const widths = [drawn?.getBoundingClientRect().width ?? 0, column.clientWidth];
    const style = getComputedStyle(column);
    const room = widths[1] - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (widths[0] < 0.9 * room) {
      add("narrow chart", `${widths[0].toFixed(0)} px in ${room.toFixed(0)}`);
    }
    const block = chart.closest("[data-testid=stVerticalBlock]");
    if (!block?.querySelector(".alt")?.textContent.trim()) {
      add("no text for a chart", chart.closest("[class*=st-key-]")?.className.match(/st-key-\S+/)?.[0] ?? "");
    }
  }
  for (const root of roots) {
    for (const image of root.querySelectorAll("img, [role=img]")) {
      const name = image.getAttribute("alt") ?? image.getAttribute("aria-label") ??
        image.getAttribute("title") ?? image.getAttribute("aria-labelledby");
      const hidden = image.closest("[aria-hidden=true]") || image.matches("[data-testid=stIconMaterial]");
      if (!name && !hidden && isVisible(image)) add("no text for an image", image.outerHTML.slice(0, 80));
    }
  }
  return found;
}
