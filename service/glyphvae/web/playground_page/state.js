// The complete state of the page, which is also the fragment of its address: #tab?name=value&…

import { debounce, keep, kept } from "./dom.js";

const text = { read: (value) => value, write: (value) => value };
const shortText = (length) => ({ read: (value) => value.slice(0, length), write: text.write });
const colour = { read: (value) => (/^#[\da-f]{6}$/i.test(value) ? value : undefined), write: text.write };
const within = (low, high) => (value) => Math.min(high, Math.max(low, value));
const numbers = (low, high) => ({
  read: (value) => value.split(",").map(Number).filter(Number.isFinite).map(within(low, high)),
  write: (value) => value.map((item) => Number(item.toFixed(3))).join(","),
});
const flag = { read: (value) => value === "1", write: (value) => (value ? "1" : "0") };
const oneOf = (...allowed) => ({ read: (value) => (allowed.includes(value) ? value : undefined), write: text.write });
// What is out of range becomes the nearest that is not.
const between = (low, high) => ({
  read: (value) => (value.trim() && Number.isFinite(Number(value)) ? within(low, high)(Number(value)) : undefined),
  write: String,
});
const whole = (low, high) => ({
  read: (value) => {
    const number = between(low, high).read(value);
    return number === undefined ? undefined : Math.round(number);
  },
  write: String,
});
const MOST = 1_000_000;

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
  z: [[], numbers(-10, 10)],
  locked: [[], numbers(1, 64)],
  temperature: [0.7, between(0, 2)],
  view: ["ink", oneOf("ink", "pixels")],
  variations: [1, whole(0, MOST)],
  text: ["Dear reader\nno pen ever wrote\nthese 3 lines", shortText(2000)],
  // A seed whose lines are level and even.
  seed: [12, whole(0, MOST)],
  variation: [0.2, between(0, 0.6)],
  ink: ["#1b1a17", colour],
  paper: ["#ffffff", colour],
  transparent: [false, flag],
  hand: ["", text],
  drift: [0.5, between(0, 3)],
  lines: ["plain", oneOf("plain", "ruled", "squared")],
  font: [false, flag],
  fontText: ["Hello from a font, written by hand", shortText(300)],
  width: [0, whole(0, 1600)],
  align: ["left", oneOf("left", "centre", "right", "justify")],
  size: [3, whole(1, 8)],
  unknown: ["blank", oneOf("blank", "skip", "error")],
  strokes: ["", text],
  image: ["", text],
  as: ["", text],
  letters: [[], letters],
  map: [[0, 0], numbers(-3, 3)],
  points: [true, flag],
  from: ["A", text],
  to: ["B", text],
  pair: [1, whole(0, MOST)],
  path: ["spherical", oneOf("spherical", "linear")],
  steps: [9, whole(3, 15)],
  code: ["curl", oneOf("curl", "python")],
};

export const state = { tab: TABS[0] };
const listeners = [];

/** Changes the state and notifies the listeners of the changed names. */
export function set(patch) {
  const changed = Object.keys(patch).filter((name) => !same(state[name], patch[name]));
  if (!changed.length) return;
  // Back leads to the tab as it was left.
  if (changed.includes("tab")) history.replaceState(null, "", hash());
  Object.assign(state, patch);
  if (changed.includes("tab")) history.pushState(null, "", hash());
  else remember();
  tell(changed);
}

/** Calls `work` after each change of one of `names`. */
export const on = (names, work) => listeners.push({ names, work });

/**
 * Runs `work` now and after each change of one of `names` while the tab is open; after changes while it was closed,
 * runs it when the tab opens. `work` is called with the changed names, or with nothing in that case.
 */
export function whileOpen(tab, names, work) {
  let stale = true;
  const run = (changed) => {
    stale = state.tab !== tab;
    if (!stale) work(changed);
  };
  on(names, run);
  on(["tab"], () => stale && run());
  run();
}

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

// A change within the delay is not in the address yet when the page is loaded anew.
const LEFT = "glyphvae.left";
addEventListener("pagehide", () => keep("sessionStorage", LEFT, JSON.stringify([location.hash, hash()])));

function takeUp() {
  const [before, after] = JSON.parse(kept("sessionStorage", LEFT)) ?? [];
  const isNew = performance.getEntriesByType("navigation")[0].type === "navigate";
  if (!isNew && before === location.hash) history.replaceState(null, "", after);
}

takeUp();
Object.assign(state, read());

// Fired by Back, Forward and a changed address, not by changes of the page itself.
addEventListener("popstate", () => {
  const found = read();
  const changed = Object.keys(found).filter((name) => !same(state[name], found[name]));
  Object.assign(state, found);
  tell(changed);
});
