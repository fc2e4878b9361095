// The service's public API; the page knows nothing else of the server.

import * as npy from "./npy.js";

const JSON_TYPE = "application/json";
const NPY_TYPE = "application/x-npy";
const PNG_TYPE = "image/png";
const PATIENCE_MS = 15_000;

/** The address of an endpoint; the page is at /playground, so the API is beside it. */
export const address = (path) => new URL(path, new URL(".", location.href)).href;

/** The service refused or failed, in its own words (RFC 9457). */
export class Problem extends Error {
  constructor({ title = "The service failed", detail = "", status = 0 }) {
    super(detail || title);
    this.name = "Problem";
    this.title = title;
    this.status = status;
  }
}

/** No answer came: the service is not there, or the network is not. */
export class Unreachable extends Error {
  constructor() {
    super("The service does not answer.");
    this.name = "Unreachable";
    this.title = "No connection";
  }
}

/** Sends a request; the answer's body is read by `read`. */
async function call(path, { method = "POST", query = {}, accept = JSON_TYPE, body, type, read }) {
  const url = new URL(address(path));
  url.search = search(query);
  const headers = { Accept: accept, ...(type && { "Content-Type": type }) };
  try {
    const answer = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw await problemOf(answer);
    return await read(answer);
  } catch (error) {
    throw error instanceof Problem ? error : new Unreachable();
  }
}

async function problemOf(answer) {
  const isProblem = answer.headers.get("Content-Type")?.startsWith("application/problem+json");
  if (isProblem) return new Problem(await answer.json());
  // A proxy in between speaks for itself; its page is not for people.
  return new Problem({ title: "The service failed", detail: `It answered ${answer.status} ${answer.statusText}.` });
}

/** A query string: lists repeat their name, null and undefined are left out. */
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

/** Latents as the API takes them, three decimals each; null leaves one to be drawn. */
export const latents = (z) => z.map((value) => (value === null ? "" : String(Number(value.toFixed(3))))).join(",");

const asJson = (answer) => answer.json();
const asNpy = async (answer) => npy.parse(await answer.arrayBuffer());
const asPicture = async (answer) => ({
  blob: await answer.blob(),
  seed: answer.headers.get("Glyphvae-Seed"),
  folded: Number(answer.headers.get("Glyphvae-Folded")),
  unknown: Number(answer.headers.get("Glyphvae-Unknown")),
});

/** Every model that is served. */
export const models = () => call("models", { method: "GET", read: asJson });

/** Whether the process answers. */
export const live = () => call("livez", { method: "GET", read: asJson });

/** Glyphs as n arrays of 784 pixels. */
export const generatePixels = async (query) =>
  npy.glyphs(await call("generate", { query, accept: NPY_TYPE, read: asNpy }));

/** Glyphs with their labels and latents. */
export const generateSamples = (query) => call("generate", { query, read: asJson });

/** A glyph as a picture. */
export const generatePicture = (query) => call("generate", { query, accept: PNG_TYPE, read: asPicture });

/** Glyphs as one latent moves, or two. */
export const traversePixels = async (query) =>
  npy.glyphs(await call("traverse", { query, accept: NPY_TYPE, read: asNpy }));

/** Glyphs between two ends, with their labels and latents. */
export const interpolate = (query) => call("interpolate", { query, read: asJson });

/** The way between two ends as an animation. */
export const interpolateAnimation = (query) => call("interpolate", { query, accept: "image/gif", read: asPicture });

/** The latents of an image, and its labels. */
export const encode = (query, body) => call("encode", { query, body, type: body.type, read: asJson });

/** `mu` and `logvar`, (n, 2, latent), of glyphs. */
export const encodeGlyphs = (query, body) => call("encode", { query, body, type: NPY_TYPE, accept: NPY_TYPE, read: asNpy });

/** An image through the model and back. */
export const reconstruct = (query, body) => call("reconstruct", { query, body, type: body.type, read: asJson });

/** A text as a picture. */
export const renderText = (body) =>
  call("render-text", { body: JSON.stringify(body), type: JSON_TYPE, accept: PNG_TYPE, read: asPicture });
