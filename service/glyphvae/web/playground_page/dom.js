// DOM helpers.

/** Returns the element with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * Creates an element: properties by name, `data` and `aria` as objects, `on*` functions as listeners.
 * Children are elements or text; nothing is parsed as HTML.
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

/** Calls `work` once `element` is in view, or nearly. */
export function whenSeen(element, work) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      work();
    },
    { rootMargin: "300px" },
  );
  observer.observe(element);
}

/** Keeps `value` in `localStorage` or `sessionStorage`; if that is disabled, it is lost when the page is closed. */
export function keep(storage, name, value) {
  try {
    window[storage].setItem(name, value);
  } catch {
    // As said.
  }
}

/** Returns what was kept, null if there is nothing or the storage is disabled. */
export function kept(storage, name) {
  try {
    return window[storage].getItem(name);
  } catch {
    return null;
  }
}

/** Announces a text to screen readers once calls have paused, so that a moving slider is not announced at every step. */
export const announce = debounce((text) => {
  byId("announcer").textContent = text;
}, 600);

/** Shows a short message at the foot of the page for a moment. */
export function notice(text) {
  const element = byId("notice");
  element.textContent = text;
  element.classList.add("shown");
  clearTimeout(element.timer);
  element.timer = setTimeout(() => element.classList.remove("shown"), 2500);
}

/** Formats a number with a minus sign and fixed decimals. */
export const shown = (number, decimals = 2) => number.toFixed(decimals).replace("-", "−");

/** Offers `blob` as a download. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  link.click();
  // Safari loses the download if the URL is revoked sooner.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Shows an image once it is decoded, so that the old one stays visible until then. */
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
