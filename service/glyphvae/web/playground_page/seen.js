// What the model saw of a drawing: its pixels, their place on the pad, and whether they are a character.

import { byId, h } from "./dom.js";
import { draw } from "./ink.js";

/**
 * Shows the preview and the doubt of an encoded image.
 *
 * @param encoding The image's object in the response of `/encode`.
 * @param size Width and height of the image that was sent; null if it is not on the pad.
 */
export function showSeen({ preview, doubt }, size) {
  draw(byId("seen"), preview.pixels, 1, "pixels");
  byId("seen-box").hidden = !size;
  if (size) place(byId("seen-box"), preview.box, size);
  byId("doubt").classList.toggle("doubtful", doubt.doubtful);
  byId("doubt").replaceChildren(
    ...(doubt.doubtful ? [h("strong", {}, "This may not be a character.")] : []),
    ...doubt.reasons.flatMap((reason) => [" ", reason]),
  );
}

/** Hides the box on the pad. */
export function hideBox() {
  byId("seen-box").hidden = true;
}

/** Places an element where a box of an image is on the pad, which shows the image as large as it fits. */
function place({ style }, [left, top, right, bottom], { width, height }) {
  const side = Math.max(width, height);
  const percent = (pixels) => `${(pixels / side) * 100}%`;
  style.left = percent(left + (side - width) / 2);
  style.top = percent(top + (side - height) / 2);
  style.width = percent(right - left);
  style.height = percent(bottom - top);
}
