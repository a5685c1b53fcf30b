// Columns of numbers from base64; see packed.py.

const KINDS = { u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array };
const PACKED = ["entropy", "forks", "rank", "p", "chosen", "top", "topP", "sentences"];

function unpacked([kind, text]) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = characters.charCodeAt(i);
  return new KINDS[kind](bytes.buffer);
}

// The message with its packed columns as typed arrays.
function readable(message) {
  const data = { ...message };
  for (const name of PACKED) if (message[name]) data[name] = unpacked(message[name]);
  if (message.other) data.other = readable(message.other);
  return data;
}
