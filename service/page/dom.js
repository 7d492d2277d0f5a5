/** Elements made of data, never of markup: nothing here parses HTML. */

/**
 * Find an element that the page is known to have.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function find(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`an element #${id}; there is none`);
  return found;
}

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, string | boolean | ((event: Event) => void)>} [facts] attributes; a
 *   function listens, named by its event; true is an attribute without a value, false is none.
 * @param {...(Node | string | null)} children null is left out
 * @returns {HTMLElement}
 */
export function make(tag, facts = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * Say something to those who listen to the page.
 * @param {string} words
 */
export function say(words) {
  const place = find("said");
  place.textContent = "";
  // Emptied first, so that the same words are said again.
  requestAnimationFrame(() => {
    place.textContent = words;
  });
}

/**
 * Bring what has just come into view, where it lies too low to be noticed, as on a phone.
 * @param {Element} element
 */
export function bring(element) {
  const low = element.getBoundingClientRect().top > window.innerHeight * 0.6;
  if (low) element.scrollIntoView({ block: "start" });
}

/** @returns {boolean} whether the user asked for little movement */
export function calm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
