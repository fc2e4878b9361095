// The Glyph tab: the paper's Figure 4. A label and a style give a glyph, live.

import * as api from "./api.js";
import { codePanel } from "./code.js";
import { check, rove } from "./controls.js";
import { announce, byId, debounce, h } from "./dom.js";
import { draw } from "./ink.js";
import { Lane } from "./lane.js";
import { current, labelOf, modelName, styleOf } from "./models.js";
import { Sliders, lockedLatents, stripValues } from "./sliders.js";
import { on, set, state } from "./state.js";
import { whileOpen } from "./tabs.js";

const HERO_SCALE = 18;
const KEY_SCALE = 3;
const SHEET_SCALE = 4;
const SHEET_GLYPHS = 24;
const STRIP_GLYPHS = 7;
// What surrounds the glyph follows once the finger rests this long.
const REST_MS = 120;
const PICTURE_SCALE = 16;

const glyphQuery = (model) => ({ label: labelOf(model), z: api.latents(styleOf(model)), model: modelName(model) });

/** Starts the tab. */
export function start() {
  const sliders = new Sliders(byId("glyph-latents"), STRIP_GLYPHS);
  startHero();
  startKeys();
  startStrips(sliders);
  startSheet();
  startSampling();
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
  const lane = new Lane(byId("hero"), api.generatePixels, ([pixels], query) => {
    last = pixels;
    paint();
    canvas.setAttribute("aria-label", query.label ? `Handwritten ${query.label}` : "Handwritten character");
    canvas.dispatchEvent(new CustomEvent("drawn", { detail: query, bubbles: true }));
  });
  whileOpen("glyph", ["model", "label", "z"], () => state.z.length && lane.ask(glyphQuery(current())));
  on(["view"], paint);
}

// The picker is the whole alphabet in the present style: it shows at once what a style does to every label.
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
    const words = `${index} is ${state.label}`;
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
    // A small letter means its capital where the model has no small ones.
    const key = keyOf(event.key) ?? keyOf(event.key.toUpperCase());
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    key.focus();
    choose(key);
  });
  on(["model"], build);
  on(["label"], () => {
    show();
    announce(`Label ${state.label}`);
  });
  build();

  const paint = (glyphs) => {
    glyphs.forEach((pixels, index) => keys[index] && draw(keys[index].firstChild, pixels, KEY_SCALE));
  };
  const lane = new Lane(byId("label-section"), api.generatePixels, paint, true);
  const ask = () => {
    const model = current();
    if (state.z.length && model.labels.length) lane.ask({ ...glyphQuery(model), label: model.labels });
  };
  whileOpen("glyph", ["model", "z"], debounce(ask, REST_MS));
}

function makeKey(label) {
  const canvas = h("canvas", { className: "ink", width: 84, height: 84, aria: { hidden: "true" } });
  return h("button", { type: "button", role: "radio", value: label, aria: { label } }, canvas, h("span", {}, label));
}

// What each slider does, shown above it: the glyph at seven of its places.
function startStrips(sliders) {
  const panel = byId("glyph-latents");
  const work = ({ query, indices, values }) =>
    Promise.all(
      indices.map((index) => {
        const [start, stop] = [values[0], values.at(-1)];
        return api.traversePixels({ ...query, latent: index + 1, start, stop, n: values.length });
      }),
    );
  const lane = new Lane(panel.parentElement, work, (strips) => sliders.fillStrips(strips), true);
  const ask = () => {
    const values = stripValues(STRIP_GLYPHS);
    if (state.z.length) lane.ask({ query: glyphQuery(current()), indices: sliders.indices, values });
  };
  const rest = debounce(ask, REST_MS);
  whileOpen("glyph", ["model", "label", "z"], rest);
  panel.addEventListener("rebuilt", rest);
}

function startSheet() {
  const sheet = byId("sheet");
  const cells = Array.from({ length: SHEET_GLYPHS }, (_, index) => makeCell(index + 1));
  sheet.append(...cells);
  const lane = new Lane(sheet.parentElement, api.generateSamples, ({ samples }) => {
    samples.forEach(({ z, pixels }, index) => {
      draw(cells[index].firstChild, pixels, SHEET_SCALE);
      cells[index].onclick = () => set({ z });
    });
  });
  const ask = () => {
    const model = current();
    const { temperature, sheet: seed } = state;
    lane.ask({ ...glyphQuery(model), z: api.latents(lockedLatents()), n: SHEET_GLYPHS, temperature, seed });
  };
  const rest = debounce(ask, REST_MS);
  // A free latent is drawn, so the sheet does not depend on it: it rests while such a slider moves.
  let held = "";
  whileOpen("glyph", ["model", "label", "z", "locked", "temperature", "sheet"], (changed) => {
    const now = api.latents(lockedLatents());
    if (held === now && changed?.join() === "z") return;
    held = now;
    rest();
  });
  byId("sheet-again").addEventListener("click", () => set({ sheet: state.sheet + 1 }));
}

function makeCell(number) {
  const canvas = h("canvas", { className: "ink", width: 112, height: 112, aria: { hidden: "true" } });
  return h("button", { type: "button", aria: { label: `Take the style of variation ${number}` } }, canvas);
}

/** A lane that draws a new style, leaving the locked latents as they are. */
export function samplingLane(region) {
  const lane = new Lane(region, api.generateSamples, ({ samples: [{ z }] }) => {
    set({ z });
    announce("New style");
  });
  return () => {
    const model = current();
    const query = { label: labelOf(model), model: modelName(model) };
    lane.ask({ ...query, z: api.latents(lockedLatents()), temperature: state.temperature });
  };
}

function startSampling() {
  const sample = samplingLane(byId("hero"));
  byId("sample").addEventListener("click", sample);
  byId("average").addEventListener("click", () => {
    set({ z: styleOf().map((value, index) => (state.locked.includes(index + 1) ? value : 0)) });
  });
  // A page without a style, or with that of another model, begins with a new one.
  const begin = () => state.z.length || sample();
  on(["model"], begin);
  begin();
}
