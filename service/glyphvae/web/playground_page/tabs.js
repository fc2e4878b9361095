// The tabs.

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
