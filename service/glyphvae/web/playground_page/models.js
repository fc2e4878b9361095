// The served models, and the selected one.

import * as api from "./api.js";
import { h, notice } from "./dom.js";
import { on, set, state } from "./state.js";

const LATENTS_SHOWN = 6;

let served = [];

/** Loads the list of models; a link may name one that is not served. */
export async function load() {
  served = await api.models();
  if (!state.model || named(state.model)) return;
  notice(`The model ${state.model} is not served. Using ${current().name}.`);
  set({ model: "", z: [], locked: [], hand: "" });
}

/** Returns the model of this name, undefined if it is not served. */
export const named = (name) => served.find((model) => model.name === name);

/** Returns the models that differ from `model` in beta alone, itself included, in the order of their betas. */
export const seriesOf = (model) =>
  served.filter((other) => other === model || (model.series && other.series === model.series)).sort((a, b) => a.beta - b.beta);

/** Returns the largest of the served series, the first of several; empty if no two models differ in beta alone. */
export const largestSeries = () =>
  served.map(seriesOf).reduce((largest, series) => (series.length > Math.max(1, largest.length) ? series : largest), []);

/** Returns the service's default model. */
export const standard = () => served.find((model) => model.default);

/** Returns the selected model, or the service's default. */
export const current = () => named(state.model) ?? standard();

/** Returns the name of a latent, empty if it has none. */
export const axisWord = (model, index) => model.metrics.axes?.[index] ?? "";

/** Returns whether a latent's name describes both ends, such as "narrow to wide". */
const hasEnds = (model, index) => axisWord(model, index).includes(" to ");

/** Returns which part of a style a latent is, "Hand" or "Form"; empty if the model has no hand. */
export function partOf(model, index) {
  const hand = model.config.hand_size ?? 0;
  if (!hand) return "";
  return index < hand ? "Hand" : "Form";
}

/** Returns indices of latents, the hand's first unless a hand is in use, those with named ends first, then the most active: six of them, or all. */
export function latentOrder(model, all = false) {
  const kl = model.metrics.kl_per_unit ?? [];
  const part = (index) => Number(partOf(model, index) === "Form");
  const rank = (index) => (hasEnds(model, index) ? Number.POSITIVE_INFINITY : (kl[index] ?? 0));
  const isFree = (index) => !handOf(model) || partOf(model, index) !== "Hand";
  const indices = Array.from({ length: model.latent_size }, (_, index) => index).filter(isFree);
  if (model.latent_size > LATENTS_SHOWN) {
    indices.sort((a, b) => part(a) - part(b) || (rank(a) === rank(b) ? a - b : rank(b) - rank(a)));
  }
  return all ? indices : indices.slice(0, LATENTS_SHOWN);
}

/** Returns the model's name for a request, undefined for the default model. */
export const modelName = (model = current()) => (model.default ? undefined : model.name);

/** Returns `label` if the model knows it, or else its capital, or else the first; undefined if the model has none. */
export const knownLabel = (label, { labels } = current()) =>
  [label, label.toUpperCase()].find((one) => labels.includes(one)) ?? labels[0];

/** Returns the label of the state as the model knows it, undefined if the model has no labels. */
export const labelOf = (model = current()) => knownLabel(state.label, model);

/** Returns a label as it is shown: a mark that stands above or below a letter has a dotted circle in its place. */
export const shownLabel = (label) => (/^\p{M}/u.test(label) ? `◌${label}` : label);

/** Returns whether the model's images are painted from strokes, so that they are sharp at any scale. */
export const drawsStrokes = (model = current()) => Boolean(model.strokes);

/** Returns the hand in use, undefined if the sliders say the style. */
export const handOf = (model = current()) => (model.config.hand_size && state.hand) || undefined;

/** Returns the selected model if it has a hand, or the first model with one. */
export const withHand = () => (current().config.hand_size ? current() : served.find((model) => model.config.hand_size));

/** Selects a model, and discards the style of the one before. */
export const select = (model, patch = {}) => set({ model: modelName(model) ?? "", z: [], locked: [], hand: "", ...patch });

/** Returns the latents of the state, as many as the model has. */
export const styleOf = (model = current()) =>
  Array.from({ length: model.latent_size }, (_, index) => state.z[index] ?? 0);

/** Returns the parameters of latents, null for those to be sampled; those of the hand are of the hand in use. */
export function styleQuery(z, model = current(), hand = handOf(model)) {
  const isOfHand = (index) => hand && index < model.config.hand_size;
  return { hand, z: api.latents(z.map((value, index) => (isOfHand(index) ? null : value))) };
}

/** Returns the query for the glyph of the state. */
export const glyphQuery = (model = current()) => ({ label: labelOf(model), ...styleQuery(styleOf(model), model), model: modelName(model) });

/** Fills the list of models and binds it to the state. */
export function bindPicker(picker) {
  picker.append(...groups().map(([label, , models]) => h("optgroup", { label }, models.map(option))));
  const show = () => (picker.value = current().name);
  picker.addEventListener("change", () => select(named(picker.value)));
  on(["model"], show);
  show();
}

const isPaper = (model) => seriesOf(model).length > 1 && !model.strokes;

// The groups of models: name, what is said of them, and which they are.
const KINDS = [
  ["Pen strokes, sharp at every size", "draws pen strokes, sharp at every size. It also writes pages and makes fonts.", (model) => model.strokes],
  ["The paper's, which differ in β", "is a conditional VAE as in the paper, of 28×28 pixels. The group differs in β alone, the weight of the KL in training.", isPaper],
  ["Pixels, chosen by label", "draws characters of 28×28 pixels: the label says which, the latents how.", (model) => model.labels.length],
  ["Pixels, without labels", "draws characters of 28×28 pixels without a label: the latents alone say which, and how.", () => true],
];
const kindOf = (model) => KINDS.find(([, , holds]) => holds(model));

const option = (model) => h("option", { value: model.name, title: model.summary }, model.name);

/** Returns the groups that have models: name, what is said of them, and the models. */
const groups = () =>
  KINDS.map((kind) => [...kind.slice(0, 2), served.filter((model) => kindOf(model) === kind)]).filter(([, , models]) => models.length);

/** Lists the groups of models, each with what is said of it. */
export const listGroups = (list) =>
  list.append(
    ...groups().flatMap(([label, words, models]) => [
      h("dt", {}, label),
      h("dd", {}, `${models.map((model) => model.name).join(", ")}. Each ${words}`),
    ]),
  );

/** Says below the bar what the selected model is, with a button for the paper's model and one back. */
export function describe(words, button) {
  const paper = largestSeries().find((model) => isPaper(model) && model.beta === 1);
  const other = () => (current() === paper ? standard() : paper);
  const show = () => {
    words.replaceChildren(h("b", {}, current().name), ` ${kindOf(current())[1]}`);
    button.hidden = !other() || other() === current();
    button.textContent = current() === paper ? `Back to ${standard().name}` : "Try the paper’s model";
  };
  button.addEventListener("click", () => select(other()));
  on(["model"], show);
  show();
}

/** Returns the selected model if it has labels, or the first model with labels. */
export const conditional = () => (current().labels.length ? current() : served.find((model) => model.labels.length));

/** Fills the lists of labels. */
export function bindLabelLists() {
  const fill = () => {
    for (const select of document.querySelectorAll("[data-labels]")) {
      const labels = conditional()?.labels ?? [];
      select.replaceChildren(...labels.map((label) => h("option", { value: label }, shownLabel(label))));
      if (labels.length) select.value = knownLabel(state[select.dataset.state], conditional());
    }
  };
  on(["model", "label", "from", "to"], fill);
  fill();
}
