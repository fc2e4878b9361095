// The requests for the state's text, and for its hand as a font.

import { current, drawsStrokes, handOf, modelName, styleOf } from "./models.js";
import { state } from "./state.js";

export const SVG_TYPE = "image/svg+xml";

/** Returns the parameters that say in which style to write: the hand in use, or the latents of the sliders. */
function styleFields(model) {
  const hand = handOf(model);
  const style = hand ? { hand } : { z: styleOf(model).map((value) => Number(value.toFixed(3))) };
  return { ...style, seed: state.seed, variation: state.variation };
}

const modelField = (model) => modelName(model) && { model: modelName(model) };

/** Returns the parameters of the text on whatever it is written. */
function writtenFields(model) {
  return {
    text: state.text,
    ...styleFields(model),
    ...(drawsStrokes(model) && { drift: state.drift }),
    unknown: state.unknown,
    align: state.align,
    ink: state.ink,
    paper: state.transparent ? "transparent" : state.paper,
    ...modelField(model),
  };
}

/** Returns the body of the request for the text as one picture. */
export function textBody() {
  return { ...writtenFields(current()), ...(state.width && { width: state.width }), scale: state.size };
}

/** Returns the body of the request for the text on pages. */
export const pagesBody = () => ({ ...writtenFields(current()), page: { size: "A4", lines: state.lines } });

/** Returns the body of the request for the font. */
export const fontBody = () => ({ ...styleFields(current()), ...modelField(current()) });
