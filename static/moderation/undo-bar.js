/** What was decided last, and for how long it can be taken back. */

import { el, setText } from "../videos/dom.js";

export class UndoBar {
  /**
   * @param {number} seconds in which a decision can be undone
   * @param {(id: number) => void} undo
   */
  constructor(seconds, undo) {
    this.seconds = seconds;
    /** @type {{id: number, until: number}|null} */
    this.last = null;
    this.words = el("span");
    this.time = el("span", { class: "tabular", "aria-hidden": "true" });
    this.button = el("button", { class: "button", type: "button", "data-role": "undo",
      click: () => this.take(undo) }, "Undo ", el("kbd", { "aria-hidden": "true" }, "U"), " ", this.time);
    this.element = el("p", { class: "undo-bar", role: "status", hidden: true }, this.words, this.button);
    setInterval(() => this.show(), 500);
  }

  /** @param {number} id of the flag @param {string} words */
  offer(id, words) {
    this.last = { id, until: Date.now() + this.seconds * 1000 };
    setText(this.words, words);
    this.show();
  }

  take(undo) {
    const last = this.last;
    this.last = null;
    this.show();
    if (last) undo(last.id);
  }

  show() {
    const left = this.last ? Math.round((this.last.until - Date.now()) / 1000) : 0;
    if (left <= 0) this.last = null;
    this.element.hidden = !this.last;
    setText(this.time, `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`);
  }
}
