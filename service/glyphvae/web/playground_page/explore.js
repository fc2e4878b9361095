// The Explore tab: the plane of a two-latent model, interpolation between two glyphs, and the effect of beta.

import * as beta from "./beta.js";
import * as map from "./map.js";
import * as way from "./way.js";

/** Starts the tab. */
export function start() {
  map.start();
  way.start();
  beta.start();
}
