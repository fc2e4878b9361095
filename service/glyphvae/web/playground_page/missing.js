// The state of a feature whose model is not served.

import { h } from "./dom.js";

/** Replaces what `section` shows below its heading by a word on the model it needs. */
export function missing(section, name) {
  const [heading, ...rest] = section.children;
  rest.forEach((element) => element.remove());
  heading.after(
    h(
      "div",
      { className: "empty" },
      h("p", {}, "This needs the model ", h("code", {}, name), ", which the service does not have."),
      h("p", {}, "Put its export in the folder of models and start the service again."),
    ),
  );
}
