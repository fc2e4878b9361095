// The page's requests as curl and Python code.

import { address, search } from "./api.js";
import { bindSegments } from "./controls.js";
import { h, notice } from "./dom.js";
import { on, state } from "./state.js";

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Formats a value as Python code. */
export function python(value, indent = "    ") {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map((item) => python(item)).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).map(([name, item]) => `${indent}    ${JSON.stringify(name)}: ${python(item)},\n`);
  return `{\n${entries.join("")}${indent}}`;
}

const present = (query) => Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));

/** Formats a request as a shell command. */
export function asCurl({ path, query = {}, json, upload, file }) {
  const parameters = search(query);
  const url = address(path) + (parameters && `?${parameters}`);
  const body = json && ["-H 'Content-Type: application/json'", `-d ${shell(JSON.stringify(json))}`];
  const image = upload && [`-H 'Content-Type: image/png'`, `--data-binary @${upload}`];
  return [`curl -X POST ${shell(url)}`, ...(body ?? image ?? []), `-o ${file}`].join(" \\\n  ");
}

/** Formats a request as a Python program. */
export function asPython({ path, query, json, upload, file }) {
  const body = json ? `json=${python(json)}` : `params=${python(present(query))}`;
  const image = [`    content=Path(${JSON.stringify(upload)}).read_bytes(),`, '    headers={"Content-Type": "image/png"},'];
  return [
    ...(upload ? ["from pathlib import Path", ""] : []),
    "import httpx",
    "",
    "response = httpx.post(",
    `    ${JSON.stringify(address(path))},`,
    `    ${body},`,
    ...(upload ? image : []),
    ").raise_for_status()",
    `with open(${JSON.stringify(file)}, "wb") as file:`,
    "    file.write(response.content)",
  ].join("\n");
}

const LANGUAGES = { curl: asCurl, python: asPython };

/**
 * Fills `panel` with code that follows the state.
 *
 * @param names The parts of the state that the request depends on.
 * @param request Returns the request: path, query or json, and the name of the output file.
 */
export function codePanel(panel, names, request) {
  const option = (value, text) => h("button", { type: "button", role: "radio", value }, text);
  const options = [option("curl", "curl"), option("python", "Python")];
  const choice = h("div", { className: "segments", role: "radiogroup", aria: { label: "Language" }, data: { state: "code" } }, options);
  const listing = h("pre", { tabIndex: 0, role: "region", aria: { label: "Code" } });
  const copy = h("button", { type: "button", onclick: () => copyText(listing.textContent, listing) }, "Copy");
  const show = () => (listing.textContent = LANGUAGES[state.code](request()));
  bindSegments(choice);
  on(["code", ...names], show);
  panel.append(h("div", { className: "row" }, choice, copy), listing);
  show();
}

/** Copies `text`; if the browser forbids it, selects it in `element` to be copied by hand. */
export async function copyText(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    notice("Copied");
  } catch {
    if (element) getSelection().selectAllChildren(element);
    notice(element ? "Press Ctrl+C to copy" : "The browser does not allow copying; copy the address instead");
  }
}
