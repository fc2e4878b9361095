// The Text tab: renders a text in the style of the sliders.

import * as api from "./api.js";
import { codePanel } from "./code.js";
import { byId, download, h, showPicture } from "./dom.js";
import { samplingRequest } from "./glyph.js";
import { LatestRequest } from "./latest_request.js";
import { current, modelName, styleOf } from "./models.js";
import { Sliders } from "./sliders.js";
import { on, set, state } from "./state.js";
import { whileOpen } from "./tabs.js";

const NAMES = [
  "model", "z", "text", "seed", "variation", "ink", "paper", "transparent", "width", "align", "size", "unknown",
];

/** Returns the body of the request for the state's text. */
function textBody() {
  const model = current();
  return {
    text: state.text,
    z: styleOf(model).map((value) => Number(value.toFixed(3))),
    seed: state.seed,
    variation: state.variation,
    unknown: state.unknown,
    ...(state.width && { width: state.width }),
    align: state.align,
    scale: state.size,
    ink: state.ink,
    paper: state.transparent ? "transparent" : state.paper,
    ...(modelName(model) && { model: modelName(model) }),
  };
}

/** Starts the tab. */
export function start() {
  new Sliders(byId("text-latents"));
  startCharacters();
  startWriting();
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
  if (labels.includes("a")) return "Digits, A–Z and a–z.";
  return labels.length ? "Digits and A–Z; small letters become capitals." : "";
}

function startWriting() {
  const image = byId("writing");
  const paper = byId("paper");
  let picture = null;
  const request = new LatestRequest(paper, api.renderText, async (response, { text }) => {
    picture = response.blob;
    await showPicture(image, response.blob);
    image.alt = `Handwriting: ${text}`;
    byId("text-note").textContent = left(response);
    byId("text-download").disabled = false;
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
    byId("text-download").disabled = true;
    return paper.append(h("div", { className: "empty" }, h("p", {}, reason)));
  };
  whileOpen("text", NAMES, ask);
  byId("text-download").addEventListener("click", () => download(picture, "text.png"));
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
