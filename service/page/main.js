/** Puts the page together: which view is shown, and where a clip goes. */

import { askModel, readClip, ServiceError } from "./api.js";
import { showChart, turnHands } from "./chart.js";
import { find, make, say } from "./dom.js";
import { watchFiles } from "./files.js";
import { askForKey, storedKey } from "./key.js";
import { PracticeView } from "./practice.js";
import { ReadView } from "./read.js";
import { canSpell, SpellingView } from "./spelling.js";
import { Stage } from "./stage.js";
import { recall, remember } from "./store.js";
import { Tally } from "./tally.js";

const RANKED = 5;
const TITLES = { read: "Which sign is it?", practise: "Practise a sign", spell: "Spell a word" };
const SIDE = "signwrite-side";
const LOADING_MS = 2000;

/** @type {import("./api.js").Model | null} */
let model = null;
/** @type {PracticeView | null} */
let practice = null;
/** @type {SpellingView | null} */
let spelling = null;
let view = "read";
let queue = Promise.resolve();

const side = { mirror: true, left: false, ...recall("browser", SIDE, {}) };
const stage = new Stage((clip) => take([{ clip, name: "Your recording", mirrored: side.mirror }]));
const readView = new ReadView(readOne);

/**
 * Ask, and where a key is wanted, ask for that and once more.
 * @template T
 * @param {() => Promise<T>} asking
 * @returns {Promise<T>}
 */
async function withKey(asking) {
  for (;;) {
    try {
      return await asking();
    } catch (error) {
      if (!(error instanceof ServiceError && error.wantsKey)) throw error;
      await askForKey(storedKey() !== null);
    }
  }
}

/**
 * @param {Blob} clip
 * @param {string} name
 * @returns {Promise<import("./api.js").Reading>}
 */
function readOne(clip, name) {
  const topK = Math.min(RANKED, model?.vocabulary.length ?? 1);
  return withKey(() => readClip(clip, { name, topK }));
}

/**
 * Read clips in the view that is shown, after those that are being read.
 * @param {{clip: Blob, name: string, mirrored: boolean}[]} clips
 * @returns {Promise<void>}
 */
function take(clips) {
  const reading = async () => {
    stage.busy = true;
    try {
      await takeInView(clips);
    } finally {
      stage.busy = false;
    }
  };
  queue = queue.then(reading, reading); // whatever became of the ones before
  return queue;
}

/** @param {{clip: Blob, name: string, mirrored: boolean}[]} clips */
async function takeInView(clips) {
  const judging = view === "practise" ? practice : view === "spell" && spelling?.asks ? spelling : null;
  if (!judging) {
    if (view !== "read") show("read");
    await readView.take(clips);
    return;
  }
  for (const each of clips) {
    try {
      judging.take({ ...each, reading: await readOne(each.clip, each.name) });
      notice(null);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      notice(error.message);
    }
  }
}

/** @param {string | null} words what stands above the view; null for nothing */
function notice(words) {
  find("notices").replaceChildren(...(words ? [make("p", { class: "notice" }, words)] : []));
  if (words) say(words);
}

/**
 * Show a view.
 * @param {string} wanted
 */
function show(wanted) {
  view = wanted in TITLES ? wanted : "read";
  for (const each of Object.keys(TITLES)) find(`view-${each}`).hidden = each !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("data-view") === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  find("panel-title").textContent = TITLES[view];
  document.title = view === "read" ? "SignWrite" : `${TITLES[view]}: SignWrite`;
  notice(null);
}

/** Show the view that the address names. */
function follow() {
  const [wanted] = location.hash.slice(1).split("=");
  if (wanted in TITLES) show(wanted);
}

function turn() {
  side.mirror = /** @type {HTMLInputElement} */ (find("mirror")).checked;
  side.left = /** @type {HTMLInputElement} */ (find("left")).checked;
  remember("browser", SIDE, side);
  find("screen").classList.toggle("mirrored", side.mirror);
  turnHands(side);
}

/** @returns {Promise<import("./api.js").Model>} once the service tells it */
async function learnModel() {
  for (;;) {
    try {
      return await withKey(askModel);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      notice(error.message);
      await new Promise((resolve) => setTimeout(resolve, LOADING_MS));
    }
  }
}

/** @param {import("./api.js").Model} known */
function begin(known) {
  model = known;
  const signs = known.vocabulary;
  const tally = new Tally(known.name);
  practice = new PracticeView(find("view-practise"), { signs, tally });
  if (canSpell(signs)) {
    spelling = new SpellingView(find("view-spell"), { signs, tally });
    for (const link of document.querySelectorAll('[data-view="spell"]')) link.removeAttribute("hidden");
  }
  showChart(signs, (letter) => {
    location.hash = "practise";
    show("practise");
    practice?.ask(letter);
    find("panel-title").focus();
  });
  find("about").textContent = `${known.name} ${known.version} knows ${signs.length} signs.`;
  follow();
}

for (const name of ["mirror", "left"]) {
  const box = /** @type {HTMLInputElement} */ (find(name));
  box.checked = side[name];
  box.addEventListener("change", turn);
}
turn();
show("read");
watchFiles((files) => {
  if (files.length) take(files.map((file) => ({ clip: file, name: file.name, mirrored: false })));
});
window.addEventListener("hashchange", () => {
  follow();
  find("panel-title").focus();
});
begin(await learnModel());
notice(null);
document.documentElement.dataset.ready = "true";
