// Client of the service's public API, the only part of the server that the page uses.

const JSON_TYPE = "application/json";
const NPY_TYPE = "application/x-npy";
const PNG_TYPE = "image/png";
const SVG_TYPE = "image/svg+xml";
const TIMEOUT_MS = 15_000;
// A font has some hundred glyphs.
const FONT_TIMEOUT_MS = 60_000;
// What a canvas of the class `ink` holds; its style sets the colour.
const INK = { ink: "#000000", paper: "transparent" };
const SIDE = 28;

/** The address of an endpoint; the page is at /playground, so the API is beside it. */
export const address = (path) => new URL(path, new URL(".", location.href)).href;

/** An error response of the service, with its title and detail (RFC 9457). */
export class Problem extends Error {
  constructor({ title = "The service failed", detail = "", status = 0 }) {
    super(detail || title);
    this.name = "Problem";
    this.title = title;
    this.status = status;
  }
}

/** There was no response: the service or the network is not available. */
export class Unreachable extends Error {
  constructor() {
    super("The service does not respond.");
    this.name = "Unreachable";
    this.title = "No connection";
  }
}

/** Sends a request and returns the body as read by `read`. */
async function call(path, { method = "POST", query = {}, accept = JSON_TYPE, body, type, read, timeout = TIMEOUT_MS }) {
  const url = new URL(address(path));
  url.search = search(query);
  const headers = { Accept: accept, ...(type && { "Content-Type": type }) };
  try {
    const response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(timeout) });
    if (!response.ok) throw await problemOf(response);
    return await read(response);
  } catch (error) {
    throw failureOf(error, timeout);
  }
}

/** Returns an error with words for people. */
function failureOf(error, timeout) {
  if (error instanceof Problem) return error;
  if (error.name === "TimeoutError") {
    return new Problem({ title: "The service took too long", detail: `There was no response within ${timeout / 1000} seconds.`, status: 504 });
  }
  // What fetch fails with.
  if (error instanceof TypeError) return new Unreachable();
  return new Problem({ title: "The response cannot be read", detail: "It is damaged, or of another version of the service.", status: 502 });
}

async function problemOf(response) {
  const isProblem = response.headers.get("Content-Type")?.startsWith("application/problem+json");
  if (isProblem) return new Problem(await response.json());
  // A proxy in between speaks for itself; its page is not for people.
  return new Problem({ title: "The service failed", detail: `It responded with ${response.status} ${response.statusText}.` });
}

/** Returns a query string: lists repeat their name, null and undefined are omitted. */
export function search(query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of [value].flat()) {
      if (item !== undefined && item !== null && item !== "") parameters.append(name, item);
    }
  }
  // Commas are allowed in a query, and easier to read than %2C.
  return parameters.toString().replaceAll("%2C", ",");
}

/** Formats latents for the API, with three decimals each; null leaves a latent to be sampled. */
export const latents = (z) => z.map((value) => (value === null ? "" : String(Number(value.toFixed(3))))).join(",");

const asJson = (response) => response.json();
// Not among the first modules: images of models with strokes need none of it.
const asNpy = async (response) => (await import("./npy.js")).parse(await response.arrayBuffer());
const asPixels = async (response) => (await import("./npy.js")).glyphs(await asNpy(response));
const asPicture = async (response) => ({
  blob: await response.blob(),
  seed: response.headers.get("Glyphvae-Seed"),
  folded: Number(response.headers.get("Glyphvae-Folded")),
  unknown: Number(response.headers.get("Glyphvae-Unknown")),
});

/** Paints vectors on a canvas, which takes an image: bitmaps are made of pixels alone. */
async function painted(vectors) {
  const image = new Image();
  image.src = URL.createObjectURL(vectors);
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  canvas.getContext("2d").drawImage(image, 0, 0);
  URL.revokeObjectURL(image.src);
  return canvas;
}

async function asGlyphs(response, n, columns, scale) {
  const grid = await painted(await response.blob());
  const side = SIDE * scale;
  const place = (index) => [(index % columns) * side, Math.floor(index / columns) * side];
  return Promise.all(Array.from({ length: n }, (_, index) => createImageBitmap(grid, ...place(index), side, side)));
}

async function asReconstruction(response, scale) {
  const [picture] = await asGlyphs(response, 1, 1, scale);
  const nats = (name) => Number(response.headers.get(`Glyphvae-${name}`));
  return { picture, reconstruction_error: nats("Reconstruction-Error"), kl: nats("Kl"), elbo: nats("Elbo") };
}

/** Lists the served models. */
export const models = () => call("models", { method: "GET", read: asJson });

/** Checks that the service responds. */
export const live = () => call("livez", { method: "GET", read: asJson });

/** Generates glyphs as n arrays of 784 pixels. */
export const generatePixels = (query) => call("generate", { query, accept: NPY_TYPE, read: asPixels });

/** Requests a grid of n glyphs, painted from strokes at `scale`, and returns them as images. */
function pictures(path, query, scale, n, columns = n) {
  const read = (response) => asGlyphs(response, n, columns, scale);
  return call(path, { query: { ...query, ...INK, scale }, accept: SVG_TYPE, read });
}

/** Generates glyphs as n images, painted from strokes at `scale`. */
export function generatePictures(query, scale) {
  const n = [query.label].flat().length * (query.n ?? 1);
  const columns = Math.ceil(Math.sqrt(n));
  return pictures("generate", { ...query, columns }, scale, n, columns);
}

/** Generates glyphs with their labels and latents. */
export const generateSamples = (query) => call("generate", { query, read: asJson });

/** Generates a glyph as an image. */
export const generatePicture = (query) => call("generate", { query, accept: PNG_TYPE, read: asPicture });

/** Varies one latent, or two. */
export const traversePixels = (query) => call("traverse", { query, accept: NPY_TYPE, read: asPixels });

/** Varies one latent; returns images, painted from strokes at `scale`. */
export const traversePictures = (query, scale) => pictures("traverse", query, scale, query.n);

/** Interpolates between two glyphs; returns the steps with their labels and latents. */
export const interpolate = (query) => call("interpolate", { query, read: asJson });

/** Interpolates between two glyphs; returns images, painted from strokes at `scale`. */
export const interpolatePictures = (query, scale) => pictures("interpolate", query, scale, query.n);

/** Interpolates between two glyphs, as an animation. */
export const interpolateAnimation = (query) => call("interpolate", { query, accept: "image/gif", read: asPicture });

/** Encodes an image to its latents and label probabilities. */
export const encode = (query, body) => call("encode", { query, body, type: body.type, read: asJson });

/** Encodes glyphs to `mu` and `logvar`, (n, 2, latent). */
export const encodeGlyphs = (query, body) => call("encode", { query, body, type: NPY_TYPE, accept: NPY_TYPE, read: asNpy });

/** Reconstructs an image. */
export const reconstruct = (query, body) => call("reconstruct", { query, body, type: body.type, read: asJson });

/** Reconstructs an image as an image, painted from strokes at `scale`. */
export const reconstructPicture = (query, scale, body) =>
  call("reconstruct", {
    query: { ...query, ...INK, scale },
    body,
    type: body.type,
    accept: SVG_TYPE,
    read: (response) => asReconstruction(response, scale),
  });

/** Finds the hand that wrote letters, images in the order of the labels in `query`. */
export function findHand(query, images) {
  const body = new FormData();
  images.forEach((image, index) => body.append("file", image, `${index}.png`));
  return call("hand", { query, body, read: asJson });
}

/** Renders a text in the format `accept`. */
export const renderText = (body, accept = PNG_TYPE) =>
  call("render-text", { body: JSON.stringify(body), type: JSON_TYPE, accept, read: asPicture });

/** Makes a font in the format `accept`. */
export const makeFont = (body, accept) =>
  call("font", { body: JSON.stringify(body), type: JSON_TYPE, accept, timeout: FONT_TIMEOUT_MS, read: asPicture });
