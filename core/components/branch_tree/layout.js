// Layout of the branches: the first child on its parent's row, the others on rows below.

const ROW = 34; // pixels from row to row
const COLLAPSE_ABOVE = 40; // nodes

// Link nodes to their children; with many nodes, collapse runs of single children.
function forestOf(nodes, selected, unfolded) {
  const byId = new Map(nodes.map((node) => [node.id, { node, hidden: [], children: [] }]));
  const roots = [];
  for (const item of byId.values()) {
    const parent = byId.get(item.node.parent_id);
    (parent ? parent.children : roots).push(item);
  }
  if (nodes.length > COLLAPSE_ABOVE) {
    for (const item of byId.values()) foldRun(item, selected, unfolded);
  }
  return roots;
}

// item -> a -> b -> c -> rest   becomes   item -> (a, hiding b and c) -> rest
function foldRun(item, selected, unfolded) {
  for (const first of item.children) {
    if (unfolded.has(first.node.id)) continue;
    const plain = (each) => each.children.length === 1 && each.node.id !== selected;
    if (!plain(first)) continue;
    let last = first;
    while (plain(last.children[0])) {
      last = last.children[0];
      first.hidden.push(last.node);
    }
    if (first.hidden.length) first.children = last.children;
  }
}

// Set depth, row, x, y and width of every visible item; return the items in reading order.
function layout(roots, widthOf, edgeWidthOf) {
  const items = [];
  let rows = 0;
  const visit = (item, depth, row, parent) => {
    Object.assign(item, { depth, row, parent });
    items.push(item);
    item.children.forEach((child, at) => visit(child, depth + 1, at ? rows++ : row, item));
  };
  for (const root of roots) visit(root, 0, rows++, null);
  const nodeWidth = [];
  const edgeWidth = [];
  for (const item of items) {
    item.width = widthOf(item);
    nodeWidth[item.depth] = Math.max(nodeWidth[item.depth] ?? 0, item.width);
    edgeWidth[item.depth] = Math.max(edgeWidth[item.depth] ?? 0, edgeWidthOf(item));
  }
  const left = [];
  let x = 6;
  nodeWidth.forEach((width, depth) => {
    if (depth) x += edgeWidth[depth] + 40;
    left[depth] = x;
    x += width;
  });
  for (const item of items) {
    item.x = left[item.depth];
    item.y = item.row * ROW + ROW / 2 + 4;
    item.trunk = item.x + nodeWidth[item.depth] + 12; // x of the line to its lower children
  }
  return { items, width: x + 6, height: rows * ROW + 8 };
}
