// The plane of a two-latent model: its manifold, the positions of encoded characters, and the glyph at the pointer.

import * as api from "./api.js";
import { announce, byId, h, shown } from "./dom.js";
import { draw } from "./ink.js";
import { LatestRequest } from "./latest_request.js";
import { missing } from "./missing.js";
import { conditional, named } from "./models.js";
import * as npy from "./npy.js";
import { on, set, state, whileOpen } from "./state.js";

const MODEL = "vae-z2";
const REACH = 3;
const CELLS = 17;
const CELL_SCALE = 2;
const GLYPH_SCALE = 12;
const KEY_STEP = 0.1;
// Glyphs written by one model and encoded by the other, to show the position of each class.
const POINTS_A_LABEL = 24;
const POINTS_SEED = 1;
const POINTS_TEMPERATURE = 0.8;

// The first and the last cell are centred on the ends of the range, so the plane extends half a cell beyond.
const EDGE = (REACH * CELLS) / (CELLS - 1);
const toShare = (value) => (value / EDGE + 1) / 2;
const toValue = (share) => Math.min(REACH, Math.max(-REACH, (share * 2 - 1) * EDGE));

/** Starts the section. */
export function start() {
  if (!named(MODEL)) {
    return missing(byId("map-section"), "This needs the model ", h("code", {}, MODEL), ", which the service does not have.");
  }
  startPlane();
  startGlyph();
  startManifold();
  startPoints();
}

const moveTo = (x, y) => set({ map: [x, y].map((value) => Number(value.toFixed(2))) });

function startPlane() {
  const plane = byId("plane");
  const point = ({ clientX, clientY }) => {
    const box = plane.getBoundingClientRect();
    moveTo(toValue((clientX - box.left) / box.width), toValue(1 - (clientY - box.top) / box.height));
  };
  plane.addEventListener("pointermove", point);
  plane.addEventListener("pointerdown", point);
  plane.addEventListener("keydown", (event) => {
    const [right, up] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [];
    if (right === undefined) return;
    event.preventDefault();
    const within = (value) => Math.min(REACH, Math.max(-REACH, value));
    moveTo(within(state.map[0] + right * KEY_STEP), within(state.map[1] + up * KEY_STEP));
  });
  const sliders = [byId("map-x"), byId("map-y")];
  const show = () => {
    const [x = 0, y = 0] = state.map;
    byId("cross").style.left = `${toShare(x) * 100}%`;
    byId("cross").style.top = `${(1 - toShare(y)) * 100}%`;
    byId("map-where").textContent = `z = (${shown(x)}, ${shown(y)})`;
    sliders.forEach((slider, index) => {
      slider.value = state.map[index] ?? 0;
      document.querySelector(`output[for="${slider.id}"]`).value = shown(slider.valueAsNumber);
    });
  };
  for (const slider of sliders) slider.addEventListener("input", () => moveTo(...sliders.map((one) => one.valueAsNumber)));
  on(["map"], show);
  show();
}

function startGlyph() {
  const canvas = byId("map-glyph");
  const request = new LatestRequest(byId("map-side"), api.generatePixels, ([pixels], { z }) => {
    draw(canvas, pixels, GLYPH_SCALE);
    canvas.dispatchEvent(new CustomEvent("drawn", { detail: z, bubbles: true }));
    announce(`z = (${state.map.map((value) => shown(value)).join(", ")})`);
  });
  whileOpen("explore", ["map"], () => request.ask({ z: api.latents(state.map), model: MODEL }));
}

function startManifold() {
  const canvas = byId("manifold");
  const context = canvas.getContext("2d");
  const cell = document.createElement("canvas");
  const side = canvas.width / CELLS;
  const request = new LatestRequest(byId("plane"), api.traversePixels, (glyphs) => {
    glyphs.forEach((pixels, index) => {
      draw(cell, pixels, CELL_SCALE);
      // The first varied latent, z2, changes from row to row, which is upwards on the plane.
      const row = CELLS - 1 - Math.floor(index / CELLS);
      context.drawImage(cell, (index % CELLS) * side, row * side, side, side);
    });
  });
  const query = { latent: [2, 1], start: -REACH, stop: REACH, n: CELLS, model: MODEL };
  whileOpen("explore", [], () => request.ask(query));
}

/** Returns the classes that the two-latent model was trained on, or all if that is not known. */
function classes(writer) {
  const isDigitsOnly = named(MODEL).data.sources?.every((source) => source.startsWith("MNIST"));
  return writer.labels.filter((label) => !isDigitsOnly || /\d/.test(label));
}

async function encodePoints({ writer, labels }) {
  const query = { label: labels, n: POINTS_A_LABEL, seed: POINTS_SEED, temperature: POINTS_TEMPERATURE, model: writer };
  const glyphs = await api.generatePixels(query);
  const pixels = npy.format([glyphs.length, 28, 28], new Uint8Array(glyphs.flatMap((glyph) => [...glyph])));
  const { data } = await api.encodeGlyphs({ model: MODEL, preprocess: "none" }, pixels);
  // Each row holds mu and logvar, two numbers each.
  return glyphs.map((_, index) => ({
    label: labels[Math.floor(index / POINTS_A_LABEL)],
    x: data[index * 4],
    y: data[index * 4 + 1],
  }));
}

function startPoints() {
  const canvas = byId("points");
  let points = [];
  const paint = () => {
    canvas.hidden = !state.points;
    byId("manifold").classList.toggle("faint", state.points);
    paintPoints(canvas, points);
  };
  const request = new LatestRequest(byId("plane"), encodePoints, (found) => {
    points = found;
    paint();
    canvas.dispatchEvent(new CustomEvent("drawn", { detail: points.length, bubbles: true }));
  });
  const ask = () => {
    const writer = conditional();
    if (writer && state.points && !points.length) request.ask({ writer: writer.name, labels: classes(writer) });
    paint();
  };
  whileOpen("explore", ["points"], ask);
  addEventListener("themechange", paint);
}

// Points are drawn as characters, because not everybody can distinguish the colours.
function paintPoints(canvas, points) {
  const context = canvas.getContext("2d");
  const isDark = getComputedStyle(canvas).getPropertyValue("--ink") > 0.5;
  const labels = [...new Set(points.map(({ label }) => label))];
  context.clearRect(0, 0, canvas.width, canvas.height);
  Object.assign(context, { font: "600 20px Inter, sans-serif", textAlign: "center", textBaseline: "middle" });
  for (const { label, x, y } of points) {
    const hue = (labels.indexOf(label) / labels.length) * 360;
    context.fillStyle = isDark ? `oklch(0.8 0.14 ${hue})` : `oklch(0.5 0.18 ${hue})`;
    context.fillText(label, toShare(x) * canvas.width, (1 - toShare(y)) * canvas.height);
  }
}
