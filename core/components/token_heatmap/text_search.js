// Search in the text of a chain: matches run over the borders of tokens.

// Folded character by character, so that places in the text stay what they are.
function foldCase(text) {
  let folded = "";
  for (const character of text) {
    const lower = character.toLowerCase();
    folded += lower.length === character.length ? lower : character;
  }
  return folded;
}

// Where a query begins in a text, without overlaps. Upper and lower case are the same, unless the
// query has a capital letter.
function placesOf(text, query) {
  if (!query) return [];
  const exact = foldCase(query) !== query;
  const searched = exact ? text : foldCase(text);
  const places = [];
  for (let at = searched.indexOf(query); at >= 0; at = searched.indexOf(query, at + query.length)) {
    places.push(at);
  }
  return places;
}

// A chain's text and where each token begins in it.
class ChainText {
  constructor(tokens) {
    this.text = tokens.join("");
    this.begins = new Uint32Array(tokens.length + 1);
    tokens.forEach((token, i) => {
      this.begins[i + 1] = this.begins[i] + token.length;
    });
  }

  // The token in which the character at a place stands.
  tokenAt(place) {
    let [low, high] = [0, this.begins.length - 2];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.begins[middle] <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // [first token, last token] of every match.
  matches(query) {
    return placesOf(this.text, query).map((at) => [
      this.tokenAt(at),
      this.tokenAt(at + query.length - 1),
    ]);
  }
}
