/** The camera on the page: preview, countdown, recording. */

import { CameraError, closeCamera, openCamera } from "./camera.js";
import { find, say } from "./dom.js";
import { holdsCamera, next } from "./machine.js";
import { CalledOffError, recordClip, wait } from "./recorder.js";
import { cameraInWords } from "./words.js";

const COUNT_FROM = 3;
const COUNT_MS = 1000;
const CLIP_MS = 2000;

/** What stands on the screen in place of a picture. */
const WORDS = {
  off: "Show one sign to the camera. Two seconds are enough.",
  opening: "The browser asks whether this page may use the camera.",
  resting: "The camera rests while the page is hidden.",
};

export class Stage {
  /** @type {import("./machine.js").State} */
  #state = "off";
  /** @type {MediaStream | null} */
  #stream = null;
  #calledOff = new AbortController();
  #busy = false;
  #failure = "";
  #onClip;

  /** @param {(clip: Blob) => Promise<void>} onClip is given each clip that was recorded */
  constructor(onClip) {
    this.#onClip = onClip;
    this.preview = /** @type {HTMLVideoElement} */ (find("preview"));
    find("open").addEventListener("click", () => this.#open("open"));
    find("close").addEventListener("click", () => this.#happens("close"));
    find("record").addEventListener("click", () => this.#recordOrCancel());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#happens("hide");
      else this.#open("show");
    });
    this.#show();
  }

  /** @param {boolean} busy whether an answer is awaited: nothing is recorded meanwhile */
  set busy(busy) {
    this.#busy = busy;
    this.#show();
  }

  /** @param {import("./machine.js").Happening} happening */
  #happens(happening) {
    const before = this.#state;
    this.#state = next(before, happening);
    if (this.#state === before) return;
    if (!holdsCamera(this.#state)) {
      this.#calledOff.abort();
      closeCamera(this.#stream);
      this.#stream = null;
      this.preview.srcObject = null;
    }
    this.#show();
  }

  /** @param {"open" | "show"} happening */
  async #open(happening) {
    const before = this.#state;
    this.#happens(happening);
    if (this.#state === before || this.#state !== "opening") return;
    try {
      const stream = await openCamera();
      if (this.#state !== "opening") {
        closeCamera(stream); // turned off, or hidden, while the browser asked
        return;
      }
      for (const track of stream.getTracks()) {
        track.addEventListener("ended", () => this.#fail("absent"));
      }
      this.#stream = stream;
      this.preview.srcObject = stream;
      this.#happens("opened");
      await this.preview.play();
      if (happening === "open") find("record").focus();
    } catch (error) {
      if (error instanceof CameraError) this.#fail(error.kind);
      else if (holdsCamera(this.#state)) throw error; // else it was turned off: play() was cut short
    }
  }

  /** @param {CameraError["kind"]} kind */
  #fail(kind) {
    this.#failure = cameraInWords(kind);
    this.#happens("fail");
    if (this.#state === "failed") say(this.#failure);
  }

  async #recordOrCancel() {
    if (this.#state === "counting" || this.#state === "recording") {
      this.#calledOff.abort();
      return;
    }
    this.#calledOff = new AbortController();
    this.#happens("record");
    if (this.#state !== "counting") return;
    try {
      const clip = await this.#countAndRecord(this.#calledOff.signal);
      this.#happens("recorded");
      await this.#onClip(clip);
    } catch (error) {
      if (!(error instanceof CalledOffError)) throw error;
      this.#happens("cancel");
    }
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Blob>}
   */
  async #countAndRecord(signal) {
    for (let count = COUNT_FROM; count > 0; count -= 1) {
      find("count").textContent = String(count);
      say(String(count));
      await wait(COUNT_MS, signal);
    }
    this.#happens("begin");
    say("Recording");
    if (!this.#stream) throw new CalledOffError();
    return recordClip(this.#stream, { ms: CLIP_MS, signal });
  }

  #show() {
    const state = this.#state;
    const recording = state === "counting" || state === "recording";
    find("screen").dataset.state = state;
    find("screen-words").hidden = holdsCamera(state);
    find("screen-text").textContent = state === "failed" ? this.#failure : (WORDS[state] ?? "");
    find("open").hidden = state !== "off" && state !== "failed";
    find("open").textContent = state === "failed" ? "Try again" : "Turn the camera on";
    find("count").hidden = state !== "counting";
    find("reel").hidden = state !== "recording";
    find("close").hidden = !holdsCamera(state);
    const record = /** @type {HTMLButtonElement} */ (find("record"));
    record.hidden = !holdsCamera(state);
    record.disabled = this.#busy && !recording;
    record.textContent = recording ? "Cancel" : this.#busy ? "Reading…" : "Record two seconds";
  }
}
