/** Fingerspelling a word, letter by letter; each attempt counts in the tally too. */

import { isDrawn, showHand } from "./chart.js";
import { bring, make, say } from "./dom.js";
import { judge } from "./practice.js";
import { showRanking } from "./result.js";

const WORDS = [
  "BIRD", "BOOK", "BREAD", "CAT", "CLOUD", "FISH", "FLOWER", "FRIEND", "GARDEN", "HAND", "HELLO",
  "HOUSE", "LIGHT", "MILK", "MOON", "MUSIC", "NIGHT", "PAPER", "RIVER", "SALT", "SUN", "TREE",
  "WATER", "WIND", "ZEBRA",
];

/**
 * Say which letters of a word are no signs of a vocabulary.
 * @param {string} word
 * @param {string[]} signs
 * @returns {string[]}
 */
export function unknownLetters(word, signs) {
  return [...new Set([...word].filter((letter) => !signs.includes(letter)))];
}

/**
 * @param {string[]} signs
 * @returns {boolean} whether words can be spelt with them
 */
export function canSpell(signs) {
  return signs.filter((sign) => [...sign].length === 1).length >= 2;
}

export class SpellingView {
  #word = "";
  #at = 0;
  #attempts = 0;

  /**
   * @param {HTMLElement} place
   * @param {{signs: string[], tally: import("./tally.js").Tally}} known
   */
  constructor(place, { signs, tally }) {
    this.signs = signs;
    this.tally = tally;
    this.words = WORDS.filter((word) => !unknownLetters(word, signs).length);
    this.input = /** @type {HTMLInputElement} */ (
      make("input", { id: "word", type: "text", maxlength: "24", autocomplete: "off", "aria-describedby": "word-wrong" })
    );
    this.wrong = make("p", { id: "word-wrong", class: "wrong" });
    this.tiles = make("ol", { class: "tiles", "aria-label": "The word" });
    this.asked = make("div", { class: "asked" });
    this.outcome = make("div", { class: "outcome" });
    const form = make(
      "form",
      {
        class: "row",
        submit: (event) => {
          event.preventDefault();
          this.spell(this.input.value);
        },
      },
      make("label", { for: "word" }, "Word"),
      this.input,
      make("button", { class: "plain" }, "Spell it"),
      make("button", { type: "button", class: "plain", click: () => this.#another() }, "Another"),
    );
    place.replaceChildren(make("div", { class: "card" }, form, this.wrong, this.tiles, this.asked, this.outcome));
    this.#another();
  }

  /** @returns {boolean} whether a letter is asked for */
  get asks() {
    return this.#at < this.#word.length;
  }

  /**
   * Begin a word.
   * @param {string} written
   */
  spell(written) {
    const word = written.trim().toUpperCase();
    const unknown = unknownLetters(word, this.signs);
    this.wrong.textContent = unknown.length ? `The model does not know ${unknown.join(", ")}.` : "";
    if (unknown.length || !word) return;
    [this.#word, this.#at, this.#attempts] = [word, 0, 0];
    this.input.value = word;
    this.outcome.replaceChildren();
    this.#show();
  }

  /**
   * Judge a clip as the letter whose turn it is.
   * @param {{reading: import("./api.js").Reading}} attempt
   */
  take({ reading: { answer } }) {
    const wanted = this.#word[this.#at];
    const { right, words } = judge(answer, wanted);
    this.tally.count(wanted, right);
    this.#attempts += 1;
    this.#at += Number(right);
    this.outcome.replaceChildren(
      make("p", { class: right ? "judged right" : "judged" }, words),
      showRanking(answer.ranking, { wanted }),
    );
    this.#show();
    bring(this.outcome);
    say(this.asks ? `${words} Now ${this.#word[this.#at]}.` : `${words} ${this.#done()}`);
  }

  #another() {
    const others = this.words.filter((word) => word !== this.#word);
    const letters = this.signs.filter((sign) => [...sign].length === 1);
    const word = others[Math.floor(Math.random() * others.length)];
    this.spell(word ?? letters.slice(0, 3).join(""));
  }

  #skip() {
    this.#at += 1;
    this.outcome.replaceChildren();
    this.#show();
  }

  #done() {
    return `${this.#word} is spelt, in ${this.#attempts} ${this.#attempts === 1 ? "attempt" : "attempts"}.`;
  }

  #show() {
    this.tiles.replaceChildren(
      ...[...this.#word].map((letter, place) => {
        const passed = place < this.#at;
        const facts = place === this.#at ? { "aria-current": "step" } : { class: passed ? "passed" : "" };
        return make("li", facts, letter, passed ? make("span", { class: "unseen" }, " done") : null);
      }),
    );
    const letter = this.#word[this.#at];
    this.asked.replaceChildren(
      ...(this.asks
        ? [
            make("p", { class: "quiet" }, "Show me"),
            make("p", { class: "first" }, letter),
            ...(isDrawn(letter) ? [showHand(letter)] : []),
            make("button", { type: "button", class: "plain", click: () => this.#skip() }, "Pass over it"),
          ]
        : [make("p", { class: "judged right" }, this.#done())]),
    );
  }
}
