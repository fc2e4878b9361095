// The effect of beta: the same latents in models that differ only in beta, as in the paper's Figure 5.

import * as api from "./api.js";
import { byId, h, shown } from "./dom.js";
import { samplingRequest } from "./glyph.js";
import { draw } from "./ink.js";
import { LatestRequest } from "./latest_request.js";
import { missing } from "./missing.js";
import { labelOf, largestSeries, styleOf } from "./models.js";
import { Sliders } from "./sliders.js";
import { whileOpen } from "./state.js";

const SCALE = 6;
const SAMPLE_SCALE = 3;
const SAMPLES = 6;
const SAMPLE_SEED = 5;

/** Starts the section. */
export function start() {
  const models = largestSeries();
  if (!models.length) return missing(byId("beta-section"), "This needs models that differ in β alone, and the service has none.");
  const panel = byId("betas");
  const cards = models.map(makeCard);
  panel.append(...cards.map((card) => card.element));
  new Sliders(byId("beta-latents"), 0, () => models[0]);
  byId("beta-sample").addEventListener("click", samplingRequest(byId("beta-section")));

  const glyphs = () =>
    Promise.all(models.map((model) => api.generatePixels({ label: labelOf(model), z: api.latents(styleOf(model)), model: model.name })));
  const glyphRequest = new LatestRequest(byId("beta-section"), glyphs, (all) => {
    all.forEach(([pixels], index) => draw(cards[index].glyph, pixels, SCALE));
    panel.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
  });
  whileOpen("explore", ["z", "label"], () => glyphRequest.ask());

  const samples = () => {
    const query = { n: SAMPLES, seed: SAMPLE_SEED };
    return Promise.all(models.map((model) => api.generatePixels({ ...query, label: labelOf(model), model: model.name })));
  };
  const sampleRequest = new LatestRequest(byId("beta-section"), samples, (all) => {
    all.forEach((row, index) => row.forEach((pixels, place) => draw(cards[index].samples[place], pixels, SAMPLE_SCALE)));
  }, true);
  whileOpen("explore", ["label"], () => sampleRequest.ask());
}

function makeCard({ beta, metrics }) {
  const glyph = h("canvas", { className: "ink", role: "img", width: 168, height: 168, aria: { label: `The glyph at β = ${beta}` } });
  const samples = Array.from({ length: SAMPLES }, () => h("canvas", { className: "ink", width: 84, height: 84, aria: { hidden: "true" } }));
  const kl = metrics.kl_per_unit?.reduce((sum, unit) => sum + unit, 0);
  const element = h(
    "article",
    { className: "beta" },
    h("h3", {}, `β = ${beta}`),
    glyph,
    h("div", { className: "samples" }, samples),
    ...(kl === undefined ? [] : [h("p", {}, `The latents carry ${shown(kl, 1)} nats.`)]),
  );
  return { element, glyph, samples };
}
