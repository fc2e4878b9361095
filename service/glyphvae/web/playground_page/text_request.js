// The requests for the state's text, and for its hand as a font.

import { current, drawsStrokes, handOf, modelName, styleOf } from "./models.js";
import { state } from "./state.js";

// In glyph pixels: the least that the service takes, a few words, and a letter with its distance.
const NARROWEST = 44;
const LEGIBLE = 300;
const ADVANCE = 17;
// In CSS pixels, with the borders of the paper, as in style.css.
const WIDEST_PAGE = 1240;
const MARGINS = 50;

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

/** Returns the width of lines in glyph pixels: the chosen one, or else that of the page if a line is longer. */
function width() {
  if (state.width) return { width: Math.max(NARROWEST, state.width) };
  const visible = Math.min(document.documentElement.clientWidth, WIDEST_PAGE) - MARGINS;
  const fitting = Math.max(LEGIBLE, Math.floor(visible / state.size));
  const longest = Math.max(...state.text.split("\n").map((line) => line.length));
  return longest * ADVANCE > fitting ? { width: fitting } : {};
}

/** Returns the body of the request for the text as one picture. */
export const textBody = () => ({ ...writtenFields(current()), ...width(), scale: state.size });

/** Returns the body of the request for the text on pages. */
export const pagesBody = () => ({ ...writtenFields(current()), page: { size: "A4", lines: state.lines } });

/** Returns the body of the request for the font. */
export const fontBody = () => ({ ...styleFields(current()), ...modelField(current()) });
