// A line of text that the browser sets in the font of the hand, as in any other program.

import * as api from "./api.js";
import { byId, debounce } from "./dom.js";
import { LatestRequest } from "./latest_request.js";
import { drawsStrokes } from "./models.js";
import { state, whileOpen } from "./state.js";
import { fontBody } from "./text_request.js";

// A font is made once the sliders have rested for this long.
const REST_MS = 600;
const FAMILY = "Hand";

let face = null;
let made = 0;

/** Starts the line. */
export function start() {
  const request = new LatestRequest(byId("font"), (body) => api.makeFont(body, "font/woff2"), show);
  const ask = () => state.font && drawsStrokes() && state.z.length && request.ask(fontBody());
  whileOpen("text", ["font", "model", "z", "hand", "seed", "variation"], debounce(ask, REST_MS));
}

async function show({ blob }) {
  made += 1;
  // Each font has a family of its own, so that the old one stays visible until the new one can be used.
  const font = new FontFace(`${FAMILY} ${made}`, await blob.arrayBuffer());
  const next = await font.load().catch(() => {
    throw new api.Problem({ title: "The browser cannot show the font", detail: "Download and install it instead." });
  });
  document.fonts.add(next);
  const line = byId("font-text");
  line.style.fontFamily = `"${next.family.replaceAll('"', "")}"`;
  if (face) document.fonts.delete(face);
  face = next;
  byId("font-note").textContent = `Set by your browser in the font, which has ${Math.round(blob.size / 1000)} kB.`;
  line.dispatchEvent(new CustomEvent("drawn", { bubbles: true, detail: made }));
}
