/** One bar for a whole job. It never runs backwards, whatever order messages come in. */

import { el } from "./dom.js";

export class ProgressBar {
  /**
   * @param {string} label
   * @param {HTMLElement} [element] a bar the template already made
   */
  constructor(label, element) {
    this.element = element ||
      el("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 },
        el("span"));
    this.element.setAttribute("aria-label", label);
    this.done = 0;
    this.show(0, "waiting", "");
  }

  /**
   * @param {number} share 0..1
   * @param {"sending"|"waiting"|"working"|"failed"} phase
   * @param {string} words
   */
  show(share, phase, words) {
    this.done = Math.max(this.done, Math.min(1, share || 0));
    const whole = Math.round(this.done * 100);
    this.element.firstElementChild.style.setProperty("--done", this.done.toFixed(4));
    this.element.dataset.phase = phase;
    this.element.setAttribute("aria-valuenow", String(whole));
    this.element.setAttribute("aria-valuetext", words ? `${words}, ${whole}%` : `${whole}%`);
  }
}
