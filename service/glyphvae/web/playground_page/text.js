// The Text tab: a text in the style of the sliders, as one picture.

import * as api from "./api.js";
import { codePanel } from "./code.js";
import { byId, download, h, showPicture } from "./dom.js";
import { samplingLane } from "./glyph.js";
import { Lane } from "./lane.js";
import { current, modelName, styleOf } from "./models.js";
import { Sliders } from "./sliders.js";
import { set, state } from "./state.js";
import { whileOpen } from "./tabs.js";

const NAMES = [
  "model", "z", "text", "seed", "variation", "ink", "paper", "transparent", "width", "align", "size", "unknown",
];

/** The request that writes the state's text. */
function order() {
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
  startWriting();
  byId("text-sample").addEventListener("click", samplingLane(byId("text-style")));
  byId("text-again").addEventListener("click", () => set({ seed: (state.seed + 1) % 1_000_000 }));
  codePanel(byId("text-code"), NAMES, () => ({ path: "render-text", json: order(), file: "text.png" }));
}

function startWriting() {
  const image = byId("writing");
  const paper = byId("paper");
  let picture = null;
  const lane = new Lane(paper, api.renderText, async (answer, { text }) => {
    picture = answer.blob;
    await showPicture(image, answer.blob);
    image.alt = `Handwriting: ${text}`;
    byId("text-note").textContent = left(answer);
    byId("text-download").disabled = false;
    image.dispatchEvent(new CustomEvent("drawn", { bubbles: true, detail: { text } }));
  });
  const ask = () => {
    const reason = obstacle();
    paper.classList.toggle("clear", state.transparent);
    paper.style.backgroundColor = state.transparent ? "" : state.paper;
    paper.querySelector(".empty")?.remove();
    // A page without a style is about to get one.
    if (!reason) return state.z.length && lane.ask(order());
    lane.clear();
    image.hidden = true;
    byId("text-note").textContent = "";
    byId("text-download").disabled = true;
    return paper.append(h("div", { className: "empty" }, h("p", {}, reason)));
  };
  whileOpen("text", NAMES, ask);
  byId("text-download").addEventListener("click", () => download(picture, "text.png"));
}

/** Why there is nothing to write, empty where there is something. */
function obstacle() {
  if (!current().labels.length) return `The model ${current().name} has no labels, so it cannot write text.`;
  return state.text.trim() ? "" : "Type something, and it appears here.";
}

/** What became of characters that the model cannot write. */
function left({ unknown }) {
  if (!unknown) return "";
  const characters = unknown === 1 ? "One character" : `${unknown} characters`;
  return `${characters} the model cannot write: ${state.unknown === "skip" ? "skipped" : "left blank"}.`;
}
