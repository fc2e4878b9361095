// The subset of NumPy's .npy format that the service writes: uint8 or float32, little-endian, C order.

const TYPES = { "|u1": Uint8Array, "<f4": Float32Array };

/** Parses the bytes of a .npy file to `{shape, data}`, with `data` a typed array in C order. */
export function parse(buffer) {
  const view = new DataView(buffer);
  const length = view.getUint16(8, true);
  const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, 10, length));
  const [, descr] = /'descr': *'([^']+)'/.exec(header);
  const [, shape] = /'shape': *\(([^)]*)\)/.exec(header);
  // Copied, because a typed array of floats must be aligned to four bytes.
  const data = new TYPES[descr](buffer.slice(10 + length));
  return { shape: shape.split(",").filter((part) => part.trim()).map(Number), data };
}

/** Encodes `data`, a Uint8Array in C order, with `shape` as a .npy file. */
export function format(shape, data) {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  // The format requires data to be aligned to 64 bytes.
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const start = Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  return new Blob([start, header, data]);
}

/** Splits glyphs (n, 28, 28) into n arrays of 784 pixels. */
export function glyphs({ data }) {
  return Array.from({ length: data.length / 784 }, (_, index) => data.subarray(index * 784, (index + 1) * 784));
}
