/** The buttons of a review: each says its key and what it will do, and opens its reasons. */

import { el, setText } from "../videos/dom.js";

const LOOKS = {
  dismiss: { label: "Dismiss", key: "d" },
  confirm: { label: "Confirm", key: "c", primary: true },
  escalate: { label: "Escalate", key: "e" },
  agree: { label: "Agree", key: "c", primary: true },
  disagree: { label: "Disagree", key: "d" },
  "answer-dismiss": { label: "Dismiss", key: "d" },
  "answer-confirm": { label: "Confirm", key: "c", primary: true },
  "send-back": { label: "Send back", key: "e" },
  reopen: { label: "Reopen", key: "r", primary: true },
  undo: { label: "Undo", key: "u" },
};

const WAITING = ["open", "leased", "second_review", "escalated"];

export class VerdictBar {
  /**
   * @param {{
   *   decide: (verb: string, reason: string) => void,
   *   skip: () => void,
   *   drafted: () => void,
   * }} page
   */
  constructor(page) {
    this.page = page;
    this.choices = [];
    this.open = "";
    this.buttons = el("div", { class: "verdict-buttons" });
    this.menu = el("div", { class: "reasons", role: "group", hidden: true });
    this.remember = el("input", { type: "checkbox" });
    this.rememberLabel = el("label", { class: "remember", hidden: true }, this.remember,
      "Remember: do not flag this pair again");
    this.note = el("textarea", { rows: 2, maxlength: 10000, "data-role": "note",
      input: () => page.drafted() });
    this.skip = el("button", { class: "button", type: "button", "data-role": "skip",
      click: () => page.skip() }, "Skip", kbd("s"));
    this.does = el("p", { class: "does small", "aria-live": "polite" });
    this.element = el("section", { class: "verdict-bar", "aria-label": "Decide" },
      el("label", { class: "note" }, el("span", {}, "Note", kbd("n")), this.note),
      el("div", { class: "verdict-choose" }, this.buttons, this.menu, this.rememberLabel, this.does));
  }

  /** @param {any} told the case of the flag */
  show(told) {
    this.choices = told.choices.filter((choice) => choice.verb in LOOKS);
    this.close();
    this.note.value = told.draft?.note || "";
    this.draftReason = told.draft?.reason || "";
    this.remember.checked = false;
    this.note.disabled = !this.choices.length;
    this.buttons.replaceChildren(...this.choices.map((choice) => this.button(choice)), this.skip);
    const decided = `It is ${told.state.replaceAll("_", " ")}.`;
    const free = WAITING.includes(told.state) ? "Take it to decide it." : decided;
    const none = told.lease ? `${told.lease.holder} has this one.` : free;
    setText(this.does, this.choices.length ? "" : none);
  }

  button(choice) {
    const look = LOOKS[choice.verb];
    const say = () => setText(this.does, choice.does);
    return el("button", { class: `button ${look.primary ? "primary" : ""}`, type: "button",
      "data-verb": choice.verb, "aria-expanded": choice.reasons.length ? "false" : null,
      "aria-description": choice.does, pointerenter: say, focus: say,
      click: () => this.choose(choice) }, look.label, kbd(look.key));
  }

  choose(choice) {
    if (!choice.reasons.length) {
      if (choice.needs_note && !this.note.value.trim()) {
        setText(this.does, "Say in a note what the lead should look at.");
        this.note.focus();
        return;
      }
      this.page.decide(choice.verb, "");
      return;
    }
    if (this.open === choice.verb) {
      this.close();
      return;
    }
    this.open = choice.verb;
    for (const button of this.buttons.querySelectorAll("[data-verb]")) {
      if (button.hasAttribute("aria-expanded")) {
        button.setAttribute("aria-expanded", String(button.dataset.verb === choice.verb));
      }
    }
    this.menu.hidden = false;
    this.menu.setAttribute("aria-label", `Why: ${LOOKS[choice.verb].label}`);
    this.menu.replaceChildren(...choice.reasons.map((reason, index) => el("button",
      { class: "button", type: "button", "data-reason": reason.value,
        click: () => this.page.decide(choice.verb, reason.value) }, reason.label,
      kbd(String(index + 1)))));
    this.rememberLabel.hidden = choice.verb !== "dismiss";
    setText(this.does, choice.does);
    (this.menu.querySelector(`[data-reason="${CSS.escape(this.draftReason)}"]`)
      || this.menu.firstElementChild).focus();
  }

  close() {
    this.open = "";
    this.menu.hidden = true;
    this.rememberLabel.hidden = true;
    for (const button of this.buttons.querySelectorAll("[aria-expanded]")) {
      button.setAttribute("aria-expanded", "false");
    }
  }

  /** @param {string} key @returns {boolean} whether it meant something here */
  key(key) {
    if (this.open && /^[1-9]$/.test(key)) {
      this.menu.children[Number(key) - 1]?.click();
      return true;
    }
    if (this.open && key === "Escape") {
      const verb = this.open;
      this.close();
      this.buttons.querySelector(`[data-verb="${verb}"]`)?.focus();
      return true;
    }
    const choice = this.choices.find((one) => LOOKS[one.verb].key === key);
    if (choice) this.choose(choice);
    return Boolean(choice);
  }
}

/** @param {string} key */
export function kbd(key) {
  return el("kbd", { "aria-hidden": "true" }, key.toUpperCase());
}
