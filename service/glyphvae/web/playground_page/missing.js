// The placeholder of a feature whose models are not served.

import { h } from "./dom.js";

/** Replaces the content of `section` below its heading by a note on what is missing, as text and elements. */
export function missing(section, ...what) {
  const [heading, ...rest] = section.children;
  rest.forEach((element) => element.remove());
  heading.after(
    h(
      "div",
      { className: "empty" },
      h("p", {}, what),
      h("p", {}, "Add the export to the folder of models and restart the service."),
    ),
  );
}
