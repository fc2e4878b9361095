// Everything but the large glyph, which start.js shows first.

import { copyText } from "./code.js";
import { bindAll } from "./controls.js";
import { byId, keep } from "./dom.js";
import * as glyph from "./glyph.js";
import { followHand } from "./hand.js";
import { startLater } from "./later.js";
import { startLiked } from "./liked.js";
import * as models from "./models.js";
import { link, on, state } from "./state.js";
import { nameStyles, startUndo } from "./styles.js";
import { bindTabs } from "./tabs.js";

// Tabs that are not opened first are loaded when they are opened, so that the first glyph is there soon.
const LATER = { text: () => import("./text.js"), draw: () => import("./draw.js"), explore: () => import("./explore.js") };

function bindTheme() {
  const button = byId("theme");
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep("localStorage", "glyphvae.theme", root.dataset.theme);
    show();
    dispatchEvent(new Event("themechange"));
  });
  system.addEventListener("change", () => {
    show();
    dispatchEvent(new Event("themechange"));
  });
  show();
}

function openLater() {
  const { [state.tab]: load } = LATER;
  if (!load) return;
  delete LATER[state.tab];
  const panel = byId(state.tab);
  const parts = [...panel.children];
  const hold = (isHeld) => parts.forEach((part) => (part.inert = isHeld));
  // Nothing that is done before there are listeners is lost, because nothing can be done.
  hold(true);
  startLater(panel, load, () => hold(false));
}

/** Starts it, of the tabs the open one. */
export function start() {
  bindTheme();
  models.bindPicker(byId("model"));
  models.describe(byId("model-words"), byId("other-model"));
  models.listGroups(byId("model-groups"));
  models.bindLabelLists();
  bindAll();
  bindTabs();
  startUndo();
  document.querySelectorAll("[data-styles]").forEach(nameStyles);
  document.querySelectorAll("[data-liked]").forEach(startLiked);
  document.querySelectorAll("[data-hand]").forEach(followHand);
  glyph.start();
  on(["tab"], openLater);
  openLater();
  byId("share").addEventListener("click", () => copyText(link()));
  document.documentElement.dataset.ready = "";
}
