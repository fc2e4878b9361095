// "Use my letters": letters that were drawn or photographed one by one, and the hand that wrote them.

import * as api from "./api.js";
import { byId, h, showPicture } from "./dom.js";
import { drawOn, toPng } from "./drawing.js";
import { LatestRequest } from "./latest_request.js";
import { missing } from "./missing.js";
import { current, handOf, modelName, select, withHand } from "./models.js";
import { readPicture } from "./picture.js";
import { on, set, state, whileOpen } from "./state.js";
import { read } from "./strokes.js";
import { SVG_TYPE } from "./text_request.js";

// They show most of the forms in which hands differ: a bowl and a leg, a loop, a tail, an arch, two stems.
const BEST = ["R", "a", "e", "g", "n", "H"];
const ENOUGH = 5;
const THUMB_SIDE = 144;
// Of the certainty that the service tells; five letters reach 0.3 to 0.6.
const [FAIR, GOOD] = [0.3, 0.5];
const SAMPLE_LENGTH = 40;
const SAMPLE_SCALE = 2;

let found = null;

/** Starts the section. */
export function startLetters() {
  const section = byId("letters-section");
  if (!withHand()) return missing(section, "The service has no model with a hand, such as ", h("b", {}, "pen"), ".");
  startGiving();
  const request = new LatestRequest(byId("found"), findHand, showHand);
  const show = async () => {
    const letters = await Promise.all(state.letters.map(parse));
    showStrip(letters);
    if (letters.length) return request.ask({ letters, model: withHand() });
    request.clear();
    return showNone();
  };
  whileOpen("draw", ["letters", "model"], show);
  byId("use-hand").addEventListener("click", useHand);
  return byId("letters-clear").addEventListener("click", (event) => {
    set({ letters: [] });
    keepFocus(event);
  });
}

/** Returns the label and the drawing of a letter of the state. */
async function parse(letter) {
  const [, point, kind, data] = /^(\d+)([si])(.*)$/.exec(letter);
  const label = String.fromCodePoint(Number(point));
  return kind === "s" ? { label, strokes: read(data) } : { label, image: data, picture: await readPicture(data) };
}

// A button that is gone loses the focus. Those who touch it would be shown a keyboard, so only keys move the focus.
const keepFocus = ({ detail }) => detail || byId("letter-label").focus();

const labels = () => state.letters.map((letter) => String.fromCodePoint(Number.parseInt(letter, 10)));
const remaining = () => BEST.filter((label) => withHand().labels.includes(label) && !labels().includes(label));

// Giving a letter

function startGiving() {
  const field = byId("letter-label");
  const button = byId("letter-add");
  const label = () => [...field.value.trim()][0] ?? "";
  const show = () => {
    const isKnown = withHand().labels.includes(label());
    button.disabled = !isKnown || !(state.strokes || state.image);
    const isWrong = Boolean(label()) && !isKnown;
    button.textContent = isWrong ? `The model has no ${label()}` : `Add ${label()} to my letters`;
    field.setAttribute("aria-invalid", String(isWrong));
  };
  const suggest = () => {
    [field.value = ""] = remaining();
    show();
  };
  const add = (event) => {
    const drawing = state.strokes ? `s${state.strokes}` : `i${state.image}`;
    set({ letters: [...state.letters, `${label().codePointAt(0)}${drawing}`], strokes: "", image: "", as: "" });
    keepFocus(event);
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => event.key === "Enter" && !button.disabled && add(event));
  button.addEventListener("click", add);
  on(["letters"], suggest);
  on(["strokes", "image", "model"], show);
  suggest();
}

/** Takes the label of a letter from the name of its file: `R.png`. */
export function nameLetter(name = "") {
  const [stem] = name.split(".");
  const field = byId("letter-label");
  if (!field || [...stem].length !== 1) return;
  field.value = stem;
  field.dispatchEvent(new Event("input"));
}

// The strip

function showStrip(letters) {
  const isAsked = letters.length < ENOUGH ? remaining().slice(0, ENOUGH - letters.length) : [];
  byId("letters").replaceChildren(...letters.map(card), ...isAsked.map(asked));
}

function card({ label, ...drawing }, index) {
  const look = drawing.picture ? "ink photograph" : "ink";
  const canvas = h("canvas", { className: look, width: THUMB_SIDE, height: THUMB_SIDE, aria: { hidden: "true" } });
  drawOn(canvas.getContext("2d"), THUMB_SIDE, drawing);
  const remove = (event) => {
    set({ letters: state.letters.filter((_, place) => place !== index) });
    keepFocus(event);
  };
  const button = h("button", { type: "button", title: "Remove", aria: { label: `Remove ${label}` }, onclick: remove }, "✕");
  return h("li", { className: "letter" }, canvas, h("p", {}, h("b", {}, label), button));
}

const asked = (label, index) =>
  h("li", { className: "letter asked", aria: { hidden: "true" } }, h("b", {}, label), h("p", {}, index ? "later" : "next"));

// The hand

async function findHand({ letters, model }) {
  const query = { label: letters.map(({ label }) => label), model: modelName(model) };
  const hand = await api.findHand(query, await Promise.all(letters.map(toPng)));
  const [line] = state.text.trim().split("\n");
  const text = (line || "Dear reader").slice(0, SAMPLE_LENGTH);
  const style = { hand: hand.hand, seed: state.seed, unknown: "skip", model: query.model };
  const look = { ink: "#000000", paper: "transparent", scale: SAMPLE_SCALE };
  const { blob } = await api.renderText({ text, ...style, ...look }, SVG_TYPE);
  return { ...hand, text, blob };
}

async function showHand(hand, { model }) {
  if (!state.letters.length) return showNone();
  // The hand in use follows its letters.
  const isInUse = found !== null && handOf(model) === found.hand;
  found = hand;
  if (isInUse) set({ hand: hand.hand });
  hand.letters.forEach(({ disagrees }, index) => mark(byId("letters").children[index], disagrees));
  const image = byId("found-text");
  await showPicture(image, hand.blob);
  image.alt = `In your hand: ${hand.text}`;
  byId("found-full").hidden = false;
  byId("found-words").textContent = [sureness(hand), difference(hand)].filter(Boolean).join(" ");
  return image.dispatchEvent(new CustomEvent("drawn", { bubbles: true, detail: hand }));
}

function mark(letter, disagrees) {
  letter.classList.toggle("differs", disagrees);
  if (disagrees) letter.append(h("p", {}, "differs"));
}

function showNone() {
  found = null;
  byId("found-full").hidden = true;
  byId("found-words").textContent = "";
}

/** Says how sure the hand is. */
function sureness({ certainty, letters: { length } }) {
  const word = certainty < FAIR ? "not yet sure" : certainty < GOOD ? "fairly sure" : "sure";
  const more = length < ENOUGH ? " More letters tell more." : "";
  const count = length === 1 ? "one letter tells" : `${length} letters tell`;
  return `The model is ${word} of your hand: ${count} ${Math.round(certainty * 100)} % of it.${more}`;
}

/** Says which letter disagrees, empty if none does. */
function difference({ letters }) {
  const letter = letters.find(({ disagrees }) => disagrees);
  return letter ? `The ${letter.label} differs most from the others: if it is not as you usually write it, or is another letter, remove it and give it again.` : "";
}

function useHand() {
  const model = withHand();
  const patch = { hand: found.hand, tab: "text" };
  if (model === current()) set(patch);
  else select(model, patch);
}
