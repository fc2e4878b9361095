// Styles that were liked: kept by the browser, and shown as small pictures.

import * as api from "./api.js";
import { h, keep, kept } from "./dom.js";
import { draw } from "./ink.js";
import { LatestRequest } from "./latest_request.js";
import { drawsStrokes, knownLabel, modelName, named, standard, styleQuery } from "./models.js";
import { on, set, state } from "./state.js";

const NAME = "glyphvae.liked";
const MOST = 24;
const SCALE = 3;
const LABEL = "R";
const PARTS = ["model", "z", "hand"];

/** Returns the kept styles, none if they are damaged. */
function read() {
  try {
    return JSON.parse(kept("localStorage", NAME)).filter(isStyle).slice(0, MOST);
  } catch {
    return [];
  }
}

const isStyle = ({ model, z, hand }) => typeof model === "string" && typeof hand === "string" && z.every(Number.isFinite);

let liked = read();

/** Returns a style as text, by which it is known again. */
const keyOf = (style) => JSON.stringify(PARTS.map((part) => style[part]));

/** Returns the style of the state, its latents as the address has them. */
const now = () => ({ model: modelName() ?? "", z: state.z.map((value) => Number(value.toFixed(3))), hand: state.hand });

/** Returns the model that a style belongs to, undefined if it is not served. */
const modelOf = ({ model }) => (model ? named(model) : standard());

function change(styles) {
  liked = styles;
  keep("localStorage", NAME, JSON.stringify(liked));
  dispatchEvent(new Event("likedchange"));
}

const without = (key) => liked.filter((style) => keyOf(style) !== key);

/** Fills `panel` with a star, which keeps the style or gives it up, and with the styles that were kept. */
export function startLiked(panel) {
  const star = h("button", { type: "button", className: "star", onclick: () => toggle() });
  const list = h("ul", { aria: { label: "Styles you liked" } });
  panel.append(star, list);
  const toggle = () => {
    const key = keyOf(now());
    change(isLiked() ? without(key) : [...liked, now()].slice(-MOST));
  };
  const isLiked = () => liked.some((style) => keyOf(style) === keyOf(now()));
  const showStar = () => {
    star.setAttribute("aria-pressed", String(isLiked()));
    star.textContent = isLiked() ? "★ Kept" : "☆ Keep this style";
  };
  const request = new LatestRequest(panel, (styles) => Promise.all(styles.map(picture)), (glyphs) => {
    glyphs.forEach((glyph, place) => list.children[place] && draw(list.children[place].querySelector("canvas"), glyph, SCALE));
    list.dispatchEvent(new CustomEvent("drawn", { bubbles: true, detail: glyphs.length }));
  }, true);
  const show = () => {
    const shown = liked.filter(modelOf);
    list.replaceChildren(...shown.map((style, index) => card(style, index, star)));
    showStar();
    if (shown.length) request.ask(shown);
  };
  on(PARTS, showStar);
  addEventListener("likedchange", show);
  // Changed in another window.
  addEventListener("storage", ({ key }) => {
    if (key !== NAME) return;
    liked = read();
    show();
  });
  show();
}

function card(style, index, star) {
  const remove = () => {
    change(without(keyOf(style)));
    // A button that is gone loses the focus.
    star.focus();
  };
  const canvas = h("canvas", { className: "ink", width: 84, height: 84, aria: { hidden: "true" } });
  const use = h("button", { type: "button", aria: { label: `Use kept style ${index + 1}` }, onclick: () => set({ ...style, locked: [] }) }, canvas);
  use.addEventListener("keydown", ({ key }) => key === "Delete" && remove());
  const drop = h("button", { type: "button", className: "drop", title: "Remove", aria: { label: `Remove kept style ${index + 1}` }, onclick: remove }, "✕");
  return h("li", {}, use, drop);
}

/** Requests the picture of a style: an image if its model draws strokes, pixels otherwise. */
async function picture(style) {
  const model = modelOf(style);
  const z = Array.from({ length: model.latent_size }, (_, index) => style.z[index] ?? 0);
  const query = { label: knownLabel(LABEL, model), ...styleQuery(z, model, style.hand), model: modelName(model) };
  const [glyph] = await (drawsStrokes(model) ? api.generatePictures(query, SCALE) : api.generatePixels(query));
  return glyph;
}
