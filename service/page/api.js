/** Asks the service, and tells its errors in words. */

import { storedKey } from "./key.js";
import { problemInWords } from "./words.js";

/**
 * @typedef {{left: number, top: number, right: number, bottom: number}} Square
 * @typedef {{time_s: number, square: Square, crop: string}} Look
 * @typedef {{rank: number, sign: string, score: number}} Prediction
 *
 * @typedef {object} Answer
 * @property {{duration_s: number, width: number, height: number, frames_decoded: number,
 *   frames_used: number}} clip
 * @property {Prediction[]} ranking best first
 * @property {boolean} uncertain
 * @property {Look[]} explain
 *
 * @typedef {{name: string, version: string, vocabulary: string[]}} Model
 * @typedef {{answer: Answer, spans: Record<string, number>}} Reading
 */

/** What the service, or the way to it, has against a request. */
export class ServiceError extends Error {
  /**
   * @param {import("./words.js").Problem} problem
   * @param {number | null} retryS
   */
  constructor(problem, retryS) {
    super(problemInWords(problem, retryS));
    this.problem = problem;
    this.retryS = retryS;
  }

  /** @returns {boolean} whether a key is missing, or is not known */
  get wantsKey() {
    return this.problem.status === 401;
  }
}

/**
 * Ask what the model is.
 * @returns {Promise<Model>}
 */
export async function askModel() {
  return (await ask("model", {})).json();
}

/**
 * Have a clip read.
 * @param {Blob} clip
 * @param {{name: string, topK: number}} options
 * @returns {Promise<Reading>}
 */
export async function readClip(clip, { name, topK }) {
  const form = new FormData();
  form.append("clip", clip, name);
  form.append("top_k", String(topK));
  form.append("explain", "true");
  const response = await ask("predict", { method: "POST", body: form });
  return { answer: await response.json(), spans: spansOf(response) };
}

/**
 * @param {string} path
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
async function ask(path, options) {
  const key = storedKey();
  let response;
  try {
    response = await fetch(path, { ...options, headers: key ? { "X-API-Key": key } : {} });
  } catch {
    throw new ServiceError(unreachable(), null); // fetch tells no reason to a page
  }
  if (response.ok) return response;
  const retry = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  throw new ServiceError(await problemOf(response), Number.isNaN(retry) ? null : retry);
}

/**
 * @param {Response} response
 * @returns {Promise<import("./words.js").Problem>}
 */
async function problemOf(response) {
  const type = response.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) return response.json();
  // Not from the service: a proxy before it.
  return {
    type: response.status === 413 ? "body-too-large" : "elsewhere",
    title: `The answer was ${response.status}`,
    detail: "",
    status: response.status,
    request_id: response.headers.get("X-Request-ID") ?? "",
  };
}

/** @returns {import("./words.js").Problem} */
function unreachable() {
  return { type: "unreachable", title: "", detail: "", status: 0, request_id: "" };
}

/**
 * Read a Server-Timing header.
 * @param {Response} response
 * @returns {Record<string, number>} milliseconds by name
 */
function spansOf(response) {
  const header = response.headers.get("Server-Timing") ?? "";
  const found = [...header.matchAll(/([\w-]+);dur=([\d.]+)/g)];
  return Object.fromEntries(found.map(([, name, took]) => [name, Number(took)]));
}
