/**
 * The states of the camera, and what leads from one to another; pure.
 *
 *     off ── open ──> opening ── opened ──> live ── record ──> counting ── begin ──> recording
 *      ^                  │                  ^                     │                    │
 *      └── close ─────────┴── fail ─> failed └───── cancel ────────┴─────── recorded ───┘
 *
 * A page that is hidden lets the camera go: `resting`, from where `show` opens it again.
 *
 * @typedef {"off" | "opening" | "live" | "counting" | "recording" | "resting" | "failed"} State
 * @typedef {"open" | "opened" | "fail" | "record" | "begin" | "recorded" | "cancel" | "hide" |
 *   "show" | "close"} Happening
 */

/** @type {Record<State, Partial<Record<Happening, State>>>} */
const TABLE = {
  off: { open: "opening" },
  opening: { opened: "live", fail: "failed", hide: "resting", close: "off" },
  live: { record: "counting", fail: "failed", hide: "resting", close: "off" },
  counting: { begin: "recording", cancel: "live", fail: "failed", hide: "resting", close: "off" },
  recording: { recorded: "live", cancel: "live", fail: "failed", hide: "resting", close: "off" },
  resting: { show: "opening", close: "off" },
  failed: { open: "opening", close: "off" },
};

/**
 * Say what follows; what has no meaning in a state changes nothing.
 * @param {State} state
 * @param {Happening} happening
 * @returns {State}
 */
export function next(state, happening) {
  return TABLE[state][happening] ?? state;
}

/**
 * @param {State} state
 * @returns {boolean} whether the camera is in use
 */
export function holdsCamera(state) {
  return state === "live" || state === "counting" || state === "recording";
}
