// The Draw tab: recognises a drawn character and takes its style.

import * as api from "./api.js";
import { codePanel } from "./code.js";
import { announce, byId, h, shown } from "./dom.js";
import { SENT_SIDE, drawOn, toPng } from "./drawing.js";
import { draw } from "./ink.js";
import { LatestRequest } from "./latest_request.js";
import { nameLetter, startLetters } from "./letters.js";
import { axisWord, current, drawsStrokes, glyphQuery, modelName } from "./models.js";
import { readPicture, writePicture } from "./picture.js";
import { hideBox, showSeen } from "./seen.js";
import { set, state, whileOpen } from "./state.js";
import { GRID, read, write } from "./strokes.js";

const NEAREST = 3;
const LABELS_SHOWN = 5;
const READ_SCALE = 4;
const AGAIN_SCALE = 10;
const AXIS_REACH = 4;

let strokes = [];
let picture = null;
// Count drawings that were begun and restored: one that takes long to decode must not replace a later one.
let begun = 0;
let restored = 0;
let request = null;
let lastReading = null;

/** Starts the tab. */
export function start() {
  request = new LatestRequest(byId("reading"), readDrawing, showReading);
  startPad();
  startImages();
  startTaking();
  startLetters();
  codePanel(byId("draw-code"), ["model", "as"], () => ({
    path: "encode",
    query: { labels: current().labels.length ? "all" : undefined, label: state.as || undefined, model: modelName() },
    upload: "letter.png",
    file: "reading.json",
  }));
  byId("undo").addEventListener("click", () => replace({ strokes: write(strokes.slice(0, -1)) }));
  byId("clear").addEventListener("click", () => replace({}));
  whileOpen("draw", ["strokes", "image", "as", "model", "view"], restore);
}

/** Replaces the drawing of the state. */
function replace({ strokes = "", image = "" }) {
  begun += 1;
  set({ strokes, image, as: "" });
}

/** Updates the pad and the reading from the state. */
async function restore() {
  const turn = (restored += 1);
  const found = state.image ? await readPicture(state.image) : null;
  if (turn !== restored) return undefined;
  strokes = read(state.strokes);
  picture = found;
  if (picture) hideBox();
  paint();
  if (isBlank()) return showNothing();
  return ask();
}

const isBlank = () => !strokes.length && !picture;
const ask = () => request.ask({ as: state.as, query: { model: modelName() } });

function showNothing() {
  request.clear();
  hideBox();
  byId("reading-empty").hidden = false;
  byId("reading-full").hidden = true;
}

// The pad

function startPad() {
  const pad = byId("pad");
  let stroke = null;
  pad.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    begun += 1;
    restored += 1;
    picture = null;
    stroke = [place(pad, event)];
    strokes.push(stroke);
    paint();
  });
  pad.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    // There may be several moves between two frames.
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) extend(stroke, place(pad, move));
    paint();
    ask();
  });
  const end = () => {
    if (!stroke) return;
    stroke = null;
    replace({ strokes: write(strokes) });
  };
  pad.addEventListener("pointerup", end);
  pad.addEventListener("pointercancel", end);
}

function place(pad, { clientX, clientY }) {
  const box = pad.getBoundingClientRect();
  const within = (share) => Math.round(Math.min(1, Math.max(0, share)) * (GRID - 1));
  return [within((clientX - box.left) / box.width), within((clientY - box.top) / box.height)];
}

function extend(stroke, [x, y]) {
  const [lastX, lastY] = stroke.at(-1);
  if (Math.hypot(x - lastX, y - lastY) >= NEAREST) stroke.push([x, y]);
}

function paint() {
  const pad = byId("pad");
  const context = pad.getContext("2d");
  context.clearRect(0, 0, pad.width, pad.height);
  drawOn(context, pad.width, { strokes, picture });
  pad.classList.toggle("photograph", Boolean(picture));
  byId("pad-hint").hidden = !isBlank();
  byId("undo").disabled = byId("clear").disabled = isBlank();
}

// Images

function startImages() {
  const drop = byId("drop");
  const file = byId("file");
  byId("choose").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    if (file.files.length) take(file.files[0]);
    file.value = "";
  });
  const glyph = new LatestRequest(byId("reading"), api.generatePicture, ({ blob }) => take(blob));
  byId("read-glyph").addEventListener("click", () => glyph.ask({ ...glyphQuery(), scale: READ_SCALE }));
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
  addEventListener("paste", ({ clipboardData }) => {
    if (state.tab === "draw" && clipboardData.files.length) take(clipboardData.files[0]);
  });
}

async function take(blob) {
  nameLetter(blob.name);
  const turn = (begun += 1);
  try {
    const image = await writePicture(await createImageBitmap(blob));
    if (turn === begun) replace({ image });
  } catch {
    // The service reports what is wrong with a file that the browser cannot read.
    if (turn === begun) request.ask({ file: blob, as: "", query: { model: modelName() } });
  }
}

// The reading

async function readDrawing({ file, as, query: asked }) {
  const size = file ? null : (picture ?? { width: SENT_SIDE, height: SENT_SIDE });
  const query = { ...asked, preview: true };
  const png = file ?? (await toPng({ strokes, image: picture && state.image }));
  const labels = current().labels.length ? "all" : undefined;
  const { encodings } = await api.encode({ ...query, labels }, png);
  const [free] = encodings;
  const label = as || free.label || undefined;
  const [read] = as && as !== free.label ? (await api.encode({ ...query, label }, png)).encodings : [free];
  return { label, posterior: free.posterior, read, size, again: await reconstruct({ ...asked, label }, png) };
}

/** Returns the reconstruction with its losses and its view: an image if the model can paint ink, pixels otherwise. */
async function reconstruct(query, png) {
  const { view } = state;
  if (view === "ink" && drawsStrokes()) return { ...(await api.reconstructPicture(query, AGAIN_SCALE, png)), view };
  const { reconstructions } = await api.reconstruct(query, png);
  return { ...reconstructions[0], view };
}

function showReading(reading) {
  if (isBlank()) return;
  byId("reading-empty").hidden = true;
  byId("reading-full").hidden = false;
  showSeen(reading.read, reading.size);
  showLabels(reading);
  showAgain(reading);
  showLatents(reading);
  lastReading = reading;
  const doubt = reading.read.doubt.doubtful ? ", but it may not be a character" : "";
  announce((reading.label ? `Recognised as ${reading.label}` : "Encoded") + doubt);
  byId("reading").dispatchEvent(new CustomEvent("read", { detail: reading.label, bubbles: true }));
}

const percent = (share) => (share < 0.01 ? "< 1 %" : `${Math.round(share * 100)} %`);

function showLabels({ label, posterior }) {
  byId("bars").closest("section").hidden = !posterior;
  if (!posterior) return;
  const likely = Object.entries(posterior).sort(([, a], [, b]) => b - a).slice(0, LABELS_SHOWN);
  byId("bars").replaceChildren(...likely.map(([name, share]) => bar(name, share, name === label)));
}

function bar(name, share, isRead) {
  const fill = h("span", { className: "fill" });
  fill.style.transform = `scaleX(${share})`;
  const button = h(
    "button",
    {
      type: "button",
      aria: { pressed: String(isRead), label: `Read it as ${name}, ${percent(share)}` },
      onclick: () => set({ as: name }),
    },
    h("b", {}, name),
    h("span", {}, percent(share)),
    fill,
  );
  return h("li", {}, button);
}

function showAgain({ label, again }) {
  const canvas = byId("again");
  draw(canvas, again.picture ?? again.pixels, AGAIN_SCALE, again.view);
  canvas.setAttribute("aria-label", label ? `The model's reconstruction, as ${label}` : "The model's reconstruction");
  const facts = [
    ["Reconstruction error", again.reconstruction_error],
    ["KL", again.kl],
    ["ELBO", again.elbo],
  ];
  byId("nats").replaceChildren(
    ...facts.flatMap(([name, nats]) => [h("dt", {}, name), h("dd", {}, `${shown(nats, 1)} nats`)]),
  );
}

const along = (value) => `${Math.min(100, Math.max(0, ((value + AXIS_REACH) / (2 * AXIS_REACH)) * 100))}%`;

function showLatents({ read: { mu, logvar } }) {
  byId("whiskers").replaceChildren(...mu.map((mean, index) => whisker(index, mean, Math.exp(logvar[index] / 2))));
}

function whisker(index, mean, sigma) {
  const spread = h("span", { className: "spread" });
  spread.style.left = along(mean - sigma);
  spread.style.right = `calc(100% - ${along(mean + sigma)})`;
  const dot = h("span", { className: "mean" });
  dot.style.left = along(mean);
  const name = h("span", { title: axisWord(current(), index) }, `x${index + 1}`);
  return h("li", {}, name, h("span", { className: "axis", aria: { hidden: "true" } }, spread, dot), h("span", { className: "value" }, shown(mean)));
}

// The style

function startTaking() {
  const takeTo = (tab) => () => {
    const { label, read: { mu } } = lastReading;
    set({ z: mu, hand: "", ...(label && { label }), tab });
  };
  byId("use-text").addEventListener("click", takeTo("text"));
  byId("use-glyph").addEventListener("click", takeTo("glyph"));
}
