/** The library with a script: filters act at once, and buttons say how many are chosen. */

import { announce } from "./announce.js";
import { byId } from "./dom.js";
import { counted } from "./format.js";
import { wireFilters } from "./library-filters.js";

/** The list of files to choose from, if there is one, as it is now. */
function wireChoice() {
  const form = byId("chosen");
  if (!form) return;
  const all = byId("all");
  const tell = () => announce(`${counted(showChoice(), "file")} chosen.`);
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxesOf(form)) box.checked = all.checked;
    tell();
  });
  for (const box of boxesOf(form)) box.addEventListener("change", tell);
  showChoice();
}

/** @returns {number} how many are chosen */
function showChoice() {
  const form = byId("chosen");
  if (!form) return 0;
  const boxes = boxesOf(form);
  const chosen = boxes.filter((box) => box.checked).length;
  const all = byId("all");
  all.checked = chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
  for (const button of form.querySelectorAll("[data-needs-choice]")) button.disabled = !chosen;
  return chosen;
}

function boxesOf(form) {
  return [...form.querySelectorAll("input[name=video]")];
}

if (byId("filters")) wireFilters(byId("filters"), wireChoice);
// A browser that goes back to the page brings its boxes as they were, after this runs.
addEventListener("pageshow", showChoice);
wireChoice();
