// Small helpers around the DOM.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * A new element: properties by name, `data` and `aria` as objects, `on*` functions as listeners.
 * Children are elements or text; nothing is ever parsed as HTML.
 */
export function h(tag, { data = {}, aria = {}, role, ...properties } = {}, ...children) {
  const element = document.createElement(tag);
  if (role) element.setAttribute("role", role);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element[name] = value;
  }
  element.append(...children.flat());
  return element;
}

/** Runs `work` once calls have paused for `ms`. */
export function debounce(work, ms) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), ms);
  };
}

/** Tells a screen reader, politely and once calls have paused, so that a moving slider does not chatter. */
export const announce = debounce((text) => {
  byId("announcer").textContent = text;
}, 600);

/** A number as the page writes it: a real minus, fixed decimals. */
export const shown = (number, decimals = 2) => number.toFixed(decimals).replace("-", "−");

/** Offers `blob` as a download. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  link.click();
  // The download has its own reference by then; a shorter wait loses it in Safari.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Waits until the picture can be painted, then shows it: the old one stays until that moment. */
export async function showPicture(image, blob) {
  const old = image.src;
  const next = new Image();
  next.src = URL.createObjectURL(blob);
  await next.decode();
  image.src = next.src;
  image.width = next.naturalWidth;
  image.height = next.naturalHeight;
  image.hidden = false;
  if (old) URL.revokeObjectURL(old);
}
