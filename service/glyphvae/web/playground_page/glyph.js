// The Glyph tab below and beside the large glyph: the label and the style, as in the paper's Figure 4, and variations.

import * as api from "./api.js";
import { codePanel } from "./code.js";
import { check, rove } from "./controls.js";
import { announce, byId, debounce, download, h, notice, whenSeen } from "./dom.js";
import { draw } from "./ink.js";
import { LatestRequest } from "./latest_request.js";
import { current, drawsStrokes, glyphQuery, labelOf, modelName, seriesOf, shownLabel, styleOf, styleQuery } from "./models.js";
import { STRIP_SCALE, Sliders, lockedLatents, stripValues } from "./sliders.js";
import { on, set, state, whileOpen } from "./state.js";

const KEY_SCALE = 3;
const VARIATION_SCALE = 4;
const VARIATION_GLYPHS = 24;
const STRIP_GLYPHS = 7;
// The rest of the tab is updated when the sliders have rested for this long.
const REST_MS = 120;
const PICTURE_SCALE = 16;

/** Starts the tab. */
export function start() {
  const sliders = new Sliders(byId("glyph-latents"), STRIP_GLYPHS);
  startKeys();
  startStrips(sliders);
  startVariations();
  startSampling();
  startBeta();
  startImage();
  codePanel(byId("glyph-code"), ["model", "label", "z", "hand"], () => ({
    path: "generate",
    query: { ...glyphQuery(current()), scale: PICTURE_SCALE },
    file: `${(labelOf() ?? "glyph").toLowerCase()}.png`,
  }));
}

// The label picker shows the whole alphabet in the current style.
function startKeys() {
  const group = byId("keys");
  const number = byId("label-number");
  let keys = [];
  const columns = () => getComputedStyle(group).gridTemplateColumns.split(" ").length;
  const choose = (key) => set({ label: key.value });
  const show = () => {
    check(keys, keys.find((key) => key.value === labelOf()));
    const index = current().labels.indexOf(labelOf());
    if (index >= 0) number.value = index;
    const words = `${index} is ${shownLabel(labelOf() ?? "")}`;
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

  const work = ({ query, isPainted }) => (isPainted ? api.generatePictures(query, KEY_SCALE) : api.generatePixels(query));
  const paint = (glyphs) => {
    glyphs.forEach((glyph, index) => keys[index] && draw(keys[index].firstChild, glyph, KEY_SCALE));
  };
  const request = new LatestRequest(byId("label-section"), work, paint, true);
  const ask = () => {
    const model = current();
    const query = { ...glyphQuery(model), label: model.labels };
    if (state.z.length && model.labels.length) request.ask({ query, isPainted: drawsStrokes(model) });
  };
  whileOpen("glyph", ["model", "z", "hand"], debounce(ask, REST_MS));
}

function makeKey(label) {
  const canvas = h("canvas", { className: "ink", width: 84, height: 84, aria: { hidden: "true" } });
  return h("button", { type: "button", role: "radio", value: label, aria: { label: shownLabel(label) } }, canvas, h("span", {}, shownLabel(label)));
}

// The strip above each slider shows the glyph at seven of its values.
function startStrips(sliders) {
  const panel = byId("glyph-latents");
  const work = ({ query, isPainted, indices, values }) =>
    Promise.all(
      indices.map((index) => {
        const one = { ...query, latent: index + 1, start: values[0], stop: values.at(-1), n: values.length };
        return isPainted ? api.traversePictures(one, STRIP_SCALE) : api.traversePixels(one);
      }),
    );
  const request = new LatestRequest(panel.parentElement, work, (strips) => sliders.fillStrips(strips), true);
  const ask = () => {
    const values = stripValues(STRIP_GLYPHS);
    if (state.z.length) request.ask({ query: glyphQuery(current()), isPainted: drawsStrokes(), indices: sliders.indices, values });
  };
  const rest = debounce(ask, REST_MS);
  whileOpen("glyph", ["model", "label", "z", "hand"], rest);
  panel.addEventListener("rebuilt", rest);
}

function startVariations() {
  const panel = byId("variations");
  const cells = Array.from({ length: VARIATION_GLYPHS }, (_, index) => makeCell(index + 1));
  panel.append(...cells);
  // The images of a seed show its samples; they come second, because only the samples tell their latents.
  const work = async ({ query, isPainted }) => {
    const { samples } = await api.generateSamples(query);
    const glyphs = isPainted ? await api.generatePictures(query, VARIATION_SCALE) : samples.map(({ pixels }) => pixels);
    return samples.map(({ z }, index) => ({ z, glyph: glyphs[index] }));
  };
  const request = new LatestRequest(panel.parentElement, work, (variations) => {
    variations.forEach(({ z, glyph }, index) => {
      draw(cells[index].firstChild, glyph, VARIATION_SCALE);
      cells[index].onclick = () => set({ z });
    });
  });
  const ask = () => {
    const model = current();
    const { temperature, variations: seed } = state;
    const query = { ...glyphQuery(model), ...styleQuery(lockedLatents()), n: VARIATION_GLYPHS, temperature, seed };
    request.ask({ query, isPainted: drawsStrokes(model) });
  };
  const rest = debounce(ask, REST_MS);
  // Variations depend only on locked latents, so moving the slider of another one does not update them.
  let held = "";
  const follow = (changed) => {
    const now = api.latents(lockedLatents());
    if (held === now && changed?.join() === "z") return;
    held = now;
    rest();
  };
  whenSeen(panel, () => whileOpen("glyph", ["model", "label", "z", "hand", "locked", "temperature", "variations"], follow));
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
}

// The image as a file: what the code below makes.
function startImage() {
  const query = () => ({ ...glyphQuery(current()), scale: PICTURE_SCALE });
  const name = () => `${(labelOf() ?? "glyph").toLowerCase()}.png`;
  const file = new LatestRequest(byId("hero"), api.generatePicture, ({ blob }) => download(blob, name()));
  byId("glyph-download").addEventListener("click", () => file.ask(query()));
  byId("glyph-copy").addEventListener("click", async () => {
    let problem = null;
    try {
      const blob = api.generatePicture(query()).then((picture) => picture.blob);
      blob.catch((error) => (problem = error));
      // Given as a promise, because the browser forgets the click while the image is made.
      await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
      notice("Image copied");
    } catch {
      notice(problem ? `Nothing was copied. ${problem.message}` : "The browser does not allow copying images; download it instead");
    }
  });
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
