// Downloads of the text: as vectors, pages and a picture, and its hand as a font.

import * as api from "./api.js";
import { byId, download, notice } from "./dom.js";
import { LatestRequest } from "./latest_request.js";
import { SVG_TYPE, fontBody, pagesBody, textBody } from "./text_request.js";

const NOT_ACCEPTABLE = 406;

// By the ending of the file.
const FILES = {
  svg: () => api.renderText(textBody(), SVG_TYPE),
  pdf: () => api.renderText(pagesBody(), "application/pdf"),
  png: () => api.renderText(textBody()),
  ttf: () => api.makeFont(fontBody(), "font/ttf"),
  woff2: () => api.makeFont(fontBody(), "font/woff2"),
};
const NAMES = { ttf: "hand", woff2: "hand" };

/** Starts the buttons. */
export function startFiles() {
  const group = byId("text-files");
  const request = new LatestRequest(group, make, (file, ending) => {
    if (file) download(file.blob, `${NAMES[ending] ?? "text"}.${ending}`);
    else withdraw(group, ending);
  });
  group.addEventListener("click", ({ target }) => target.value in FILES && request.ask(target.value));
}

/** Requests a file; resolves to null if the service does not make such files. */
async function make(ending) {
  try {
    return await FILES[ending]();
  } catch (error) {
    if (error.status === NOT_ACCEPTABLE) return null;
    throw error;
  }
}

function withdraw(group, ending) {
  group.querySelector(`[value="${ending}"]`).remove();
  notice(`This service makes no ${ending.toUpperCase()}`);
}
