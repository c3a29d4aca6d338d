/** Keys of the review screen, and the list of them. */

import { el } from "../videos/dom.js";

const LIST = [
  ["d, c, e", "dismiss, confirm, escalate; then a number for the reason"],
  ["s or j", "skip to the next one"],
  ["k", "back to the one before"],
  ["u", "undo the last decision"],
  ["r", "reopen what was decided; for leads"],
  ["n", "write a note; Escape leaves it"],
  ["h", "hold on to it"],
  ["b", "blur or show the pictures"],
  ["space", "play or pause both"],
  [", .", "one frame back or on"],
  ["[ ]", "the segment before or after"],
  ["x, o", "swap sides; lay one over the other"],
  ["?", "this list"],
];

/** @returns {HTMLDialogElement} */
export function keyList() {
  return el("dialog", { class: "key-list", "aria-label": "Keys" },
    el("h2", {}, "Keys"),
    el("dl", {}, ...LIST.map(([keys, does]) => el("div", {},
      el("dt", {}, ...keys.split(" ").map((key) => el("kbd", {}, key))), el("dd", {}, does)))),
    el("form", { method: "dialog" }, el("button", { class: "button primary" }, "Close")));
}

/**
 * Keys that nobody is typing with.
 * @param {(event: KeyboardEvent) => boolean} act whether the key meant something
 */
export function listen(act) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (target instanceof HTMLInputElement && !["checkbox", "range"].includes(target.type)) return;
    if (document.querySelector("dialog[open]")) return;
    const presses = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement
      || target instanceof HTMLInputElement || target instanceof SVGElement;
    if (presses && [" ", "Enter"].includes(event.key)) return;
    if (act(event)) event.preventDefault();
  });
}
