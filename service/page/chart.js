/** The chart of the manual alphabet: one picture, a cell for each letter. */

import { find, make } from "./dom.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const COLUMNS = 7; // of the picture; `pipeline/chart.py` draws it

/**
 * @param {string} sign
 * @returns {boolean} whether the chart has it
 */
export function isDrawn(sign) {
  return sign.length === 1 && LETTERS.includes(sign);
}

/**
 * Show the hand of one letter.
 * @param {string} letter
 * @returns {HTMLElement}
 */
export function showHand(letter) {
  const hand = make("span", { class: "hand", role: "img", "aria-label": `Hand of the letter ${letter}` });
  const cell = LETTERS.indexOf(letter);
  hand.style.setProperty("--across", String(cell % COLUMNS));
  hand.style.setProperty("--down", String(Math.floor(cell / COLUMNS)));
  return hand;
}

/**
 * Show the hands of those signs of a vocabulary that are letters; none: no chart.
 * @param {string[]} signs
 * @param {(letter: string) => void} choose is told which was clicked
 */
export function showChart(signs, choose) {
  const drawn = signs.filter(isDrawn);
  find("chart").hidden = drawn.length === 0;
  find("hands").replaceChildren(
    ...drawn.map((letter) =>
      make(
        "li",
        {},
        make(
          "button",
          { type: "button", "aria-label": `Practise ${letter}`, click: () => choose(letter) },
          showHand(letter),
          make("span", { class: "letter" }, letter),
        ),
      ),
    ),
  );
}

/**
 * Show hands as the user sees their own.
 * @param {{mirror: boolean, left: boolean}} side
 */
export function turnHands({ mirror, left }) {
  // They are drawn as others see a right-handed signer; a mirror turns that, and so does a left hand.
  document.body.classList.toggle("turned", mirror !== left);
  const whose = left ? "left" : "right";
  find("chart-side").textContent = mirror
    ? `Your ${whose} hand, as you see it in the mirror. Choose one to practise it.`
    : `Your ${whose} hand, as others see it. Choose one to practise it.`;
}
