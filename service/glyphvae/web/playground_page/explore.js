// The Explore tab: the plane of a two-latent model, the way between two glyphs, and what beta does.

import * as beta from "./beta.js";
import * as map from "./map.js";
import * as way from "./way.js";

/** Starts the tab. */
export function start() {
  map.start();
  way.start();
  beta.start();
}
