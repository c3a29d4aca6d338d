/** The hold on a flag: counts down in sight, renewed as long as somebody is at the screen. */

import { el, setText } from "../videos/dom.js";
import { Problem, ask } from "./desk.js";

const RENEW_MS = 15_000;
/** Without a key or a move of the pointer for so long nobody is there, and the lease runs out. */
const AWAY_MS = 180_000;
const SHORT_S = 60;

export class LeaseClock {
  /** @param {{lost: (problem: Problem) => void, looking: (names: string[]) => void}} page */
  constructor(page) {
    this.page = page;
    /** @type {{id: number, token: string}|null} */
    this.held = null;
    this.until = 0;
    this.active = Date.now();
    this.text = el("span", { role: "timer" });
    this.button = el("button", { class: "button", type: "button", hidden: true,
      title: "Hold on to it (h)", click: () => this.renew() }, "Hold");
    this.element = el("p", { class: "lease" }, this.text, this.button);
    for (const event of ["keydown", "pointermove", "pointerdown"]) {
      addEventListener(event, () => { this.active = Date.now(); }, { passive: true });
    }
    /** @type {Promise<void>|null} */
    this.renewing = null;
    setInterval(() => this.show(), 1000);
    setInterval(() => { if (Date.now() - this.active < AWAY_MS) this.renew(); }, RENEW_MS);
  }

  /**
   * @param {number} id of the flag
   * @param {{token?: string, expires_at: string, mine: boolean, holder: string}|null} lease
   */
  follow(id, lease) {
    this.held = lease?.mine && lease.token ? { id, token: lease.token } : null;
    this.until = lease ? Date.parse(lease.expires_at) : 0;
    this.other = lease && !lease.mine ? lease.holder : "";
    this.show();
  }

  stop() {
    this.held = null;
    this.until = 0;
    this.other = "";
    this.show();
  }

  /** Asks for no more time: what comes next ends the lease. A request on its way is waited for. */
  async rest() {
    this.held = null;
    await this.renewing;
  }

  renew() {
    if (this.held && !this.renewing) {
      this.renewing = this.ask(this.held).finally(() => { this.renewing = null; });
    }
  }

  /** @param {{id: number, token: string}} held */
  async ask(held) {
    try {
      const told = await ask(`flags/${held.id}/renew/`, "POST", { token: held.token });
      if (this.held !== held) return;
      this.until = Date.parse(told.expires_at);
      this.page.looking(told.looking);
      this.show();
    } catch (problem) {
      if (this.held !== held || !(problem instanceof Problem) || problem.status !== 409) return;
      this.stop();
      this.page.lost(problem);
    }
  }

  show() {
    const left = Math.max(0, Math.round((this.until - Date.now()) / 1000));
    this.button.hidden = !this.held;
    this.element.classList.toggle("short", Boolean(this.held) && left < SHORT_S);
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (this.other) setText(this.text, `${this.other} has it for ${clock}`);
    else if (this.held) setText(this.text, left ? `yours for ${clock}` : "time is up, still yours");
    else setText(this.text, "");
  }
}
