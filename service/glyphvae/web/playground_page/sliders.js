// The style sliders: one per latent, with a lock, a name and, in the Glyph tab, a strip that shows its effect.

import { h, shown } from "./dom.js";
import { draw } from "./ink.js";
import { axisWord, current, latentOrder, partOf, styleOf } from "./models.js";
import { on, set, state } from "./state.js";

// Three standard deviations hold 99.7 % of the prior; the latents of a drawing may be beyond them.
const REACH = 3;
const API_REACH = 10;
const KEY_STEP = 0.1;
export const STRIP_SCALE = 3;
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

/** Returns the range of the sliders: 3, or more if the style needs it. */
export const reach = () => Math.min(API_REACH, Math.max(REACH, ...state.z.map((value) => Math.ceil(Math.abs(value)))));

/** A panel of sliders that follows the state. */
export class Sliders {
  #all = false;

  /**
   * @param panel Element to fill.
   * @param steps Number of glyphs in the strip above each slider, 0 for none.
   * @param modelOf Returns the model whose latents these are; names apply only to those of the selected model.
   */
  constructor(panel, steps = 0, modelOf = current) {
    this.panel = panel;
    this.steps = steps;
    this.modelOf = modelOf;
    this.isNamed = modelOf === current;
    this.rows = [];
    on(["model", "hand"], () => this.#build());
    on(["z", "locked"], () => this.#show());
    this.#build();
  }

  /** The indices of the shown latents. */
  get indices() {
    return this.rows.map((row) => row.index);
  }

  /** Fills the strips: for each shown latent, the glyphs from one end of the slider to the other. */
  fillStrips(strips) {
    strips.forEach((glyphs, place) => {
      const { strip } = this.rows[place] ?? {};
      glyphs.forEach((glyph, step) => strip && draw(strip.children[step], glyph, STRIP_SCALE));
    });
  }

  #build() {
    const model = this.modelOf();
    this.rows = latentOrder(model, this.#all).map((index) => this.#row(model, index));
    const hidden = model.latent_size - this.rows.length;
    const more = h("button", { type: "button", onclick: () => this.#showAll() }, `Show ${hidden} more`);
    this.panel.replaceChildren(...this.#headed(model), ...(hidden > 0 ? [more] : []));
    this.#show();
  }

  /** The rows, the first of the hand and of the form below a heading, if the sliders are of one model. */
  #headed(model) {
    const part = ({ index }) => (this.isNamed ? partOf(model, index) : "");
    return this.rows.flatMap((row, place) => {
      const begins = part(row) && (!place || part(this.rows[place - 1]) !== part(row));
      return begins ? [h("h3", {}, part(row)), row.element] : [row.element];
    });
  }

  #showAll() {
    this.#all = true;
    this.#build();
    this.panel.dispatchEvent(new Event("rebuilt"));
  }

  #row(model, index) {
    const name = `x${index + 1}`;
    const word = this.isNamed ? axisWord(model, index) : "";
    const id = `${this.panel.id}-${name}`;
    const input = h("input", { id, type: "range", step: "0.01", oninput: () => move(index, input.valueAsNumber) });
    input.addEventListener("keydown", (event) => stepByKey(event, index, input));
    const output = h("output", { htmlFor: id });
    const lock = h("button", {
      type: "button",
      className: "lock",
      aria: { label: `Lock ${name}` },
      title: "New samples keep a locked latent",
      onclick: () => toggleLock(index),
    });
    const strip = this.steps ? this.#strip(index) : null;
    const [low, high] = word.split(" to ");
    const words = h("span", { className: high ? "unseen" : "" }, ` ${word}`);
    const label = h("label", { htmlFor: id }, h("b", {}, name), ...(word ? [words] : []));
    const head = h("div", { className: "latent-head" }, label, output, lock);
    const element = h("div", { className: "latent" }, head, ...(strip ? [strip] : []), input, ...(high ? [ends(low, high)] : []));
    return { index, element, input, output, lock, strip };
  }

  // A shortcut for the mouse; with the keyboard, the slider does the same.
  #strip(index) {
    const cells = Array.from({ length: this.steps }, () => h("canvas", { className: "ink", width: 84, height: 84 }));
    const strip = h("div", { className: "strip", aria: { hidden: "true" } }, cells);
    strip.addEventListener("click", ({ target }) => {
      const step = cells.indexOf(target);
      if (step >= 0) move(index, stripValues(this.steps)[step]);
    });
    return strip;
  }

  #show() {
    const z = styleOf(this.modelOf());
    const far = reach();
    for (const { index, input, output, lock } of this.rows) {
      input.min = -far;
      input.max = far;
      input.value = z[index];
      output.value = shown(z[index]);
      input.setAttribute("aria-valuetext", output.value);
      lock.setAttribute("aria-pressed", String(state.locked.includes(index + 1)));
    }
  }
}

// Hidden from screen readers, because the label contains the same words.
const ends = (low, high) => h("p", { className: "ends", aria: { hidden: "true" } }, h("span", {}, low), h("span", {}, high));

/** Returns the values of the latent at which a strip of `steps` glyphs shows it. */
export const stripValues = (steps) => Array.from({ length: steps }, (_, step) => ((2 * step) / (steps - 1) - 1) * reach());

function move(index, value) {
  const length = Math.max(state.z.length, index + 1);
  set({ z: Array.from({ length }, (_, place) => (place === index ? value : (state.z[place] ?? 0))) });
}

function stepByKey(event, index, input) {
  if (!(event.key in STEPS)) return;
  event.preventDefault();
  const step = STEPS[event.key] * KEY_STEP * (event.shiftKey ? 0.1 : 1);
  const value = Math.min(Number(input.max), Math.max(Number(input.min), input.valueAsNumber + step));
  move(index, Number(value.toFixed(2)));
}

function toggleLock(index) {
  const number = index + 1;
  const others = state.locked.filter((locked) => locked !== number);
  set({ locked: others.length === state.locked.length ? [...others, number].sort((a, b) => a - b) : others });
}

/** Returns the latents of the state, with null for those that are not locked. */
export const lockedLatents = () => styleOf().map((value, index) => (state.locked.includes(index + 1) ? value : null));
