// The Text tab: renders a text in the style of the sliders.

import * as api from "./api.js";
import { codePanel } from "./code.js";
import { byId, h, showPicture } from "./dom.js";
import { samplingRequest } from "./glyph.js";
import { startLater } from "./later.js";
import { LatestRequest } from "./latest_request.js";
import { current, drawsStrokes, handOf } from "./models.js";
import { Sliders } from "./sliders.js";
import { on, set, state, whileOpen } from "./state.js";
import { startFiles } from "./text_files.js";
import { SVG_TYPE, textBody } from "./text_request.js";

const NAMES = [
  "model", "z", "hand", "text", "seed", "variation", "drift", "ink", "paper", "transparent", "width", "align", "size", "unknown",
];

/** Starts the tab. */
export function start() {
  new Sliders(byId("text-latents"));
  startCharacters();
  startWriting();
  startHand();
  startFiles();
  startFont();
  byId("text-sample").addEventListener("click", samplingRequest(byId("text-style")));
  byId("text-again").addEventListener("click", () => set({ seed: (state.seed + 1) % 1_000_000 }));
  codePanel(byId("text-code"), NAMES, () => ({ path: "render-text", json: textBody(), file: "text.png" }));
}

function startCharacters() {
  const show = () => (byId("text-characters").textContent = characters(current()));
  on(["model"], show);
  show();
}

/** Returns which characters a model writes. */
function characters({ labels }) {
  if (labels.some((label) => /^\p{M}/u.test(label))) return "Digits, letters, accents and punctuation.";
  const kinds = { 0: "Digits", A: "A–Z", a: "a–z" };
  const known = Object.keys(kinds).filter((label) => labels.includes(label)).map((label) => kinds[label]);
  const become = labels.includes("A") && !labels.includes("a") ? "; small letters become capitals" : "";
  return known.length ? `${new Intl.ListFormat("en-GB").format(known)}${become}.` : "";
}

function startWriting() {
  const image = byId("writing");
  const paper = byId("paper");
  // Vectors are sharp at every zoom.
  const render = (body) => api.renderText(body, drawsStrokes() ? SVG_TYPE : undefined);
  const request = new LatestRequest(paper, render, async (response, { text }) => {
    await showPicture(image, response.blob);
    image.alt = `Handwriting: ${text}`;
    byId("text-note").textContent = left(response);
    byId("text-files").disabled = false;
    image.dispatchEvent(new CustomEvent("drawn", { bubbles: true, detail: { text } }));
  });
  const ask = () => {
    const reason = obstacle();
    paper.classList.toggle("clear", state.transparent);
    paper.style.backgroundColor = state.transparent ? "" : state.paper;
    paper.querySelector(".empty")?.remove();
    // Without a style there is nothing to do yet: the page is about to sample one.
    if (!reason) return state.z.length && request.ask(textBody());
    request.clear();
    image.hidden = true;
    byId("text-note").textContent = "";
    byId("text-files").disabled = true;
    return paper.append(h("div", { className: "empty" }, h("p", {}, reason)));
  };
  whileOpen("text", NAMES, ask);
}

/** Hides the sliders while a hand is in use, and what only models with strokes have. */
function startHand() {
  const show = () => {
    byId("text-latents").hidden = byId("text-sample").hidden = Boolean(handOf());
    for (const element of document.querySelectorAll("#text .of-strokes")) element.hidden = !drawsStrokes();
  };
  on(["model", "hand"], show);
  show();
}

/** Loads the line that is set in the font of the hand once it is asked for. */
function startFont() {
  let isLoaded = false;
  const show = () => {
    byId("font").hidden = !state.font;
    byId("font-make").hidden = state.font;
    if (isLoaded || !state.font || !drawsStrokes()) return;
    isLoaded = true;
    startLater(byId("font"), () => import("./font.js"));
  };
  whileOpen("text", ["font", "model"], show);
  byId("font-make").addEventListener("click", () => {
    set({ font: true });
    byId("font-text").focus();
  });
}

/** Returns the reason why there is nothing to render, empty if there is none. */
function obstacle() {
  if (!current().labels.length) return `The model ${current().name} has no labels, so it cannot write text.`;
  return state.text.trim() ? "" : "Type a text, and it appears here.";
}

/** Returns a note on characters that the model cannot write. */
function left({ unknown }) {
  if (!unknown) return "";
  const characters = unknown === 1 ? "One character" : `${unknown} characters`;
  return `${characters} that the model cannot write: ${state.unknown === "skip" ? "skipped" : "left blank"}.`;
}
