// Drawings of a character: strokes, or an image.

import { pictureFile } from "./picture.js";
import { GRID } from "./strokes.js";

// Relative to a character that fills the pad, about as thick as the strokes of the training data.
const PEN = GRID / 13;
// Pixels of a side of the image that strokes are sent as.
export const SENT_SIDE = 280;

/** Draws strokes and an image, either of which may be missing, to a canvas of this side. */
export function drawOn(context, side, { strokes = [], picture = null }) {
  context.save();
  context.scale(side / GRID, side / GRID);
  if (picture) drawWhole(context, picture);
  Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round" });
  strokes.forEach((stroke) => trace(context, stroke));
  context.restore();
}

/** Draws an image as large as it fits. */
function drawWhole(context, picture) {
  const fit = GRID / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width * fit, picture.height * fit];
  context.drawImage(picture, (GRID - width) / 2, (GRID - height) / 2, width, height);
}

/** Draws a stroke through the midpoints of its points, which rounds its corners. */
function trace(context, stroke) {
  context.beginPath();
  context.moveTo(...stroke[0]);
  stroke.slice(1).forEach(([x, y], index) => {
    const [fromX, fromY] = stroke[index];
    context.quadraticCurveTo(fromX, fromY, (fromX + x) / 2, (fromY + y) / 2);
  });
  // A line of length 0 is not drawn, so a single touch needs a dot.
  const [x, y] = stroke.at(-1);
  context.lineTo(x + 0.01, y);
  context.stroke();
}

/** Returns a drawing as a PNG: strokes black on white, an image as it was given. */
export async function toPng({ strokes, image }) {
  if (image) return pictureFile(image);
  const canvas = new OffscreenCanvas(SENT_SIDE, SENT_SIDE);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SENT_SIDE, SENT_SIDE);
  drawOn(context, SENT_SIDE, { strokes });
  return canvas.convertToBlob({ type: "image/png" });
}
