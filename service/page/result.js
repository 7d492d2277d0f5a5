/** Shows what the service said of one clip. */

import { make } from "./dom.js";
import { showLooks } from "./looks.js";
import { percent, timeInWords } from "./words.js";

const UNCERTAIN =
  "I am not sure: the clip may show no hand, or no sign that I know. My best guesses:";

/**
 * @typedef {{element: HTMLElement, rest: () => void, dispose: () => void}} Shown
 */

/**
 * Show a ranking, best first, as bars.
 * @param {import("./api.js").Prediction[]} ranking
 * @param {{wanted?: string}} [options] the sign that was meant, to be marked
 * @returns {HTMLElement}
 */
export function showRanking(ranking, { wanted } = {}) {
  const rows = ranking.map(({ sign, score }) => {
    const bar = make("span", { class: "bar", "aria-hidden": "true" }, make("span"));
    bar.style.setProperty("--share", String(score));
    const meant = sign === wanted ? make("span", { class: "unseen" }, " (asked for)") : null;
    const name = make("span", { class: "sign" }, sign, meant);
    return make(
      "li",
      sign === wanted ? { class: "wanted" } : {},
      name,
      bar,
      make("span", { class: "share" }, percent(score)),
    );
  });
  return make("ol", { class: "ranking" }, ...rows);
}

/**
 * Show an answer whole.
 * @param {{name: string, clip: Blob, reading: import("./api.js").Reading, mirrored: boolean}} given
 * @returns {Shown}
 */
export function showResult({ name, clip, reading, mirrored }) {
  const { answer, spans } = reading;
  const [first] = answer.ranking;
  const looks = showLooks({ clip, answer, mirrored });
  const { duration_s, width, height, frames_used } = answer.clip;
  const facts = `${duration_s.toFixed(1)} s, ${width} × ${height} pixels, ${frames_used} frames used.`;
  const element = make(
    "article",
    { class: answer.uncertain ? "card result uncertain" : "card result" },
    make("h2", { class: "source" }, name),
    answer.uncertain ? make("p", { class: "doubt" }, UNCERTAIN) : null,
    make(
      "div",
      { class: "verdict" },
      make("p", { class: first.sign.length > 2 ? "first word" : "first" }, first.sign),
      showRanking(answer.ranking),
    ),
    looks.element,
    make("p", { class: "quiet facts" }, `${timeInWords(spans)} ${facts}`),
  );
  return { element, rest: looks.rest, dispose: looks.dispose };
}

/**
 * Show why there is no answer.
 * @param {{name: string, error: import("./api.js").ServiceError}} given
 * @returns {Shown}
 */
export function showFailure({ name, error }) {
  const { detail, request_id: id } = error.problem;
  const element = make(
    "article",
    { class: "card result failure" },
    make("h2", { class: "source" }, name),
    make("p", { class: "wrong" }, error.message),
    detail ? make("p", { class: "quiet" }, `In the service's words: ${detail}.`) : null,
    id ? make("p", { class: "quiet facts" }, "If you report this, name ", make("code", {}, id), ".") : null,
  );
  return { element, rest: () => {}, dispose: () => {} };
}

/**
 * Say an answer aloud.
 * @param {import("./api.js").Answer} answer
 * @returns {string}
 */
export function answerInWords(answer) {
  const said = answer.ranking.slice(0, 3).map(({ sign, score }) => `${sign}, ${percent(score)}`);
  return `${answer.uncertain ? "Not sure. " : ""}${said.join("; ")}`;
}
