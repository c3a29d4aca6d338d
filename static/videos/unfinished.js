/** Uploads that an earlier visit began: the browser needs the file itself to go on. */

import { announce } from "./announce.js";
import { ICONS, byId, el, icon } from "./dom.js";
import { handOn, neighbour, redrawn } from "./focus.js";
import { bytes, percent, shown } from "./format.js";
import { unfinished } from "./transfer.js";

/**
 * A tab that was closed is noticed within seconds, and after the server's ten at the latest; one
 * that is open goes on sending.
 */
const LOOKS = 8;
const LOOK_MS = 2000;
/** Names of files that this page sends, or has given up. */
const settled = new Set();

/**
 * @param {HTMLElement} list
 * @param {import("./transfer.js").Site} site
 * @param {() => void} choose
 */
export async function listUnfinished(list, site, choose, looks = LOOKS) {
  const found = (await unfinished(site)).filter((upload) => !settled.has(upload.name));
  const still = found.filter((upload) => !upload.writing);
  redrawn(list, () => {
    list.replaceChildren(...still.map((upload) => card(upload, list, choose)));
    list.hidden = !still.length;
  }, byId("choose"));
  if (still.length < found.length && looks > 1) {
    setTimeout(() => listUnfinished(list, site, choose, looks - 1), LOOK_MS);
  }
}

function card(upload, list, choose) {
  const name = shown(upload.name);
  const share = upload.size ? upload.received / upload.size : 0;
  const element = el("li", { class: "job card", "data-role": "unfinished" },
    el("div", { class: "thumbnail" }, icon(ICONS.film)),
    el("div", { class: "job-body" },
      el("div", { class: "job-head" }, el("h3", { title: name }, el("bdi", {}, name)),
        el("div", { class: "job-actions" },
          el("button", { class: "button quiet", type: "button", "aria-label": `Give up ${name}`,
            click: async () => {
              settled.add(upload.name);
              await upload.giveUp();
              handOn(element, neighbour(element), byId("choose"));
              element.remove();
              list.hidden = !list.children.length;
              announce(`${name} was given up.`);
            } }, "Give up"))),
      el("p", { class: "job-state" },
        el("span", {}, `Stopped at ${percent(share)}`),
        el("span", {}, `${bytes(upload.received)} of ${bytes(upload.size)} are here`)),
      el("div", { class: "job-result" },
        el("p", {}, "Choose the same file again, and it goes on from there."),
        el("button", { class: "button", type: "button", click: choose,
          "aria-label": `Choose it again: ${name}` }, "Choose it again"))));
  element.dataset.name = upload.name;
  return element;
}

/**
 * The file was chosen again: its own card tells of it now.
 * @param {HTMLElement} list
 * @param {File} file
 * @param {HTMLElement} successor the card
 */
export function takenUp(list, file, successor) {
  settled.add(file.name);
  for (const element of [...list.children]) {
    if (element.dataset.name !== file.name) continue;
    handOn(element, successor);
    element.remove();
  }
  list.hidden = !list.children.length;
}
