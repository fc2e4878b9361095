// Encoding of strokes for the address: on a grid of 256×256, two bytes per point.

import { toBytes, toText } from "./picture.js";

export const GRID = 256;

const LONGEST_STROKE = 255;

/** Encodes strokes, each a list of [x, y] from 0 to 255, as text. */
export function write(strokes) {
  const bytes = [];
  for (const stroke of strokes) {
    for (let start = 0; start < stroke.length; start += LONGEST_STROKE - 1) {
      // Parts of a long stroke share a point, so that it stays connected.
      const piece = stroke.slice(start, start + LONGEST_STROKE);
      bytes.push(piece.length, ...piece.flat());
    }
  }
  return toText(bytes);
}

/** Decodes strokes. */
export function read(text) {
  const bytes = [...toBytes(text)];
  const strokes = [];
  while (bytes.length) {
    const [length] = bytes.splice(0, 1);
    const numbers = bytes.splice(0, length * 2);
    const points = Array.from({ length: numbers.length >> 1 }, (_, index) => numbers.slice(index * 2, index * 2 + 2));
    if (points.length) strokes.push(points);
  }
  return strokes;
}
