// Which token each column of pixels stands for.

// Of `size` tokens drawn in `width` columns: the first token of each column, and its highest one.
// With fewer tokens than columns, each token has several columns of its own.
function columnPeaks(values, size, width) {
  const peaks = new Uint32Array(width);
  for (let column = 0; column < width; column += 1) {
    const start = Math.floor((column * size) / width);
    const stop = Math.max(start + 1, Math.floor(((column + 1) * size) / width));
    let peak = start;
    for (let i = start + 1; i < stop; i += 1) if (values(i) > values(peak)) peak = i;
    peaks[column] = peak;
  }
  return peaks;
}
