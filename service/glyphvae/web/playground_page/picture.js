// Images of a character: the service gets them as they are, the address holds them small and in 16 greys.

const SMALL_SIDE = 96;
// The service reduces longer images to half of that.
const SENT_SIDE = 1024;
// Former links hold squares, without their size.
const SQUARE_BYTES = (SMALL_SIDE * SMALL_SIDE) / 2;

// Images that were given since the page was opened, by their text.
const given = new Map();

export const toText = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

export function toBytes(text) {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  } catch {
    // A damaged link gives an empty pad.
    return new Uint8Array();
  }
}

const through = async (bytes, stream) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());

function reduced(bitmap, longest, paper) {
  const fit = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * fit)));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas;
}

const toFile = (canvas) => canvas.convertToBlob({ type: "image/png" });

/** Encodes an image as text, and keeps it as it is. */
export async function writePicture(bitmap) {
  const small = reduced(bitmap, SMALL_SIDE, "#fff");
  const { width, height } = small;
  const { data } = small.getContext("2d").getImageData(0, 0, width, height);
  const levels = Array.from({ length: width * height }, (_, place) => {
    const [red, green, blue] = data.subarray(place * 4, place * 4 + 3);
    return Math.round((0.299 * red + 0.587 * green + 0.114 * blue) / 17);
  });
  const pairs = Array.from({ length: Math.ceil(levels.length / 2) }, (_, place) => (levels[place * 2] << 4) | levels[place * 2 + 1]);
  const text = toText(await through(Uint8Array.from([width, height, ...pairs]), new CompressionStream("deflate-raw")));
  given.set(text, reduced(bitmap, SENT_SIDE, "transparent"));
  return text;
}

/** Returns an image on a canvas, as it was given or as small as its text has it; null if the text is damaged. */
export async function readPicture(text) {
  if (given.has(text)) return given.get(text);
  const bytes = await through(toBytes(text), new DecompressionStream("deflate-raw")).catch(() => []);
  const isSquare = bytes.length === SQUARE_BYTES;
  const [width, height] = isSquare ? [SMALL_SIDE, SMALL_SIDE] : bytes;
  const pairs = isSquare ? bytes : bytes.slice(2);
  if (!width || !height || pairs.length !== Math.ceil((width * height) / 2)) return null;
  const canvas = new OffscreenCanvas(width, height);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.forEach((_, place) => {
    const level = place % 2 ? pairs[place >> 1] & 15 : pairs[place >> 1] >> 4;
    pixels[place] = (0xff000000 | (level * 0x111111)) >>> 0;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Returns an image as a file to send; a damaged one is white. */
export const pictureFile = async (text) => toFile((await readPicture(text)) ?? reduced(new OffscreenCanvas(1, 1), 1, "#fff"));
