/** Shows a clip with where the model looked, and each crop that it saw. */

import { calm, make } from "./dom.js";

/**
 * @param {{clip: Blob, answer: import("./api.js").Answer, mirrored: boolean}} shown
 * @returns {{element: HTMLElement, rest: () => void, dispose: () => void}} `rest` stops the clip,
 *   `dispose` frees its memory too
 */
export function showLooks({ clip, answer, mirrored }) {
  const url = URL.createObjectURL(clip);
  const looks = answer.explain;
  const video = /** @type {HTMLVideoElement} */ (
    make("video", { muted: true, playsinline: true, loop: true, "aria-label": "Your clip" })
  );
  video.muted = true; // the attribute alone does not mute what a script made
  video.src = url;
  const square = make("div", { class: "square" });
  const picture = make("div", { class: "picture" }, video, square);
  picture.style.setProperty("--shape", `${answer.clip.width} / ${answer.clip.height}`);
  picture.style.setProperty("--wide", String(answer.clip.width / answer.clip.height));
  const crops = looks.map((look) => showCrop(look, () => seek(look)));
  const play = make("button", { type: "button", class: "plain", click: () => toggle() }, "Play");
  const player = make("div", { class: "player" }, picture, play);
  let watching = 0;

  /** @param {import("./api.js").Look} look */
  function mark(look) {
    const { left, top, right, bottom } = look.square;
    const sides = { left, top, width: right - left, height: bottom - top };
    for (const [name, share] of Object.entries(sides)) square.style.setProperty(name, `${share * 100}%`);
    crops.forEach((crop, place) => {
      if (looks[place] === look) crop.setAttribute("aria-current", "true");
      else crop.removeAttribute("aria-current");
    });
  }

  function watch() {
    const at = video.currentTime;
    const distance = (look) => Math.abs(look.time_s - at);
    mark(looks.reduce((best, look) => (distance(look) < distance(best) ? look : best)));
    if (!video.paused) watching = requestAnimationFrame(watch);
  }

  /** @param {import("./api.js").Look} look */
  function seek(look) {
    video.pause();
    video.currentTime = look.time_s;
    mark(look);
  }

  function toggle() {
    if (video.paused) start();
    else video.pause();
  }

  function start() {
    video.play().catch((error) => {
      // Interrupted by a pause, or refused until a click: the button says what state it is in.
      if (error.name !== "AbortError" && error.name !== "NotAllowedError") unplayable();
    });
  }

  function unplayable() {
    player.replaceChildren(
      make("p", { class: "quiet" }, "This browser cannot play the file; the service could read it."),
    );
  }

  video.addEventListener("play", () => {
    play.textContent = "Pause";
    cancelAnimationFrame(watching);
    watch();
  });
  video.addEventListener("pause", () => {
    play.textContent = "Play";
  });
  video.addEventListener("error", unplayable);
  mark(looks[0]);
  if (!calm()) start();

  const element = make(
    "div",
    { class: mirrored ? "looks mirrored" : "looks" },
    player,
    make(
      "div",
      { class: "seen" },
      make("p", { class: "quiet" }, `What the model looked at, in the ${looks.length} frames it used:`),
      make("ol", { class: "crops" }, ...crops.map((crop) => make("li", {}, crop))),
    ),
  );
  const dispose = () => {
    cancelAnimationFrame(watching);
    video.pause();
    video.removeAttribute("src");
    video.load(); // or the decoder keeps the clip
    URL.revokeObjectURL(url);
  };
  return { element, rest: () => video.pause(), dispose };
}

/**
 * @param {import("./api.js").Look} look
 * @param {() => void} click
 * @returns {HTMLElement}
 */
function showCrop(look, click) {
  const alt = `Hand at ${look.time_s.toFixed(1)} seconds`;
  return make("button", { type: "button", click }, make("img", { src: look.crop, alt, width: "64", height: "64" }));
}
