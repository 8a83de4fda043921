// Unpacks what genir/pages/packing.py packed.
const KINDS = { 1: Int8Array, 2: Int16Array, 4: Int32Array };

/** A column of any shape: `at` gives a number, NaN for none. */
class Column {
  constructor(told, values) {
    Object.assign(this, told);
    this.values = values;
    this.none = -(2 ** (8 * told.width - 1));
    this.strides = told.shape.map((_, i) => told.shape.slice(i + 1).reduce((a, b) => a * b, 1));
  }

  at(...place) {
    let where = 0;
    for (let i = 0; i < place.length; i++) where += place[i] * this.strides[i];
    const value = this.values[where];
    return value === this.none ? NaN : value / this.scale;
  }
}

/** Facts and columns of one pack of the page, or null where there is none. */
export async function unpack(name) {
  const element = document.getElementById(`pack-${name}`);
  if (!element) return null;
  const bytes = await inflated(decoded(element.textContent));
  element.remove();
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const pack = { facts: header.facts, columns: {} };
  let offset = 4 + length;
  for (const [key, told] of Object.entries(header.columns)) {
    const count = told.shape.reduce((a, b) => a * b, 1);
    pack.columns[key] = new Column(told, joined(bytes, offset, count, told.width));
    offset += count * told.width;
  }
  return pack;
}

function decoded(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Numbers out of their bytes, of which those of one weight lie together, the least first. */
function joined(bytes, offset, count, width) {
  const values = new KINDS[width](count);
  const whole = new Uint8Array(values.buffer);
  for (let plane = 0; plane < width; plane++) {
    const from = offset + plane * count;
    for (let i = 0; i < count; i++) whole[i * width + plane] = bytes[from + i];
  }
  return values;
}
