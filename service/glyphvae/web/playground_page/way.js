// Interpolation between two glyphs, as a strip.

import * as api from "./api.js";
import { codePanel } from "./code.js";
import { byId, download, h } from "./dom.js";
import { draw } from "./ink.js";
import { LatestRequest } from "./latest_request.js";
import { current, drawsStrokes, knownLabel, modelName } from "./models.js";
import { set, state, whileOpen } from "./state.js";

const SCALE = 5;
const MOVIE_SCALE = 10;

/** Returns the query of the interpolation; without labels it is between two latents only. */
function query() {
  const model = current();
  const label = model.labels.length ? [knownLabel(state.from), knownLabel(state.to)] : undefined;
  return { label, seed: state.pair, temperature: state.temperature, n: state.steps, method: state.path, model: modelName(model) };
}

/** Starts the section. */
export function start() {
  const strip = byId("way");
  const request = new LatestRequest(byId("way-section"), interpolate, (steps) => {
    strip.replaceChildren(...steps.map(makeStep));
    strip.dispatchEvent(new CustomEvent("drawn", { detail: steps.length, bubbles: true }));
  });
  whileOpen("explore", ["model", "from", "to", "pair", "steps", "path", "temperature"], () => {
    request.ask({ asked: query(), isPainted: drawsStrokes() });
  });
  codePanel(byId("way-code"), ["model", "from", "to", "pair", "steps", "path", "temperature"], () => ({
    path: "interpolate",
    query: { ...query(), scale: MOVIE_SCALE },
    file: "way.png",
  }));
  byId("way-again").addEventListener("click", () => set({ pair: state.pair + 1 }));
  const movie = new LatestRequest(byId("way-section"), api.interpolateAnimation, ({ blob }) => download(blob, "way.gif"));
  byId("way-movie").addEventListener("click", () => movie.ask({ ...query(), scale: MOVIE_SCALE }));
}

/** Returns the steps, each with its `glyph`: an image if the model can paint ink, pixels otherwise. */
async function interpolate({ asked, isPainted }) {
  const { steps } = await api.interpolate(asked);
  const glyphs = isPainted ? await api.interpolatePictures(asked, SCALE) : steps.map(({ pixels }) => pixels);
  return steps.map((step, index) => ({ ...step, glyph: glyphs[index] }));
}

function makeStep({ label, z, glyph }, index, steps) {
  const canvas = h("canvas", { className: "ink", aria: { hidden: "true" } });
  draw(canvas, glyph, SCALE);
  // A step between two labels has no label, so that of the nearer end is used.
  const nearest = label ?? (index < steps.length / 2 ? state.from : state.to);
  const take = () => set({ z, ...(current().labels.length && { label: nearest }), tab: "glyph" });
  return h("button", { type: "button", aria: { label: `Open step ${index + 1} in Glyph` }, onclick: take }, canvas);
}
