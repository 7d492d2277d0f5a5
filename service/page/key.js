/** The API key, where the service asks for one: held by this tab, and gone with it. */

import { find, make, say } from "./dom.js";
import { recall, remember } from "./store.js";

const NAME = "signwrite-key";

/** @type {Promise<void> | null} what all who need a key wait for */
let asked = null;

/** @returns {string | null} */
export function storedKey() {
  return recall("tab", NAME, null);
}

/**
 * Ask for a key; while one is asked for, all wait for the same.
 * @param {boolean} wrong whether one was tried that is not known
 * @returns {Promise<void>} when a key was given; it is in the store
 */
export function askForKey(wrong) {
  asked ??= showForm(wrong).finally(() => {
    asked = null;
  });
  return asked;
}

/**
 * @param {boolean} wrong
 * @returns {Promise<void>}
 */
function showForm(wrong) {
  remember("tab", NAME, null);
  return new Promise((resolve) => {
    const input = /** @type {HTMLInputElement} */ (
      make("input", {
        id: "key",
        type: "password",
        autocomplete: "off",
        required: true,
        spellcheck: "false",
        "aria-describedby": "key-why",
      })
    );
    const why = wrong
      ? "That key is not known here. Try another."
      : "This service reads clips for those who have a key. It stays in this tab until you close it.";
    const form = make(
      "form",
      {
        class: "card ask",
        submit: (event) => {
          event.preventDefault();
          remember("tab", NAME, input.value.trim());
          form.remove();
          resolve();
        },
      },
      make("label", { for: "key" }, "Key"),
      make("p", { id: "key-why", class: wrong ? "wrong" : "quiet" }, why),
      make("div", { class: "row" }, input, make("button", { class: "primary" }, "Use this key")),
    );
    find("key-place").replaceChildren(form);
    say(why);
    input.focus();
  });
}
