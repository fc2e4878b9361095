// Modules that are loaded when they are needed.

import { Problem, live } from "./api.js";
import { LatestRequest } from "./latest_request.js";
import { reload } from "./state.js";

/** Starts the module that `load` imports; problems are shown in `region`. `started` is called once it can be used. */
export function startLater(region, load, started = () => {}) {
  let hasFailed = false;
  const work = async () => {
    // The browser remembers a failed import for as long as the page is open.
    if (hasFailed) return reload();
    try {
      return await load();
    } catch {
      hasFailed = true;
      // Without a connection, this fails too, and the request is repeated when the connection is back.
      await live();
      throw new Problem({ title: "This part of the page could not be loaded" });
    }
  };
  const request = new LatestRequest(region, work, (module) => {
    module.start();
    started();
  });
  request.ask();
}
