// The Glyph tab: shows the glyph of a label and a style, as in the paper's Figure 4.

import * as api from "./api.js";
import { codePanel } from "./code.js";
import { check, rove } from "./controls.js";
import { announce, byId, debounce, h } from "./dom.js";
import { draw } from "./ink.js";
import { LatestRequest } from "./latest_request.js";
import { current, labelOf, modelName, seriesOf, shownLabel, styleOf } from "./models.js";
import { Sliders, lockedLatents, stripValues } from "./sliders.js";
import { on, set, state } from "./state.js";
import { whileOpen } from "./tabs.js";

const HERO_SCALE = 18;
const KEY_SCALE = 3;
const VARIATION_SCALE = 4;
const VARIATION_GLYPHS = 24;
const STRIP_GLYPHS = 7;
// The rest of the tab is updated when the sliders have rested for this long.
const REST_MS = 120;
const PICTURE_SCALE = 16;

const glyphQuery = (model) => ({ label: labelOf(model), z: api.latents(styleOf(model)), model: modelName(model) });

/** Starts the tab. */
export function start() {
  const sliders = new Sliders(byId("glyph-latents"), STRIP_GLYPHS);
  startHero();
  startKeys();
  startStrips(sliders);
  startVariations();
  startSampling();
  startBeta();
  codePanel(byId("glyph-code"), ["model", "label", "z"], () => ({
    path: "generate",
    query: { ...glyphQuery(current()), scale: PICTURE_SCALE },
    file: `${state.label.toLowerCase()}.png`,
  }));
}

function startHero() {
  const canvas = byId("hero-glyph");
  let last = null;
  const paint = () => {
    if (last) draw(canvas, last, HERO_SCALE, state.view);
  };
  const request = new LatestRequest(byId("hero"), api.generatePixels, ([pixels], query) => {
    last = pixels;
    paint();
    canvas.setAttribute("aria-label", query.label ? `Handwritten ${query.label}` : "Handwritten character");
    canvas.dispatchEvent(new CustomEvent("drawn", { detail: query, bubbles: true }));
  });
  whileOpen("glyph", ["model", "label", "z"], () => state.z.length && request.ask(glyphQuery(current())));
  on(["view"], paint);
}

// The label picker shows the whole alphabet in the current style.
function startKeys() {
  const group = byId("keys");
  const number = byId("label-number");
  let keys = [];
  const columns = () => getComputedStyle(group).gridTemplateColumns.split(" ").length;
  const choose = (key) => set({ label: key.value });
  const show = () => {
    check(keys, keys.find((key) => key.value === state.label));
    const index = current().labels.indexOf(state.label);
    if (index >= 0) number.value = index;
    const words = `${index} is ${shownLabel(state.label)}`;
    number.setAttribute("aria-valuetext", words);
    document.querySelector('output[for="label-number"]').value = words;
  };
  const build = () => {
    const { labels } = current();
    byId("label-section").hidden = !labels.length;
    number.max = labels.length - 1;
    keys = labels.map(makeKey);
    group.replaceChildren(...keys);
    show();
  };
  number.addEventListener("input", () => set({ label: current().labels[number.valueAsNumber] }));
  rove(group, () => keys, choose, columns);
  group.addEventListener("keydown", (event) => {
    const keyOf = (character) => keys.find((item) => item.value === character);
    // A small letter selects its capital if the model has no small letters.
    const key = keyOf(event.key) ?? keyOf(event.key.toUpperCase());
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    key.focus();
    choose(key);
  });
  on(["model"], build);
  on(["label"], () => {
    show();
    announce(`Label ${shownLabel(state.label)}`);
  });
  build();

  const paint = (glyphs) => {
    glyphs.forEach((pixels, index) => keys[index] && draw(keys[index].firstChild, pixels, KEY_SCALE));
  };
  const request = new LatestRequest(byId("label-section"), api.generatePixels, paint, true);
  const ask = () => {
    const model = current();
    if (state.z.length && model.labels.length) request.ask({ ...glyphQuery(model), label: model.labels });
  };
  whileOpen("glyph", ["model", "z"], debounce(ask, REST_MS));
}

function makeKey(label) {
  const canvas = h("canvas", { className: "ink", width: 84, height: 84, aria: { hidden: "true" } });
  return h("button", { type: "button", role: "radio", value: label, aria: { label: shownLabel(label) } }, canvas, h("span", {}, shownLabel(label)));
}

// The strip above each slider shows the glyph at seven of its values.
function startStrips(sliders) {
  const panel = byId("glyph-latents");
  const work = ({ query, indices, values }) =>
    Promise.all(
      indices.map((index) => {
        const [start, stop] = [values[0], values.at(-1)];
        return api.traversePixels({ ...query, latent: index + 1, start, stop, n: values.length });
      }),
    );
  const request = new LatestRequest(panel.parentElement, work, (strips) => sliders.fillStrips(strips), true);
  const ask = () => {
    const values = stripValues(STRIP_GLYPHS);
    if (state.z.length) request.ask({ query: glyphQuery(current()), indices: sliders.indices, values });
  };
  const rest = debounce(ask, REST_MS);
  whileOpen("glyph", ["model", "label", "z"], rest);
  panel.addEventListener("rebuilt", rest);
}

function startVariations() {
  const panel = byId("variations");
  const cells = Array.from({ length: VARIATION_GLYPHS }, (_, index) => makeCell(index + 1));
  panel.append(...cells);
  const request = new LatestRequest(panel.parentElement, api.generateSamples, ({ samples }) => {
    samples.forEach(({ z, pixels }, index) => {
      draw(cells[index].firstChild, pixels, VARIATION_SCALE);
      cells[index].onclick = () => set({ z });
    });
  });
  const ask = () => {
    const model = current();
    const { temperature, variations: seed } = state;
    request.ask({ ...glyphQuery(model), z: api.latents(lockedLatents()), n: VARIATION_GLYPHS, temperature, seed });
  };
  const rest = debounce(ask, REST_MS);
  // Variations depend only on locked latents, so moving the slider of another one does not update them.
  let held = "";
  whileOpen("glyph", ["model", "label", "z", "locked", "temperature", "variations"], (changed) => {
    const now = api.latents(lockedLatents());
    if (held === now && changed?.join() === "z") return;
    held = now;
    rest();
  });
  byId("variations-again").addEventListener("click", () => set({ variations: state.variations + 1 }));
}

function makeCell(number) {
  const canvas = h("canvas", { className: "ink", width: 112, height: 112, aria: { hidden: "true" } });
  return h("button", { type: "button", aria: { label: `Use the style of variation ${number}` } }, canvas);
}

/** Returns a function that samples a new style and keeps the locked latents. */
export function samplingRequest(region) {
  const request = new LatestRequest(region, api.generateSamples, ({ samples: [{ z }] }) => {
    set({ z });
    announce("New style");
  });
  return () => {
    const model = current();
    const query = { label: labelOf(model), model: modelName(model) };
    request.ask({ ...query, z: api.latents(lockedLatents()), temperature: state.temperature });
  };
}

function startSampling() {
  const sample = samplingRequest(byId("hero"));
  byId("sample").addEventListener("click", sample);
  byId("average").addEventListener("click", () => {
    set({ z: styleOf().map((value, index) => (state.locked.includes(index + 1) ? value : 0)) });
  });
  // Without a style, or with that of another model, the page begins with a new one.
  const begin = () => state.z.length || sample();
  on(["model"], begin);
  begin();
}

// The models of a series share their latents' number and labels, so another beta shows the same style and label anew.
function startBeta() {
  const field = byId("beta-field");
  const slider = byId("beta");
  const [low, high] = field.querySelectorAll(".ends span");
  const show = () => {
    const series = seriesOf(current());
    const words = `${current().beta}`;
    field.hidden = series.length < 2;
    slider.max = series.length - 1;
    slider.value = series.indexOf(current());
    slider.setAttribute("aria-valuetext", words);
    document.querySelector('output[for="beta"]').value = words;
    low.textContent = series[0].beta;
    high.textContent = series.at(-1).beta;
  };
  slider.addEventListener("input", () => set({ model: modelName(seriesOf(current())[slider.valueAsNumber]) ?? "" }));
  on(["model"], show);
  show();
}
