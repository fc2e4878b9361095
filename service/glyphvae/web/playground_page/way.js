// The way between two glyphs, as a strip.

import * as api from "./api.js";
import { byId, download, h } from "./dom.js";
import { draw } from "./ink.js";
import { Lane } from "./lane.js";
import { current, modelName } from "./models.js";
import { set, state } from "./state.js";
import { whileOpen } from "./tabs.js";

const SCALE = 5;
const MOVIE_SCALE = 10;

/** The model in use; where it has no labels, the way is between two latents alone. */
function query() {
  const model = current();
  const label = model.labels.length ? [state.from, state.to] : undefined;
  return { label, seed: state.pair, temperature: state.temperature, n: state.steps, method: state.path, model: modelName(model) };
}

/** Starts the section. */
export function start() {
  const strip = byId("way");
  const lane = new Lane(byId("way-section"), api.interpolate, ({ steps }) => {
    strip.replaceChildren(...steps.map(makeStep));
    strip.dispatchEvent(new CustomEvent("drawn", { detail: steps.length, bubbles: true }));
  });
  whileOpen("explore", ["model", "from", "to", "pair", "steps", "path", "temperature"], () => lane.ask(query()));
  byId("way-again").addEventListener("click", () => set({ pair: state.pair + 1 }));
  const movie = new Lane(byId("way-section"), api.interpolateAnimation, ({ blob }) => download(blob, "way.gif"));
  byId("way-movie").addEventListener("click", () => movie.ask({ ...query(), scale: MOVIE_SCALE }));
}

function makeStep({ label, z, pixels }, index, steps) {
  const canvas = h("canvas", { className: "ink", aria: { hidden: "true" } });
  draw(canvas, pixels, SCALE);
  // Between two labels a step has none; the nearer end's is the next best.
  const nearest = label ?? (index < steps.length / 2 ? state.from : state.to);
  const take = () => set({ z, ...(current().labels.length && { label: nearest }), tab: "glyph" });
  return h("button", { type: "button", aria: { label: `Take step ${index + 1} to Glyph` }, onclick: take }, canvas);
}
