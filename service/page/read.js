/** The view that reads clips: what was recorded or dropped, the newest answer first. */

import { bring, find, make, say } from "./dom.js";
import { answerInWords, showFailure, showResult } from "./result.js";
import { ServiceError } from "./api.js";

const KEPT = 12;

export class ReadView {
  /** @type {import("./result.js").Shown[]} */
  #shown = [];
  #read;

  /** @param {(clip: Blob, name: string) => Promise<import("./api.js").Reading>} read */
  constructor(read) {
    this.#read = read;
  }

  /**
   * Read clips one after the other.
   * @param {{clip: Blob, name: string, mirrored: boolean}[]} clips
   */
  async take(clips) {
    find("lead").hidden = true;
    for (const [place, each] of clips.entries()) {
      const waiting = make("p", { class: "card waiting" }, this.#progress(each.name, place, clips.length));
      find("results").prepend(waiting);
      try {
        const reading = await this.#read(each.clip, each.name);
        this.#add(waiting, showResult({ ...each, reading }));
        say(answerInWords(reading.answer));
      } catch (error) {
        waiting.remove();
        if (!(error instanceof ServiceError)) throw error;
        this.#add(null, showFailure({ name: each.name, error }));
        say(error.message);
      }
    }
  }

  /**
   * @param {string} name
   * @param {number} place
   * @param {number} count
   */
  #progress(name, place, count) {
    return count === 1 ? `Reading ${name}…` : `Reading ${name}, ${place + 1} of ${count}…`;
  }

  /**
   * @param {HTMLElement | null} waiting what it takes the place of
   * @param {import("./result.js").Shown} shown
   */
  #add(waiting, shown) {
    if (waiting) waiting.replaceWith(shown.element);
    else find("results").prepend(shown.element);
    bring(shown.element);
    for (const older of this.#shown) older.rest();
    this.#shown.unshift(shown);
    for (const old of this.#shown.splice(KEPT)) {
      old.dispose();
      old.element.remove();
    }
  }
}
