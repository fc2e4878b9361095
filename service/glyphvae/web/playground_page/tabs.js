// The tabs, and work that is done only while its tab is open.

import { rove } from "./controls.js";
import { byId } from "./dom.js";
import { TABS, on, set, state } from "./state.js";

/** Binds the tab list to the state. */
export function bindTabs() {
  const buttons = TABS.map((name) => byId(`tab-${name}`));
  const show = () => {
    buttons.forEach((button, index) => {
      const isOpen = TABS[index] === state.tab;
      button.setAttribute("aria-selected", String(isOpen));
      button.tabIndex = isOpen ? 0 : -1;
      byId(TABS[index]).hidden = !isOpen;
    });
    document.title = `${byId(`tab-${state.tab}`).textContent} · glyphvae playground`;
  };
  rove(byId("tab-glyph").parentElement, () => buttons, (button) => set({ tab: button.id.replace("tab-", "") }));
  on(["tab"], show);
  show();
}

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
