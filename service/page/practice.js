/** Practising: the page asks for a sign, and says whether it was that. */

import { isDrawn, showHand } from "./chart.js";
import { bring, make, say } from "./dom.js";
import { showRanking } from "./result.js";
import { showLooks } from "./looks.js";
import { percent } from "./words.js";

const CLOSE = 3; // ranks

/**
 * Judge an attempt.
 * @param {import("./api.js").Answer} answer
 * @param {string} wanted
 * @returns {{right: boolean, words: string}}
 */
export function judge(answer, wanted) {
  const [first] = answer.ranking;
  const found = answer.ranking.find(({ sign }) => sign === wanted);
  const right = first.sign === wanted && !answer.uncertain;
  if (right) return { right, words: `Yes, that is ${wanted}: ${percent(first.score)}.` };
  if (answer.uncertain) return { right, words: "I could not make out a sign. Is your hand in the picture, and still?" };
  const read = `I read ${first.sign} (${percent(first.score)})`;
  return found && found.rank <= CLOSE
    ? { right, words: `Close: ${read}, and ${wanted} came at place ${found.rank}.` }
    : { right, words: `Not yet: ${read}.` };
}

export class PracticeView {
  #wanted = "";
  #hinted = true;
  /** @type {() => void} */
  #dispose = () => {};

  /**
   * @param {HTMLElement} place
   * @param {{signs: string[], tally: import("./tally.js").Tally}} known
   */
  constructor(place, { signs, tally }) {
    this.signs = signs;
    this.tally = tally;
    this.asked = make("div", { class: "asked" });
    this.outcome = make("div", { class: "outcome" });
    this.table = make("div", { class: "tally" });
    const which = make(
      "select",
      { id: "which", change: () => this.ask(/** @type {HTMLSelectElement} */ (which).value) },
      ...signs.map((sign) => make("option", { value: sign }, sign)),
    );
    this.which = /** @type {HTMLSelectElement} */ (which);
    place.replaceChildren(
      make(
        "div",
        { class: "card" },
        this.asked,
        make(
          "div",
          { class: "row" },
          make("button", { type: "button", class: "plain", id: "next", click: () => this.ask() }, "Another"),
          make("label", { for: "which", class: "unseen" }, "Sign to practise"),
          which,
          make("button", { type: "button", class: "plain", id: "hint", click: () => this.#turnHint() }, ""),
        ),
        this.outcome,
      ),
      this.table,
    );
    this.ask();
    this.#showTally();
  }

  /**
   * Ask for a sign.
   * @param {string} [sign] which; chosen by what went wrong before by default
   */
  ask(sign = this.tally.choose(this.signs, this.#wanted || null)) {
    this.#wanted = sign;
    this.which.value = sign;
    this.#dispose();
    this.#dispose = () => {};
    this.outcome.replaceChildren();
    this.#showAsked();
    say(`Show me ${sign}`);
  }

  /**
   * Judge a clip.
   * @param {{clip: Blob, reading: import("./api.js").Reading, mirrored: boolean}} attempt
   */
  take({ clip, reading: { answer }, mirrored }) {
    const { right, words } = judge(answer, this.#wanted);
    this.tally.count(this.#wanted, right);
    this.#dispose();
    const looks = showLooks({ clip, answer, mirrored });
    this.#dispose = looks.dispose;
    this.outcome.replaceChildren(
      make("p", { class: right ? "judged right" : "judged" }, words),
      showRanking(answer.ranking, { wanted: this.#wanted }),
      looks.element,
    );
    this.#showTally();
    bring(this.outcome);
    say(words);
  }

  #turnHint() {
    this.#hinted = !this.#hinted;
    this.#showAsked();
  }

  #showAsked() {
    const sign = this.#wanted;
    const drawn = isDrawn(sign);
    this.asked.replaceChildren(
      make("p", { class: "quiet" }, "Show me"),
      make("p", { class: sign.length > 2 ? "first word" : "first" }, sign),
      ...(drawn && this.#hinted ? [showHand(sign)] : []),
    );
    const hint = this.which.parentElement?.querySelector("#hint");
    if (hint instanceof HTMLElement) {
      hint.hidden = !drawn;
      hint.textContent = this.#hinted ? "Hide the hand" : "Show the hand";
    }
  }

  #showTally() {
    const tried = this.signs.filter((sign) => this.tally.of(sign).tries > 0);
    const rows = tried.map((sign) => {
      const { tries, right } = this.tally.of(sign);
      const bar = make("span", { class: "bar", "aria-hidden": "true" }, make("span"));
      bar.style.setProperty("--share", String(right / tries));
      return make("tr", {}, make("th", { scope: "row" }, sign), make("td", {}, bar), make("td", {}, `${right} of ${tries}`));
    });
    const clear = make(
      "button",
      {
        type: "button",
        class: "plain",
        click: () => {
          this.tally.clear();
          this.#showTally();
        },
      },
      "Forget them",
    );
    this.table.replaceChildren(
      ...(tried.length
        ? [
            make("h2", {}, "So far"),
            make(
              "table",
              {},
              make("caption", { class: "quiet" }, "Kept in this browser only."),
              make(
                "thead",
                { class: "unseen" },
                make("tr", {}, ...["Sign", "Share", "Right"].map((head) => make("th", { scope: "col" }, head))),
              ),
              make("tbody", {}, ...rows),
            ),
            clear,
          ]
        : []),
    );
  }
}
