/** Records a clip from a stream, after a countdown. */

/** What is recorded, the first that the browser can; VP8 costs least while it runs. */
const KINDS = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];
const BITS_PER_S = 2_500_000;

/** It was called off before there was a clip. */
export class CalledOffError extends Error {}

/**
 * Wait, unless it is called off.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 * @throws {CalledOffError}
 */
export function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new CalledOffError());
      return;
    }
    const off = () => {
      clearTimeout(timer);
      reject(new CalledOffError());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", off);
      resolve();
    }, ms);
    signal.addEventListener("abort", off, { once: true });
  });
}

/**
 * Record for a while.
 * @param {MediaStream} stream
 * @param {{ms: number, signal: AbortSignal}} options
 * @returns {Promise<Blob>}
 * @throws {CalledOffError}
 */
export async function recordClip(stream, { ms, signal }) {
  const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
  const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: BITS_PER_S });
  /** @type {Blob[]} */
  const pieces = [];
  const stopped = new Promise((resolve, reject) => {
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", resolve);
    recorder.addEventListener("error", reject);
  });
  recorder.start();
  try {
    await Promise.race([wait(ms, signal), stopped]); // a camera that is pulled out stops it too
  } finally {
    if (recorder.state !== "inactive") recorder.stop();
  }
  await stopped;
  return new Blob(pieces, { type: recorder.mimeType });
}
