/** How often each sign was tried, and was right: kept by this browser, and nowhere else. */

import { recall, remember } from "./store.js";

/** @typedef {{tries: number, right: number}} Count */

export class Tally {
  #name;
  /** @type {Map<string, Count>} */
  #counts;

  /** @param {string} model whose signs they are */
  constructor(model) {
    this.#name = `signwrite-tally-${model}`;
    this.#counts = new Map(recall("browser", this.#name, []));
  }

  /**
   * @param {string} sign
   * @returns {Count}
   */
  of(sign) {
    return this.#counts.get(sign) ?? { tries: 0, right: 0 };
  }

  /**
   * @param {string} sign
   * @param {boolean} right
   */
  count(sign, right) {
    const { tries, right: before } = this.of(sign);
    this.#counts.set(sign, { tries: tries + 1, right: before + Number(right) });
    remember("browser", this.#name, [...this.#counts]);
  }

  clear() {
    this.#counts.clear();
    remember("browser", this.#name, null);
  }

  /**
   * Choose what to ask for: what goes wrong, or was never tried, is more likely.
   * @param {string[]} signs
   * @param {string | null} last not again, unless there is no other
   * @param {() => number} random 0 to 1
   * @returns {string}
   */
  choose(signs, last, random = Math.random) {
    const others = signs.filter((sign) => sign !== last);
    const among = others.length ? others : signs;
    const weights = among.map((sign) => {
      const { tries, right } = this.of(sign);
      return 1 + (4 * (tries - right + 1)) / (tries + 1);
    });
    let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
    const place = weights.findIndex((weight) => (left -= weight) < 0);
    return among[place < 0 ? among.length - 1 : place];
  }
}
