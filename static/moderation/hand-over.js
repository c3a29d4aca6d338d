/** For leads: whoever has the flag, somebody else is to have it. */

import { el } from "../videos/dom.js";

export class HandOver {
  /** @param {{give: (to: string) => void, free: () => void}} page */
  constructor(page) {
    this.to = el("select", { "aria-label": "Hand over to" });
    this.free = el("button", { class: "button", type: "button", "data-role": "take-over",
      click: () => page.free() }, "Take it over");
    this.element = el("details", { class: "preferences hand-over", hidden: true },
      el("summary", {}, "Hand over"),
      el("div", {}, this.to, el("button", { class: "button", type: "button",
        "data-role": "hand-over", click: () => page.give(this.to.value) }, "Give it"), this.free));
  }

  /** @param {any} told the case of the flag */
  show(told) {
    const people = told.hand_to || [];
    this.element.hidden = !people.length;
    this.element.removeAttribute("open");
    this.free.hidden = !told.lease || told.lease.mine;
    this.to.replaceChildren(...people.map((name) => el("option", { value: name }, name)));
  }
}
