// Draw the text of a token: invisible characters are made visible, and text is never markup.

const SPECIAL =
  /^(<\|[^<>|]+\|>|<\/?s>|<(eos|bos|pad|unk|start_of_turn|end_of_turn)>|\[(EOS|BOS|PAD|UNK)\])$/i;
// Control, format and lone surrogate characters, and letters without a visible glyph.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/u;
const JOINER = /[\u200c\u200d]/;
const ONLY_SPACES = /^\p{Zs}+$/u;
const PLAIN = /^ *[!-~]+$/; // most tokens

// Pieces of a text by kind: "text" | "newline" | "tab" | "space" | "unseen".
function piecesOf(text) {
  if (PLAIN.test(text)) return [["text", text]];
  if (ONLY_SPACES.test(text)) return [...text].map((character) => ["space", character]);
  const pieces = [];
  const characters = [...text];
  characters.forEach((character, at) => {
    let kind = "text";
    if (character === "\n") kind = "newline";
    else if (character === "\t") kind = "tab";
    else if (UNSEEN.test(character)) kind = "unseen";
    // Joiners inside a word or an emoji belong to the text they join.
    if (JOINER.test(character) && at > 0 && at < characters.length - 1) kind = "text";
    const last = pieces.at(-1);
    if (kind === "text" && last?.[0] === "text") last[1] += character;
    else pieces.push([kind, character]);
  });
  if (pieces.every(([kind, part]) => kind !== "text" || ONLY_SPACES.test(part))) {
    return pieces.flatMap(([kind, part]) =>
      kind === "text" ? [...part].map((character) => ["space", character]) : [[kind, part]],
    );
  }
  return pieces;
}

function escapeOf(character) {
  const code = character.codePointAt(0);
  if (code === 13) return "\\r";
  if (code < 256) return "\\x" + code.toString(16).padStart(2, "0");
  if (code < 65536) return "\\u" + code.toString(16).padStart(4, "0");
  return "\\u{" + code.toString(16) + "}";
}

// One line for the card: leading and trailing spaces, line breaks and unseen characters as signs.
function shownText(text) {
  if (text === "") return "(rest)"; // the rest of a character that an earlier token began
  return piecesOf(text)
    .map(([kind, part]) => {
      if (kind === "newline") return "↵";
      if (kind === "tab") return "⇥";
      if (kind === "space") return "␣";
      if (kind === "unseen") return escapeOf(part);
      return part.replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length));
    })
    .join("");
}

// Words for a screen reader, which would be silent on text such as spaces.
function spokenText(text) {
  if (text === "") return "rest of a split character";
  const pieces = piecesOf(text);
  if (pieces.some(([kind]) => kind === "text")) {
    return "“" + pieces.map(([kind, part]) => (kind === "text" ? part : " ")).join("") + "”";
  }
  const names = { newline: "line break", tab: "tab", space: "space" };
  return pieces.map(([kind, part]) => names[kind] ?? "character " + escapeOf(part)).join(", ");
}

function kindOf(text) {
  if (text === "") return "rest";
  return SPECIAL.test(text) ? "special" : "";
}

// Fill a token's element through textContent only; signs are drawn by the style sheet. A line break
// at the end of a token becomes a <br> after its element, so that the element's frame ends with
// the token; spaces before its word stand before its element, so that no coloured space is left at
// the end of a line.
function drawText(element, text) {
  element.lineBreak?.remove();
  element.gap?.remove();
  element.lineBreak = element.gap = null;
  if (text === "" || SPECIAL.test(text)) {
    element.textContent = text;
    return;
  }
  const pieces = piecesOf(text);
  if (pieces[0][0] === "text") {
    const spaces = /^ */.exec(pieces[0][1])[0].length;
    if (spaces) {
      element.gap = document.createTextNode(pieces[0][1].slice(0, spaces));
      pieces[0][1] = pieces[0][1].slice(spaces);
    }
  }
  if (pieces.length === 1 && pieces[0][0] === "text") {
    element.textContent = pieces[0][1];
    return;
  }
  if (text.endsWith("\n")) {
    pieces.at(-1)[1] = "";
    element.lineBreak = document.createElement("br");
  }
  element.replaceChildren(
    ...pieces.map(([kind, part]) => {
      if (kind === "text") return part;
      const sign = document.createElement("i");
      sign.className = "sign " + kind;
      sign.textContent = kind === "unseen" ? escapeOf(part) : part;
      return sign;
    }),
  );
}
