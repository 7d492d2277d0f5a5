/** What people are told: numbers and errors in words. */

/**
 * @typedef {object} Problem as the service tells it, `application/problem+json`
 * @property {string} type
 * @property {string} title
 * @property {string} detail
 * @property {number} status
 * @property {string} request_id
 */

const BUSY = "The service is busy.";

/** What to tell of each kind of problem, by the end of its type. */
const PROBLEMS = {
  "unsupported-media": "This is not a video that can be read. MP4, MOV, WebM, MKV, AVI and GIF can.",
  "unusable-clip": "This video is damaged, or has no picture in it.",
  "limit-exceeded": "This clip is longer or larger than can be read. Two seconds of one sign are enough.",
  "body-too-large": "This file is too large. Cut out the one sign, or choose a smaller picture.",
  "slow-upload": "The clip took too long to arrive. Is the connection slow?",
  "queue-full": BUSY,
  "rate-limited": "That were many clips in a short time.",
  "not-ready": "The service has just started, and is loading its model.",
  closing: "The service is about to stop.",
  "deadline-passed": "Reading this clip took too long, so it was given up.",
  unauthorised: "The service asks for a key.",
  internal: "Something went wrong in the service. It was not your clip's fault.",
  unreachable: "The service did not answer. Is it running, and are you online?",
};

const CAMERA = {
  insecure:
    "The browser gives the camera only to pages over HTTPS, or from this very machine. Clips can be dropped all the same.",
  refused:
    "The camera was not allowed. Allow it in the browser's bar for this page, then try again; or drop a clip.",
  absent: "No camera was found. Plug one in and try again, or drop a clip.",
  busy: "The camera does not answer; perhaps another program holds it. Close that and try again, or drop a clip.",
  unable: "This browser cannot record. Another one can, or drop a clip.",
};

/**
 * Say a share of one as a percentage.
 * @param {number} share
 * @returns {string}
 */
export function percent(share) {
  if (share > 0 && share < 0.01) return "<1 %";
  if (share < 1 && share > 0.99) return ">99 %";
  return `${Math.round(share * 100)} %`;
}

/**
 * Say what went wrong.
 * @param {Problem} problem
 * @param {number | null} [retryS] from Retry-After
 * @returns {string}
 */
export function problemInWords(problem, retryS = null) {
  const kind = problem.type.slice(problem.type.lastIndexOf(":") + 1);
  const words = PROBLEMS[kind] ?? `${problem.title}.`;
  return retryS === null ? words : `${words} Try again in ${seconds(retryS)}.`;
}

/**
 * @param {number} count
 * @returns {string}
 */
function seconds(count) {
  return count === 1 ? "a second" : `${count} seconds`;
}

/**
 * Say why there is no camera.
 * @param {keyof typeof CAMERA} kind
 * @returns {string}
 */
export function cameraInWords(kind) {
  return CAMERA[kind];
}

/**
 * Say how long it took, and with what: from the service's Server-Timing.
 * @param {Record<string, number>} spans milliseconds by name
 * @returns {string}
 */
export function timeInWords(spans) {
  const whole = Object.values(spans).reduce((sum, each) => sum + each, 0);
  const parts = [
    ["decoding", spans["decode"]],
    ["the model", spans["infer"]],
    ["waiting", (spans["wait-decoder"] ?? 0) + (spans["wait-model"] ?? 0)],
  ].filter(([, took]) => took >= 0.5);
  const said = parts.map(([name, took]) => `${name} ${Math.round(took)}`).join(", ");
  return `Read in ${Math.round(whole)} ms${said ? ` (${said})` : ""}.`;
}
