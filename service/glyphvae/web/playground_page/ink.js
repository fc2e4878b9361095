// Drawing of glyphs on canvases, as ink with sharp outlines or as the 28×28 pixels of the decoder; images as they are.

const SIDE = 28;

// The grey level of the outline. It is low, so that a faint stroke is drawn thin instead of not at all. The more a
// glyph is enlarged, the narrower the range of grey levels around it, so that the outline stays sharp.
const OUTLINE = 0.38 * 255;
const RANGE = 1.5 * 255;
const [NARROWEST, WIDEST] = [0.09 * 255, 0.22 * 255];

const weightsByScale = new Map();

/** Returns Catmull-Rom weights: for each of 28·scale positions, its four neighbouring pixels and their weights. */
function weightsFor(scale) {
  const known = weightsByScale.get(scale);
  if (known) return known;
  const length = SIDE * scale;
  const index = new Int32Array(length * 4);
  const weight = new Float32Array(length * 4);
  for (let place = 0; place < length; place += 1) {
    const source = (place + 0.5) / scale - 0.5;
    const base = Math.floor(source);
    const t = source - base;
    const four = [
      ((2 - t) * t - 1) * t * 0.5,
      ((3 * t - 5) * t * t + 2) * 0.5,
      ((4 - 3 * t) * t + 1) * t * 0.5,
      (t - 1) * t * t * 0.5,
    ];
    for (let tap = 0; tap < 4; tap += 1) {
      index[place * 4 + tap] = Math.min(SIDE - 1, Math.max(0, base - 1 + tap));
      weight[place * 4 + tap] = four[tap];
    }
  }
  const weights = { index, weight };
  weightsByScale.set(scale, weights);
  return weights;
}

const inksByScale = new Map();

/** Returns the canvas pixels (opacity of black ink) for each quarter of a grey level. */
function inksFor(scale) {
  const known = inksByScale.get(scale);
  if (known) return known;
  const half = Math.min(WIDEST, Math.max(NARROWEST, RANGE / scale));
  const inks = Uint32Array.from({ length: 1024 }, (_, place) => {
    const t = Math.min(1, Math.max(0, (place / 4 - OUTLINE + half) / (2 * half)));
    return (Math.round(t * t * (3 - 2 * t) * 255) << 24) >>> 0;
  });
  inksByScale.set(scale, inks);
  return inks;
}

/** Fills `target` with `pixels` (784 of them) enlarged `scale` times. */
function enlarge(pixels, scale, target) {
  const { index, weight } = weightsFor(scale);
  const inks = inksFor(scale);
  const length = SIDE * scale;
  const wide = new Float32Array(SIDE * length);
  for (let row = 0; row < SIDE; row += 1) {
    for (let x = 0; x < length; x += 1) {
      let sum = 0;
      for (let tap = x * 4; tap < x * 4 + 4; tap += 1) sum += pixels[row * SIDE + index[tap]] * weight[tap];
      wide[row * length + x] = sum * 4;
    }
  }
  for (let y = 0; y < length; y += 1) {
    const [a, b, c, d] = index.subarray(y * 4, y * 4 + 4).map((row) => row * length);
    const [t, u, v, w] = weight.subarray(y * 4, y * 4 + 4);
    for (let x = 0; x < length; x += 1) {
      const grey = wide[a + x] * t + wide[b + x] * u + wide[c + x] * v + wide[d + x] * w;
      target[y * length + x] = inks[grey < 0 ? 0 : grey > 1023 ? 1023 : grey | 0];
    }
  }
}

/**
 * Draws a glyph; the canvas's style sets the colour of the ink (see `.ink` in style.css).
 *
 * @param canvas A canvas of the class `ink`.
 * @param glyph 784 values from 0 (paper) to 255 (ink), 28 rows of 28, or an ImageBitmap of black ink, which is closed.
 * @param scale Canvas pixels per glyph pixel.
 * @param view `ink` or `pixels`.
 */
export function draw(canvas, glyph, scale, view = "ink") {
  const side = view === "ink" ? SIDE * scale : SIDE;
  if (canvas.width !== side) canvas.width = canvas.height = side;
  canvas.classList.toggle("pixels", view === "pixels");
  if (glyph instanceof ImageBitmap) drawPicture(canvas, glyph);
  else drawPixels(canvas, glyph.length === SIDE ? glyph.flat() : glyph, scale, view);
}

function drawPicture(canvas, picture) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0);
  picture.close();
}

function drawPixels(canvas, flat, scale, view) {
  const side = canvas.width;
  const image = new ImageData(side, side);
  const target = new Uint32Array(image.data.buffer);
  if (view === "ink") enlarge(flat, scale, target);
  else flat.forEach((grey, place) => (target[place] = grey << 24));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
