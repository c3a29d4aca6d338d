/** The library with a script: filters act at once, and buttons say how many are chosen. */

import { announce } from "./announce.js";
import { byId } from "./dom.js";
import { counted } from "./format.js";

const filters = byId("filters");
const form = byId("chosen");

if (filters) {
  filters.querySelector("[data-without-script]").hidden = true;
  for (const select of filters.querySelectorAll("select")) {
    select.addEventListener("change", () => filters.requestSubmit());
  }
}

if (form) {
  const all = byId("all");
  const boxes = [...form.querySelectorAll("input[name=video]")];
  const buttons = [...form.querySelectorAll("[data-needs-choice]")];
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
    for (const button of buttons) button.disabled = !chosen;
    return chosen;
  };
  const tell = () => announce(`${counted(show(), "file")} chosen.`);
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  for (const box of boxes) box.addEventListener("change", tell);
  // A browser that goes back to the page brings its boxes as they were, after this runs.
  window.addEventListener("pageshow", show);
  show();
}
