// Detects a lost connection, polls the service, and repeats failed requests when it is back.

import * as api from "./api.js";
import { byId } from "./dom.js";
import { retryAll } from "./latest_request.js";

const FIRST_LOOK_MS = 1000;
const LONGEST_WAIT_MS = 15_000;

/** Starts watching the connection. */
export function watch() {
  let looking = 0;
  const look = (wait) => {
    looking = setTimeout(async () => {
      try {
        await api.live();
        back();
      } catch {
        look(Math.min(wait * 2, LONGEST_WAIT_MS));
      }
    }, wait);
  };
  const back = () => {
    looking = 0;
    show("");
    retryAll();
  };
  const lost = () => {
    if (looking) return;
    show(navigator.onLine ? "The service does not respond. Trying to reconnect …" : "You are offline. The page continues when you are back online.");
    look(FIRST_LOOK_MS);
  };
  addEventListener("unreachable", lost);
  addEventListener("offline", lost);
  addEventListener("online", () => {
    clearTimeout(looking);
    if (looking) look(0);
  });
}

function show(text) {
  byId("offline").textContent = text;
  document.documentElement.classList.toggle("lost", Boolean(text));
}
