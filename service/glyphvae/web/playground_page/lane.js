// A lane carries one kind of request: one in flight, and of those that came meanwhile only the newest.

import { h } from "./dom.js";
import { Unreachable } from "./api.js";

const BUSY_AFTER_MS = 200;

const lanes = new Set();

/**
 * Answers come back in the order of their requests, because there is never a second one in flight: a stale answer
 * cannot overtake a newer one, and a slow network thins the requests out instead of piling them up.
 */
export class Lane {
  #waiting = null;
  #failed = null;
  #running = false;

  /**
   * @param region Element whose content the answers fill; it shows that it is busy, and problems.
   * @param work Sends a request for an input and resolves to the answer.
   * @param show Shows an answer; called with the answer and its input.
   * @param isQuiet Whether problems stay unsaid, because another lane has the same and says it.
   */
  constructor(region, work, show, isQuiet = false) {
    this.region = region;
    this.work = work;
    this.show = show;
    this.isQuiet = isQuiet;
    lanes.add(this);
  }

  /** Asks for `input`, now or when the request in flight is answered. */
  ask(input) {
    this.#waiting = { input };
    if (!this.#running) this.#run();
  }

  /** Asks again for what failed, if anything did. */
  retry() {
    if (this.#failed) this.ask(this.#failed.input);
  }

  /** Forgets what failed, and its message. */
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
        await this.#carry(input);
      }
    } finally {
      clearTimeout(slow);
      this.region.removeAttribute("aria-busy");
      this.#running = false;
    }
  }

  async #carry(input) {
    try {
      const answer = await this.work(input);
      this.#settle(null);
      await this.show(answer, input);
    } catch (error) {
      if (!error.title) throw error;
      this.#settle({ input, error });
    }
  }

  #settle(failed) {
    this.#failed = failed;
    this.region.querySelector(":scope > .problem")?.remove();
    if (!failed) return;
    // A lost connection concerns the whole page, which says so once.
    if (failed.error instanceof Unreachable) dispatchEvent(new CustomEvent("unreachable"));
    else if (!this.isQuiet) this.region.prepend(problemBox(failed.error, () => this.retry()));
  }
}

/** Asks again in every lane whose last request failed. */
export const retryAll = () => lanes.forEach((lane) => lane.retry());

function problemBox(error, retry) {
  return h(
    "div",
    { className: "problem", role: "alert" },
    h("strong", {}, error.title),
    h("p", {}, error.message),
    h("button", { type: "button", className: "quiet", onclick: retry }, "Try again"),
  );
}
