// The complete state of the page, which is also the fragment of its address: #tab?name=value&…

import { debounce } from "./dom.js";

const text = { read: (value) => value, write: (value) => value };
const number = { read: (value) => (Number.isFinite(Number(value)) ? Number(value) : undefined), write: String };
const numbers = {
  read: (value) => value.split(",").map(Number).filter(Number.isFinite),
  write: (value) => value.map((item) => Number(item.toFixed(3))).join(","),
};
const flag = { read: (value) => value === "1", write: (value) => (value ? "1" : "0") };
const oneOf = (...allowed) => ({ read: (value) => (allowed.includes(value) ? value : undefined), write: text.write });
const between = (low, high) => ({
  read: (value) => (value !== "" && Number(value) >= low && Number(value) <= high ? Number(value) : undefined),
  write: String,
});

// Letters with their labels: the label's code point, then `s` and strokes, or `i` and an image.
const MAX_LETTERS = 64;
const letters = {
  read: (value) => value.split(",").filter((letter) => /^\d{2,5}[si][\w-]+$/.test(letter)).slice(0, MAX_LETTERS),
  write: (value) => value.join(","),
};

export const TABS = ["glyph", "text", "draw", "explore"];

// Name in the address: initial value, and how it is read and written. Initial values are omitted.
const FIELDS = {
  model: ["", text],
  label: ["J", text],
  z: [[], numbers],
  locked: [[], numbers],
  temperature: [0.7, between(0, 2)],
  view: ["ink", oneOf("ink", "pixels")],
  variations: [1, number],
  text: ["Dear reader\nno pen ever wrote\nthese 3 lines", text],
  seed: [7, number],
  variation: [0.25, between(0, 1.5)],
  ink: ["#1b1a17", text],
  paper: ["#ffffff", text],
  transparent: [false, flag],
  hand: ["", text],
  drift: [1, between(0, 3)],
  lines: ["plain", oneOf("plain", "ruled", "squared")],
  font: [false, flag],
  fontText: ["Hello from a font, written by hand", text],
  width: [0, between(0, 1600)],
  align: ["left", oneOf("left", "centre", "right", "justify")],
  size: [3, between(1, 8)],
  unknown: ["blank", oneOf("blank", "skip", "error")],
  strokes: ["", text],
  image: ["", text],
  as: ["", text],
  letters: [[], letters],
  map: [[0, 0], numbers],
  points: [true, flag],
  from: ["A", text],
  to: ["B", text],
  pair: [1, number],
  path: ["spherical", oneOf("spherical", "linear")],
  steps: [9, between(3, 15)],
  code: ["curl", oneOf("curl", "python")],
};

export const state = { tab: TABS[0] };
const listeners = [];

/** Changes the state and notifies the listeners of the changed names. */
export function set(patch) {
  const changed = Object.keys(patch).filter((name) => !same(state[name], patch[name]));
  if (!changed.length) return;
  Object.assign(state, patch);
  if (changed.includes("tab")) history.pushState(null, "", hash());
  else remember();
  tell(changed);
}

/** Calls `work` after each change of one of `names`. */
export const on = (names, work) => listeners.push({ names, work });

function tell(changed) {
  for (const { names, work } of listeners) if (names.some((name) => changed.includes(name))) work(changed);
}

const same = (a, b) => (Array.isArray(a) ? Array.isArray(b) && a.join() === b.join() : a === b);

/** Returns the state as the fragment of the address. */
export function hash() {
  const parameters = new URLSearchParams();
  for (const [name, [start, codec]] of Object.entries(FIELDS)) {
    if (!same(state[name], start)) parameters.set(name, codec.write(state[name]));
  }
  const query = parameters.toString().replaceAll("%2C", ",");
  return `#${state.tab}${query && `?${query}`}`;
}

/** Returns the address of the page with the current state. */
export const link = () => new URL(hash(), location.href).href;

// Delayed, because browsers allow only about a hundred changes of the address in half a minute.
const remember = debounce(() => history.replaceState(null, "", hash()), 250);

/** Loads the page anew with the current state, which its address holds; never resolves. */
export function reload() {
  history.replaceState(null, "", hash());
  location.reload();
  return new Promise(() => {});
}

function read() {
  const [tab, query = ""] = location.hash.slice(1).split("?");
  const parameters = new URLSearchParams(query);
  const found = { tab: TABS.includes(tab) ? tab : TABS[0] };
  for (const [name, [start, codec]] of Object.entries(FIELDS)) {
    found[name] = (parameters.has(name) ? codec.read(parameters.get(name)) : undefined) ?? start;
  }
  return found;
}

Object.assign(state, read());

// Fired by Back, Forward and a changed address, not by changes of the page itself.
addEventListener("popstate", () => {
  const found = read();
  const changed = Object.keys(found).filter((name) => !same(state[name], found[name]));
  Object.assign(state, found);
  tell(changed);
});
