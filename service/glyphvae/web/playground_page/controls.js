// Binding of controls to the state: an element with `data-state` shows and changes that part of it.

import { on, set, state } from "./state.js";

/** Formats of the numbers beside sliders. */
const WORDS = {
  temperature: (value) => value.toFixed(2),
  variation: (value) => (value === 0 ? "none" : value.toFixed(2)),
  drift: (value) => (value === 0 ? "none" : value.toFixed(1)),
  size: (value) => `${value}×`,
  width: (value) => (value === 0 ? "as typed, or the page" : `${value} glyph pixels`),
  steps: (value) => `${value} glyphs`,
};

/** Binds every control of the page. */
export function bindAll() {
  for (const element of document.querySelectorAll("[data-state]")) {
    if (element.getAttribute("role") === "radiogroup") bindSegments(element);
    else bindInput(element);
  }
}

function bindInput(element) {
  const name = element.dataset.state;
  const isCheck = element.type === "checkbox";
  const isNumber = element.type === "range";
  const output = document.querySelector(`output[for="${element.id}"]`);
  const show = () => {
    if (isCheck) element.checked = state[name];
    else if (element.value !== String(state[name])) element.value = state[name];
    if (!output) return;
    output.value = WORDS[name](state[name]);
    element.setAttribute("aria-valuetext", output.value);
  };
  element.addEventListener("input", () => {
    set({ [name]: isCheck ? element.checked : isNumber ? element.valueAsNumber : element.value });
  });
  on([name], show);
  show();
}

/** Binds a group of radio buttons. */
export function bindSegments(group) {
  const name = group.dataset.state;
  const buttons = [...group.children];
  const show = () => check(buttons, buttons.find((button) => button.value === state[name]));
  rove(group, () => buttons, (button) => set({ [name]: button.value }));
  on([name], show);
  show();
}

/** Marks one of `radios` as checked and makes it the one that Tab reaches. */
export function check(radios, checked) {
  for (const radio of radios) {
    radio.setAttribute("aria-checked", String(radio === checked));
    radio.tabIndex = radio === (checked ?? radios[0]) ? 0 : -1;
  }
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * Makes a composite widget: arrow keys, Home and End move through `items`, clicks choose one.
 *
 * @param group The element that contains the items.
 * @param items Returns the current items.
 * @param choose Called with the chosen item.
 * @param columns Returns the number of items that Arrow Up and Down skip; 1 in a single row.
 */
export function rove(group, items, choose, columns = () => 1) {
  const pick = (item) => {
    item.focus();
    choose(item);
  };
  group.addEventListener("click", (event) => {
    const item = event.target.closest("button");
    if (items().includes(item)) pick(item);
  });
  group.addEventListener("keydown", (event) => {
    const all = items();
    const here = all.indexOf(document.activeElement);
    const target = targetOf(event.key, here, all.length, columns());
    if (here < 0 || target === undefined) return;
    event.preventDefault();
    pick(all[target]);
  });
}

function targetOf(key, here, length, columns) {
  if (key === "Home") return 0;
  if (key === "End") return length - 1;
  if (!(key in STEPS)) return undefined;
  const isVertical = key === "ArrowUp" || key === "ArrowDown";
  return (here + STEPS[key] * (isVertical ? columns : 1) + length) % length;
}
