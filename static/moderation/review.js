/** The review screen: one flag after the other, each taken, looked at, decided. */

import { byId, el, embedded, present, setText } from "../videos/dom.js";
import { dateTime, titleOf } from "../videos/format.js";
import { verdict } from "../videos/words.js";
import { Problem, ask, giveBack, wanted } from "./desk.js";
import { Evidence, noEvidence } from "./evidence.js";
import { facts } from "./facts.js";
import { HandOver } from "./hand-over.js";
import { keyList, listen } from "./keys.js";
import { LeaseClock } from "./lease-clock.js";
import { UndoBar } from "./undo-bar.js";
import { VerdictBar } from "./verdict-bar.js";

const DRAFT_MS = 700;
const DONE = { dismissed: "Dismissed", confirmed: "Confirmed", escalated: "Left to a lead",
  second_review: "Waits for a second moderator", open: "Back in the queue" };
/** What to do where the screen is not what it was any more. */
const AGAIN = { LEASE_LOST: "Take it again", CHANGED: "Look again", EVIDENCE_CHANGED: "Look again",
  HELD: "Try again" };

class Review {
  constructor() {
    const told = embedded("review-screen");
    this.reasons = told.reasons;
    this.decisionPage = (id) => told.decision.replace("/0/", `/${id}/`);
    this.keysOn = told.keys;
    this.blurred = told.blur;
    /** @type {any} the case on the screen */
    this.told = null;
    /** @type {number[]} flags seen here, the last one is on the screen */
    this.seen = [];
    this.busy = false;
    this.bar = new VerdictBar({ decide: (verb, reason) => this.decide(verb, reason),
      skip: () => this.skip(), drafted: () => this.draftSoon() });
    this.lease = new LeaseClock({ lost: (problem) => this.lost(problem),
      looking: (names) => this.showLooking(names) });
    this.undo = new UndoBar(told.undo_seconds, (id) => this.takeBack(id));
    this.keys = keyList();
    this.handOver = new HandOver({ give: (to) => this.give(to), free: () => this.free() });
    byId("lease").replaceChildren(this.lease.element, this.handOver.element);
    byId("decide").replaceChildren(this.undo.element, this.bar.element);
    document.body.append(this.keys);
    byId("keys-button").addEventListener("click", () => this.keys.showModal());
    byId("blur-always").addEventListener("change", (event) => this.prefer(event));
    byId("keys-on").addEventListener("change", (event) => this.prefer(event));
    listen((event) => this.key(event));
    addEventListener("pagehide", () => this.leave());
    if (!told.flag) this.next();
    else if (told.waits) this.work(() => this.take(told.flag), told.flag);
    else this.work(() => this.look(told.flag));
  }

  /**
   * Asks for a case and shows it; what goes wrong is said where the case would be.
   * @param {() => Promise<any>} request
   * @param {number} [id] to look at when it cannot be taken
   */
  async work(request, id) {
    if (this.busy) return;
    this.busy = true;
    byId("review").setAttribute("aria-busy", "true");
    try {
      this.show(await request());
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (id && [403, 409].includes(problem.status)) {
        this.show(await this.look(id).catch(() => null));
      }
      // What is decided is looked at without a lease.
      if (problem.code !== "WRONG_STATE" || !this.told) this.say(problem);
    } finally {
      this.busy = false;
      byId("review").removeAttribute("aria-busy");
    }
    this.count();
  }

  take(id) {
    return ask(`flags/${id}/take/`, "POST");
  }

  look(id) {
    return ask(`flags/${id}/`);
  }

  next() {
    return this.work(() => ask("flags/next/", "POST", wanted()));
  }

  show(told) {
    this.evidence?.close();
    this.evidence = null;
    this.told = told;
    byId("problem").hidden = true;
    byId("case").hidden = !told;
    byId("none").hidden = Boolean(told);
    byId("decide").hidden = !told && !this.undo.last;
    this.bar.element.hidden = !told;
    if (!told) {
      this.lease.stop();
      byId("none").querySelector("a").focus();
      return;
    }
    if (this.seen.at(-1) !== told.id) this.seen.push(told.id);
    this.lease.follow(told.id, told.lease);
    this.handOver.show(told);
    this.bar.show(told);
    this.head(told);
    this.showLooking(told.looking);
    byId("facts").replaceChildren(...facts(told, this.reasons, this.decisionPage));
    const place = byId("evidence");
    if (told.match) {
      this.evidence = new Evidence(told, this.blurred);
      place.replaceChildren(this.evidence.element);
    } else {
      noEvidence(place);
    }
    byId("title").focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  head(told) {
    const { video, match } = told;
    const name = (one) => el("bdi", {}, titleOf(one));
    byId("title").replaceChildren(...(match
      ? ["Is ", name(video), " a copy of ", name(match.video), "?"] : [`Flag ${told.id}`]));
    byId("verdict").replaceChildren(...(match
      ? verdict({ ...video, duplicates: [match] }) : ["Nothing to compare."]));
    const policy = told.policy ? `policy ${told.policy}${told.holder ? ` of ${told.holder}` : ""}`
      : "nobody's policy: a plain duplicate";
    const due = told.due_at ? `${told.overdue ? "was due" : "due"} ${dateTime(told.due_at)}` : "";
    setText(byId("policy"), [told.state.replaceAll("_", " "), policy, due].filter(Boolean).join(" · "));
    byId("policy").classList.toggle("overdue", told.overdue);
    document.title = `${match ? titleOf(video) : `Flag ${told.id}`} · review`;
  }

  showLooking(names) {
    setText(byId("looking"), names.length ? `Also here: ${names.join(", ")}` : "");
  }

  async decide(verb, reason) {
    const { told } = this;
    if (this.busy || !told) return;
    if (verb === "undo") {
      await this.takeBack(told.id);
      return;
    }
    if (verb === "reopen") {
      await this.reopen(told, reason);
      return;
    }
    if (!told.lease?.token) return;
    const confirms = ["confirm", "agree", "answer-confirm"].includes(verb);
    const segments = confirms ? this.evidence?.ticked() || [] : [];
    if (confirms && this.evidence && !segments.length) {
      // To the server none would be all of them.
      this.say(new Problem({ code: "BAD_SEGMENTS", detail: "Tick the segments that are a copy." }));
      return;
    }
    this.busy = true;
    clearTimeout(this.drafting);
    await this.lease.rest();
    let done = null;
    try {
      done = await ask(`flags/${told.id}/${verb}/`, "POST", {
        version: told.version, token: told.lease.token, reason, note: this.bar.note.value,
        segments, seen: told.evidence_sha256,
        remember: verb === "dismiss" && this.bar.remember.checked,
      });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.say(problem);
      this.lease.follow(told.id, told.lease);
    } finally {
      this.busy = false;
    }
    if (!done) return;
    this.undo.offer(told.id, `${DONE[done.state] || done.state}: ${this.nameOf(told)}.`);
    if (["escalated", "open"].includes(done.state)) this.undo.last = null;
    await this.next();
  }

  nameOf(told) {
    return told.match ? titleOf(told.video) : `flag ${told.id}`;
  }

  async skip() {
    const skipped = this.told?.id;
    await this.letGo();
    if (!skipped) return;
    await this.work(async () => await ask("flags/next/", "POST", { ...wanted(), after: skipped })
      // At the queue's end it begins anew.
      || ask("flags/next/", "POST", wanted()));
    if (this.told?.id === skipped) {
      this.say(new Problem({ code: "LAST",
        detail: "This is the only one that waits for you in this queue." }));
    }
  }

  async back() {
    if (this.seen.length < 2) return;
    await this.letGo();
    this.seen.pop();
    const id = this.seen.at(-1);
    await this.work(() => this.take(id), id);
  }

  async reopen(told, reason) {
    await this.work(async () => {
      await ask(`flags/${told.id}/reopen/`, "POST",
        { version: told.version, reason, note: this.bar.note.value });
      return this.look(told.id);
    });
  }

  /** A lead gives what somebody holds to another one. @param {string} to */
  async give(to) {
    const { told } = this;
    if (!told) return;
    await this.saveDraft();
    await this.work(async () => {
      await ask(`flags/${told.id}/hand-over/`, "POST", { to });
      return this.look(told.id);
    });
  }

  /** A lead takes a flag out of somebody's hands. */
  async free() {
    const { told } = this;
    if (!told) return;
    await this.work(async () => {
      await ask(`flags/${told.id}/release/`, "POST", {});
      return this.take(told.id);
    }, told.id);
  }

  async letGo() {
    const { told } = this;
    if (!told?.lease?.token) return;
    await this.lease.rest();
    await this.saveDraft();
    await ask(`flags/${told.id}/release/`, "POST", { token: told.lease.token }).catch(() => {});
  }

  leave() {
    const { held } = this.lease;
    this.saveDraft();
    if (held) giveBack(held.id, held.token);
    this.lease.stop();
  }

  async takeBack(id) {
    await this.letGo();
    try {
      await ask(`flags/${id}/undo/`, "POST", {});
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.say(problem);
      return;
    }
    await this.work(() => this.take(id), id);
  }

  draftSoon() {
    clearTimeout(this.drafting);
    this.drafting = setTimeout(() => this.saveDraft(), DRAFT_MS);
  }

  async saveDraft() {
    clearTimeout(this.drafting);
    const note = this.bar.note.value;
    if (!this.told || note === (this.told.draft?.note || "")) return;
    this.told.draft = { note, reason: this.told.draft?.reason || "" };
    await ask(`flags/${this.told.id}/draft/`, "PUT", this.told.draft).catch(() => {});
  }

  /** @param {Problem} problem */
  say(problem) {
    const again = this.told && AGAIN[problem.code];
    byId("problem").hidden = false;
    byId("problem").replaceChildren(...present([el("strong", {}, problem.message),
      el("code", {}, problem.code),
      again && el("button", { class: "button", type: "button", "data-role": "again",
        click: () => this.again() }, again)]));
  }

  /** Take what is on the screen once more; what was written stays. */
  async again() {
    const { id } = this.told;
    await this.saveDraft();
    await this.work(() => this.take(id), id);
  }

  lost(problem) {
    this.saveDraft();
    this.say(problem);
    this.bar.show({ ...this.told, choices: [], lease: null });
  }

  async count() {
    const counts = await ask("counts/").catch(() => null);
    if (!counts) return;
    const waiting = ["open", "second_review", "escalated"].map((state) => [state, counts[state]?.count || 0]);
    setText(byId("counts"), waiting.filter(([state, count]) => count || state === "open")
      .map(([state, count]) => `${count.toLocaleString("en")} ${state.replaceAll("_", " ")}`).join(" · "));
  }

  async prefer() {
    this.keysOn = byId("keys-on").checked;
    this.blurred = byId("blur-always").checked;
    await ask("preferences/", "PUT", { blur: this.blurred, keys: this.keysOn }).catch(() => {});
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { key } = event;
    if (key === "?") {
      this.keys.showModal();
      return true;
    }
    if (!this.keysOn) return false;
    const acts = {
      s: () => this.skip(), j: () => this.skip(), k: () => this.back(),
      u: () => (this.undo.element.hidden ? this.told && this.bar.key("u") : this.undo.button.click()),
      n: () => this.bar.note.focus(), h: () => this.lease.renew(),
      b: () => this.evidence?.blur(!this.evidence.blurred),
    };
    if (acts[key]) {
      acts[key]();
      return true;
    }
    return (Boolean(this.told) && this.bar.key(key)) || Boolean(this.evidence?.key(event));
  }
}

new Review();
