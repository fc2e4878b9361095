// Start of the page: loads the list of models, shows the large glyph, and starts everything else once that is loaded.

import * as api from "./api.js";
import { byId } from "./dom.js";
import { LatestRequest } from "./latest_request.js";
import * as models from "./models.js";
import { on, set, state, whileOpen } from "./state.js";
import * as status from "./status.js";
import { openingStyle } from "./styles.js";

const HERO_SCALE = 18;

// Loaded while the glyph is asked for.
const ink = import("./ink.js");
const rest = import("./app.js");

function startHero() {
  const canvas = byId("hero-glyph");
  const work = ({ query, isPainted }) => (isPainted ? api.generatePictures(query, HERO_SCALE) : api.generatePixels(query));
  const request = new LatestRequest(byId("hero"), work, async ([glyph], { query, view }) => {
    (await ink).draw(canvas, glyph, HERO_SCALE, view);
    canvas.setAttribute("aria-label", query.label ? `Handwritten ${query.label}` : "Handwritten character");
    canvas.dispatchEvent(new CustomEvent("drawn", { detail: query, bubbles: true }));
  });
  const ask = () => {
    const { view } = state;
    const query = models.glyphQuery();
    if (state.z.length) request.ask({ query, view, isPainted: view === "ink" && models.drawsStrokes() });
  };
  whileOpen("glyph", ["model", "label", "z", "hand", "view"], ask);
}

// Without a style, or with that of another model, the page begins with one that is legible in all models.
function startStyle() {
  const begin = () => state.z.length || set({ z: openingStyle(models.current()) });
  // Later, when every panel has the sliders of the model.
  on(["model"], () => queueMicrotask(begin));
  begin();
}

async function begin() {
  startStyle();
  startHero();
  const panel = byId(state.tab);
  panel.hidden = false;
  // Nothing that is done before there are listeners is lost, because nothing can be done.
  panel.inert = true;
  const { start } = await rest;
  panel.inert = false;
  start();
}

status.watch();
new LatestRequest(byId("boot"), models.load, begin).ask();
