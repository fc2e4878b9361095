// Encoding of drawings for the address: strokes on a grid of 256×256, two bytes per point, or a small grey image.

export const GRID = 256;

const PICTURE_SIDE = 96;
// Half of the pixels that the widest stroke of a photograph is across, and the mean grey of dark paper.
const WIDEST = 14;
const DARK = 100;
// Removes the grain of the paper, and what is left of shadows.
const WHITER = 1.12;
const LONGEST_STROKE = 255;

const toText = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

function toBytes(text) {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  } catch {
    // A damaged link gives an empty pad.
    return new Uint8Array();
  }
}

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

const through = async (bytes, stream) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());

/** Encodes an image, fitted to 96×96 with 16 grey levels, as text; the paper of a photograph becomes white. */
export async function writePicture(bitmap, isPhotograph = false) {
  const canvas = new OffscreenCanvas(PICTURE_SIDE, PICTURE_SIDE);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, PICTURE_SIDE, PICTURE_SIDE);
  const fit = PICTURE_SIDE / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width * fit, bitmap.height * fit];
  const [left, top] = [(PICTURE_SIDE - width) / 2, (PICTURE_SIDE - height) / 2];
  context.drawImage(bitmap, left, top, width, height);
  const { data } = context.getImageData(0, 0, PICTURE_SIDE, PICTURE_SIDE);
  const greys = Array.from({ length: data.length / 4 }, (_, place) => {
    const [red, green, blue] = data.subarray(place * 4, place * 4 + 3);
    return 0.299 * red + 0.587 * green + 0.114 * blue;
  });
  // Pixels at the edge may be half outside.
  const box = [Math.ceil(left), Math.ceil(top), Math.floor(left + width) - 1, Math.floor(top + height) - 1];
  const levels = (isPhotograph ? evenlyLit(greys, box) : greys).map((grey) => Math.round(grey / 17));
  const pairs = Uint8Array.from({ length: levels.length / 2 }, (_, place) => (levels[place * 2] << 4) | levels[place * 2 + 1]);
  return toText(await through(pairs, new CompressionStream("deflate-raw")));
}

/** Returns greys whose paper is white: what is left of a photograph by a filter that removes strokes. */
function evenlyLit(greys, box) {
  const isDark = greys.reduce((sum, grey) => sum + grey, 0) / greys.length < DARK;
  // Light ink on dark paper stays as it is.
  if (isDark) return greys;
  const paper = filtered(filtered(greys, box, Math.max), box, Math.min);
  return greys.map((grey, place) => Math.min(255, (grey / paper[place]) * 255 * WHITER));
}

/** Returns the extreme of the greys around each pixel of a box, first along rows, then along columns. */
function filtered(greys, [left, top, right, bottom], extreme) {
  const along = (from, start, stop, step) => (place) => {
    const here = step === 1 ? place % PICTURE_SIDE : Math.floor(place / PICTURE_SIDE);
    const [first, last] = [Math.max(start, here - WIDEST), Math.min(stop, here + WIDEST)];
    let found = from[place + (Math.min(stop, Math.max(start, here)) - here) * step];
    for (let other = first; other <= last; other += 1) found = extreme(found, from[place + (other - here) * step]);
    return found;
  };
  const places = Array.from(greys.keys());
  const rows = places.map(along(greys, left, right, 1));
  return places.map(along(rows, top, bottom, PICTURE_SIDE));
}

/** Decodes an image to a canvas, black on transparent. */
export async function readPicture(text) {
  const canvas = new OffscreenCanvas(PICTURE_SIDE, PICTURE_SIDE);
  const image = new ImageData(PICTURE_SIDE, PICTURE_SIDE);
  const pairs = await through(toBytes(text), new DecompressionStream("deflate-raw")).catch(() => []);
  pairs.forEach((pair, place) => {
    image.data[place * 8 + 3] = 255 - (pair >> 4) * 17;
    image.data[place * 8 + 7] = 255 - (pair & 15) * 17;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
