// Named styles before the latents, and a way back from changes of style and text.

import { debounce, h } from "./dom.js";
import { axisWord, current, handOf, partOf } from "./models.js";
import { on, set, state } from "./state.js";

// How far a named style is from the average, in standard deviations: seen at once, and legible.
const FAR = 1.5;
const OPENING = 0.7;
const EVEN = { variation: 0.2, drift: 0.5 };
// Changes within this time are one, as of a slider that is dragged.
const REST_MS = 400;
const MOST_STEPS = 100;
const UNDONE = ["z", "hand", "label", "text", "seed", "variation", "drift", "model"];

// Names, the ends of latents that make them, and how evenly they write.
const NAMED = [
  ["Neat", [], { variation: 0.1, drift: 0.3 }],
  ["Hurried", ["leaning right", "narrow"], { variation: 0.45, drift: 2 }],
  ["Bold", ["thick strokes"], EVEN],
  ["Fine", ["thin strokes"], EVEN],
  ["Upright", ["leaning left"], EVEN],
  ["Slanted", ["leaning right"], EVEN],
  ["Wide", ["wide"], EVEN],
  ["Narrow", ["narrow"], EVEN],
];

/** Returns the latent, of the hand if the model has one, whose name has an end that begins with `end`, and its sign. */
function latentTo(model, end) {
  for (let index = 0; index < model.latent_size && partOf(model, index) !== "Form"; index += 1) {
    const place = axisWord(model, index).split(" to ").findIndex((one) => one.startsWith(end));
    if (place >= 0) return { index, value: place ? FAR : -FAR };
  }
  return null;
}

/** Returns the latents of a named style, null if the model's latents have no such names. */
function latentsOf(model, ends) {
  const found = ends.map((end) => latentTo(model, end));
  if (found.includes(null)) return null;
  const z = Array(model.latent_size).fill(0);
  for (const { index, value } of found) z[index] = value;
  return z;
}

/** Returns the style that a visit opens with: the average with a finer pen, if the model's latents tell of one. */
export const openingStyle = (model) =>
  (latentsOf(model, ["thin strokes"]) ?? Array(model.latent_size).fill(0)).map((value) => value && (value * OPENING) / FAR);

/** Fills `panel` with the named styles of the selected model. */
export function nameStyles(panel) {
  const show = () => {
    const model = current();
    const buttons = NAMED.map(([name, ends, evenness]) => [name, latentsOf(model, ends), evenness])
      .filter(([, z]) => z)
      .map(([name, z, evenness]) => h("button", { type: "button", onclick: () => set({ z, hand: "", ...evenness }) }, name));
    panel.replaceChildren(...buttons);
    // The average alone is no choice, and a hand in use is one.
    panel.hidden = buttons.length < 2 || Boolean(handOf());
  };
  on(["model", "hand"], show);
  show();
}

/** Binds the buttons that take back the last change of style or text. */
export function startUndo() {
  const steps = [];
  const snapshot = () => Object.fromEntries(UNDONE.map((name) => [name, state[name]]));
  const buttons = [...document.querySelectorAll("[data-undo]")];
  const show = () => buttons.forEach((button) => (button.disabled = !steps.length));
  let settled = snapshot();
  let isPending = false;
  const settle = debounce(() => {
    isPending = false;
    settled = snapshot();
  }, REST_MS);
  const isSame = (one) => UNDONE.every((name) => String(one[name]) === String(state[name]));
  on(UNDONE, () => {
    if (isSame(settled)) return;
    // The first style of a visit or of a model is nobody's choice.
    if (!isPending && settled.z.length) steps.push(settled);
    steps.splice(0, steps.length - MOST_STEPS);
    isPending = true;
    settle();
    show();
  });
  const undo = () => {
    settled = steps.pop();
    isPending = false;
    set(settled);
    show();
  };
  for (const button of buttons) button.addEventListener("click", undo);
  addEventListener("keydown", (event) => {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z";
    if (!isUndo || !steps.length || !["glyph", "text"].includes(state.tab) || event.target.matches("textarea, input[type=text]")) return;
    event.preventDefault();
    undo();
  });
  show();
}
