/** Files that are dropped on the page, or chosen. */

import { find } from "./dom.js";

/**
 * Hand on every file that is dropped or chosen.
 * @param {(files: File[]) => void} take
 */
export function watchFiles(take) {
  const input = /** @type {HTMLInputElement} */ (find("files"));
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    input.value = ""; // so that the same file can be chosen again
  });
  let depth = 0; // dragenter and dragleave come for every element that is crossed
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = () => document.body.classList.toggle("dropping", depth > 0);
  document.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) depth += 1;
    mark();
  });
  document.addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) depth = Math.max(0, depth - 1);
    mark();
  });
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault(); // or the browser opens the file itself
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    mark();
    take([...(event.dataTransfer?.files ?? [])]);
  });
}
