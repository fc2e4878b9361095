// The placeholder of a feature whose model is not served.

import { h } from "./dom.js";

/** Replaces the content of `section` below its heading by a note on the missing model. */
export function missing(section, name) {
  const [heading, ...rest] = section.children;
  rest.forEach((element) => element.remove());
  heading.after(
    h(
      "div",
      { className: "empty" },
      h("p", {}, "This needs the model ", h("code", {}, name), ", which the service does not have."),
      h("p", {}, "Add its export to the folder of models and restart the service."),
    ),
  );
}
