// The hand in use, of letters that were given: it takes the place of the sliders of the hand.

import { byId } from "./dom.js";
import { handOf } from "./models.js";
import { on, set } from "./state.js";

/** Shows `card` while a hand is in use; its buttons change the letters, and go back to the sliders. */
export function followHand(card) {
  const [letters, leave] = card.querySelectorAll("button");
  const show = () => (card.hidden = !handOf());
  on(["model", "hand"], show);
  show();
  letters.addEventListener("click", () => set({ tab: "draw" }));
  leave.addEventListener("click", () => {
    set({ hand: "" });
    // The button that had the focus is gone.
    byId(card.dataset.hand).focus();
  });
}
