// Requests of one kind: one in flight, and of those asked for meanwhile only the latest is sent.

import { h } from "./dom.js";
import { Unreachable } from "./api.js";

const BUSY_AFTER_MS = 200;

const requests = new Set();

/**
 * At most one request of a kind is in flight, so a stale response cannot overtake a newer one, and on a slow network
 * requests are skipped instead of piling up.
 */
export class LatestRequest {
  #waiting = null;
  #failed = null;
  #running = false;

  /**
   * @param region Element that the responses fill; it also shows the busy state and problems.
   * @param work Sends a request for an input and resolves to the response.
   * @param show Shows a response; called with the response and its input.
   * @param isQuiet True if problems are not shown, because another request shows the same ones.
   */
  constructor(region, work, show, isQuiet = false) {
    this.region = region;
    this.work = work;
    this.show = show;
    this.isQuiet = isQuiet;
    requests.add(this);
  }

  /** Sends the request for `input`, now or when the one in flight is complete. */
  ask(input) {
    this.#waiting = { input };
    if (!this.#running) this.#run();
  }

  /** Repeats the request if it failed. */
  retry() {
    if (this.#failed) this.ask(this.#failed.input);
  }

  /** Discards the pending request and the message of a failed one. */
  clear() {
    this.#waiting = null;
    this.#settle(null);
  }

  async #run() {
    this.#running = true;
    const slow = setTimeout(() => this.region.setAttribute("aria-busy", "true"), BUSY_AFTER_MS);
    try {
      while (this.#waiting) {
        const { input } = this.#waiting;
        this.#waiting = null;
        await this.#send(input);
      }
    } finally {
      clearTimeout(slow);
      this.region.removeAttribute("aria-busy");
      this.#running = false;
    }
  }

  async #send(input) {
    try {
      const response = await this.work(input);
      this.#settle(null);
      await this.show(response, input);
    } catch (error) {
      if (!error.title) throw error;
      this.#settle({ input, error });
    }
  }

  #settle(failed) {
    this.#failed = failed;
    this.region.querySelector(":scope > .problem")?.remove();
    if (!failed) return;
    // A lost connection is reported once, for the whole page.
    if (failed.error instanceof Unreachable) dispatchEvent(new CustomEvent("unreachable"));
    else if (!this.isQuiet) this.region.prepend(problemBox(failed.error, () => this.retry()));
  }
}

/** Repeats all failed requests. */
export const retryAll = () => requests.forEach((request) => request.retry());

// What to do, by the status of the response; other failures are the service's.
const ENTERED = "Change what you entered, the rest stays as it is.";
const NO_KEY = "This page sends no key. Ask whoever runs the service for access.";
const WAIT = "Wait a moment, then try again.";
const ADVICE = {
  400: ENTERED,
  401: NO_KEY,
  403: NO_KEY,
  404: "Load the page again: the service may have other models now.",
  413: "Choose a smaller image, or a shorter text.",
  415: "Choose an image as PNG, JPEG or WebP.",
  422: ENTERED,
  429: `Others use the service too. ${WAIT}`,
  503: `The service is busy or starting. ${WAIT}`,
  504: "Try again, or ask for less: a shorter text, or a smaller size.",
};
const NOT_YOURS = "It is not your fault. Try again; if it happens again, tell whoever runs the service.";

function problemBox(error, retry) {
  // The service says which field it was; here there is one of each name.
  const what = error.message.replace(/^(?:body|query)\./, "");
  return h(
    "div",
    { className: "problem", role: "alert" },
    h("strong", {}, error.title),
    ...(what === error.title ? [] : [h("p", {}, what)]),
    h("p", {}, ADVICE[error.status] ?? NOT_YOURS),
    h("button", { type: "button", className: "quiet", onclick: retry }, "Try again"),
  );
}
