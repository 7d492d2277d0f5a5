/** What is remembered: by this tab, or by this browser; by this page alone where they may not. */

/** @type {Map<string, string>} for browsers that forbid a page to store anything */
const instead = new Map();

/**
 * @param {"tab" | "browser"} where
 * @returns {{getItem: (name: string) => string | null, setItem: (name: string, value: string) => void,
 *   removeItem: (name: string) => void}}
 */
function storeOf(where) {
  try {
    return where === "tab" ? sessionStorage : localStorage;
  } catch {
    return {
      getItem: (name) => instead.get(name) ?? null,
      setItem: (name, value) => instead.set(name, value),
      removeItem: (name) => instead.delete(name),
    };
  }
}

/**
 * Recall what was remembered.
 * @template T
 * @param {"tab" | "browser"} where
 * @param {string} name
 * @param {T} otherwise what it is where nothing was, or something that cannot be read
 * @returns {T}
 */
export function recall(where, name, otherwise) {
  const text = storeOf(where).getItem(name);
  if (text === null) return otherwise;
  try {
    return JSON.parse(text);
  } catch {
    return otherwise; // written by something else
  }
}

/**
 * @param {"tab" | "browser"} where
 * @param {string} name
 * @param {unknown} value null to forget
 */
export function remember(where, name, value) {
  if (value === null) storeOf(where).removeItem(name);
  else storeOf(where).setItem(name, JSON.stringify(value));
}
