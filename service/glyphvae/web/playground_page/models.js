// The models that the service has, and the one in use.

import * as api from "./api.js";
import { notice } from "./controls.js";
import { h } from "./dom.js";
import { on, set, state } from "./state.js";

const LATENTS_SHOWN = 6;

let served = [];

/** Asks what is served, once. */
export async function load() {
  served = await api.models();
}

/** The model of this name, undefined where it is not served. */
export const named = (name) => served.find((model) => model.name === name);

/** Models whose name starts with `prefix`. */
export const family = (prefix) => served.filter((model) => model.name.startsWith(prefix));

/** The model in use: the one chosen, or the service's default. */
export const current = () => named(state.model) ?? served.find((model) => model.default);

/** The model's number-th latent in words, empty where nobody has named it. */
export const axisWord = (model, index) => model.metrics.axes?.[index] ?? "";

/** Whether the model's number-th latent goes from one thing to another: the others are the form of the strokes. */
const hasEnds = (model, index) => axisWord(model, index).includes(" to ");

/** Indices of the model's latents, those with ends first, then the most active; as many as the paper shows, or all. */
export function latentOrder(model, all = false) {
  const kl = model.metrics.kl_per_unit ?? [];
  const rank = (index) => (hasEnds(model, index) ? Number.POSITIVE_INFINITY : (kl[index] ?? 0));
  const indices = Array.from({ length: model.latent_size }, (_, index) => index);
  if (model.latent_size > LATENTS_SHOWN) indices.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a)));
  return all ? indices : indices.slice(0, LATENTS_SHOWN);
}

/** What a request says about its model: its name, unless it is the default. */
export const modelName = (model = current()) => (model.default ? undefined : model.name);

/** The label of the state, where the model has labels. */
export const labelOf = (model = current()) => (model.labels.length ? state.label : undefined);

/** The state's latents, as many as the model has. */
export const styleOf = (model = current()) =>
  Array.from({ length: model.latent_size }, (_, index) => state.z[index] ?? 0);

/** Fills the list of models and keeps it in step. A link may name a model that this service does not have. */
export function bindPicker(select) {
  if (state.model && !named(state.model)) {
    notice(`There is no model ${state.model} here. This is ${current().name}.`);
    set({ model: "", z: [], locked: [] });
  }
  const option = (model) => h("option", { value: model.name }, model.name);
  select.append(...served.map(option));
  const show = () => (select.value = current().name);
  select.addEventListener("change", () => {
    const model = named(select.value);
    set({ model: model.default ? "" : model.name, z: [], locked: [] });
  });
  on(["model"], show);
  show();
}

/** The model in use, or the first that has labels. */
export const conditional = () => (current().labels.length ? current() : served.find((model) => model.labels.length));

/** Fills the lists of labels. */
export function bindLabelLists() {
  const fill = () => {
    for (const select of document.querySelectorAll("[data-labels]")) {
      const labels = conditional()?.labels ?? [];
      select.replaceChildren(...labels.map((label) => h("option", { value: label }, label)));
      select.value = state[select.dataset.state];
    }
  };
  on(["model"], fill);
  fill();
}
