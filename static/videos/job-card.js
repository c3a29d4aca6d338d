/** One upload on screen, from the chosen file to its verdict. */

import { Narrator, announce } from "./announce.js";
import { ICONS, byId, el, icon, setText } from "./dom.js";
import { handOn, neighbour, redrawn } from "./focus.js";
import { bytes, counted, dateTime, dotted, percent, rate, shown, timeLeft, titleOf } from "./format.js";
import { watch } from "./live.js";
import { Preview } from "./preview.js";
import { problemParts } from "./problem.js";
import { ProgressBar } from "./progress-bar.js";
import { transfer } from "./transfer.js";
import { Pace, UploadError, refusedBeforeSending, tooLong } from "./upload-request.js";
import { video as asked } from "./video-request.js";
import { applyMessage, ordered } from "./video-state.js";
import { advice, isFinal, stateWords, verdict } from "./words.js";

/** @typedef {import("./types.js").Video} Video */
/** @typedef {import("./transfer.js").Site} Site */

/** Share of the bar that belongs to sending; the analysis has the rest. */
const SENDING_SHARE = 0.4;

export class JobCard {
  /**
   * @param {string} name
   * @param {import("./upload-queue.js").UploadQueue} queue
   * @param {Site} site
   * @param {(card: JobCard) => void} removed
   */
  constructor(name, queue, site, removed) {
    this.name = shown(name);
    this.queue = queue;
    this.site = site;
    this.removed = removed;
    /** @type {File|null} */
    this.file = null;
    /** @type {Video|null} */
    this.video = null;
    /** Not yet with the server: leaving the page would lose it. */
    this.unsent = false;
    /** @type {Preview|null} */
    this.preview = null;
    /** What sends the file, while it is on its way. */
    this.transfer = null;
    this.paused = false;
    /** What trying again is. */
    this.onceMore = () => this.start();
    this.picture = el("div", { class: "thumbnail" }, icon(ICONS.film));
    this.words = el("span", { "data-role": "state" });
    this.figures = el("span");
    this.bar = new ProgressBar(`Progress of ${this.name}`);
    this.action = el("button", { class: "button quiet", type: "button", hidden: true,
      click: () => this.act() });
    this.hold = el("button", { class: "button quiet", type: "button", hidden: true,
      click: () => this.pauseOrGoOn() });
    this.again = el("button", { class: "button", type: "button", hidden: true,
      click: () => this.onceMore() }, "Try again");
    this.heading = el("h3");
    this.call(name);
    this.result = el("div", { class: "job-result", hidden: true });
    this.problem = el("div", { class: "problem", hidden: true });
    this.body = el("div", { class: "job-body" },
      el("div", { class: "job-head" }, this.heading,
        el("div", { class: "job-actions" }, this.hold, this.action)),
      el("p", { class: "job-state" }, this.words, this.figures),
      this.bar.element, this.problem, this.result);
    this.element = el("li", { class: "job card", "data-role": "job-card" }, this.picture, this.body);
  }

  /** @param {string} name */
  call(name) {
    this.name = shown(name);
    this.heading.title = this.name;
    this.heading.replaceChildren(el("bdi", {}, this.name));
  }

  /**
   * A file just chosen.
   * @param {File} file
   */
  async take(file) {
    this.file = file;
    const refused = refusedBeforeSending(file, this.site);
    if (refused) {
      this.fail(refused);
      return;
    }
    this.unsent = true;
    this.state("checking", "Reading it", bytes(file.size));
    this.preview = new Preview(file);
    const picture = await this.preview.thumbnail();
    if (picture) this.showPreview(picture);
    const long = tooLong(this.preview.duration ?? 0, this.site.maxDuration);
    if (long) this.fail(long);
    else this.start();
  }

  /**
   * A video the server knows.
   * @param {Video} video
   */
  follow(video) {
    this.element.dataset.video = video.id;
    this.narrator = new Narrator(this.name);
    this.show(ordered(video));
    this.narrator.remember(this.video);
    if (isFinal(video.state)) return;
    watch(video.id, {
      message: (message) => {
        this.show(applyMessage(this.video, message));
        this.narrator.tell(this.video);
      },
      connection: (state) => {
        if (state === "lost" && !isFinal(this.video.state)) setText(this.figures, "Reconnecting");
        if (state === "ended") this.narrator.conclude(this.video);
        if (state === "missing") this.show({ ...this.video, state: "deleted" });
      },
    });
  }

  /**
   * An earlier upload, before it is known what matches.
   * @param {Video} video
   */
  recall(video) {
    this.state(video.state, stateWords(video), dateTime(video.uploaded_at));
    this.bar.element.hidden = true;
    if (video.thumbnail) this.showThumbnail(video.thumbnail);
  }

  /** @param {Video} recalled */
  async catchUp(recalled) {
    try {
      this.follow(await asked(recalled.id));
    } catch {
      // It stays as the page knew it.
    }
  }

  start() {
    this.unsent = true;
    this.clear();
    this.state("waiting", "Waiting to be sent", bytes(this.file.size));
    this.offer("Cancel");
    this.queue.add(this);
  }

  /** As before the first try. */
  clear() {
    handOn(this.problem, this.element);
    this.again.hidden = true;
    this.problem.hidden = true;
    this.restartBar();
  }

  /** Called by the queue when it is this file's turn. Never rejects. */
  async run() {
    this.pace = new Pace();
    this.state("sending", "Sending", bytes(this.file.size));
    this.transfer = transfer(this.file, this.site, {
      progress: (sent, total) => this.sending(sent, total),
      lost: () => this.lost(),
    });
    this.offerHold("Pause");
    try {
      const video = await this.transfer.start();
      this.unsent = false;
      announce(`${this.name} has arrived.`);
      this.offer("");
      this.follow(video);
    } catch (error) {
      this.unsent = false;
      if (error instanceof UploadError && error.code === "cancelled") this.remove();
      else this.fail(error);
    } finally {
      this.transfer = null;
      this.offerHold("");
    }
  }

  sending(sent, total) {
    if (this.paused) return;
    this.pace.note(sent);
    const share = total ? sent / total : 0;
    if (sent >= total) {
      this.offerHold("");
      this.state("waiting", "Being taken in", bytes(this.file.size));
    } else {
      const parts = [`${bytes(Math.round(share * this.file.size))} of ${bytes(this.file.size)}`];
      if (this.pace.perSecond) {
        parts.push(rate(this.pace.perSecond), timeLeft(this.pace.secondsFor(total - sent)));
      }
      this.state("sending", "Sending", dotted(parts));
    }
    this.share = Math.max(this.share ?? 0, share);
    this.bar.show(SENDING_SHARE * this.share, sent >= total ? "waiting" : "sending", this.words.textContent);
  }

  /** The line broke; what was sent is kept, and the rest follows by itself. */
  lost() {
    if (this.element.dataset.state !== "lost") announce(`${this.name}: the connection broke. It goes on by itself.`);
    this.state("lost", "Connection lost, goes on by itself", bytes(this.file.size));
    this.bar.show(SENDING_SHARE * (this.share ?? 0), "waiting", this.words.textContent);
  }

  pauseOrGoOn() {
    this.paused = !this.paused;
    if (this.paused) {
      this.transfer.pause();
      this.state("paused", "Paused", `${bytes(Math.round((this.share ?? 0) * this.file.size))} of ${bytes(this.file.size)}`);
      this.bar.show(SENDING_SHARE * (this.share ?? 0), "waiting", "Paused");
    } else {
      this.pace = new Pace();
      this.transfer.goOn();
      this.state("sending", "Sending", bytes(this.file.size));
    }
    this.offerHold(this.paused ? "Go on" : "Pause");
    announce(`${this.name}: ${this.paused ? "paused" : "sending again"}.`);
  }

  /** @param {Video} video */
  show(video) {
    this.video = video;
    const final = isFinal(video.state);
    const words = stateWords(video);
    const phase = video.state === "failed" ? "failed" : video.state === "queued" ? "waiting" : "working";
    this.state(video.state, words, final ? dateTime(video.uploaded_at) : progressFigures(video));
    this.bar.show(SENDING_SHARE + (1 - SENDING_SHARE) * (final ? 1 : video.progress), phase, words);
    this.bar.element.hidden = final;
    if (video.thumbnail && !this.preview) this.showThumbnail(video.thumbnail);
    if (video.state === "failed") {
      const fault = video.error || { code: "failed", message: "The analysis gave up." };
      const again = Boolean(this.file && fault.retryable);
      this.explain({ ...fault, detail: again ? "" : advice(fault) });
      this.again.hidden = !again;
    } else if (final || video.duplicates.length) {
      if (video.error) this.explain({ ...video.error, detail: "" });
      this.conclude(video, final);
    }
  }

  conclude(video, final) {
    const parts = [el("p", { "data-role": "verdict" }, ...verdict(video))];
    if (video.page) {
      const found = video.duplicates.length > 0;
      parts.push(el("a", { class: found ? "button primary" : "button", href: video.page,
        "aria-label": `${found ? "See what matches" : "Open"} ${titleOf(video)}` },
        found ? "See what matches" : "Open"));
    }
    redrawn(this.result, () => this.result.replaceChildren(...parts), this.element);
    this.result.hidden = false;
    this.element.dataset.final = String(final);
  }

  /**
   * @param {UploadError|Error} error
   * @param {string} [words] what has not happened
   */
  fail(error, words = "Not sent") {
    this.unsent = false;
    const known = error instanceof UploadError ? error
      : new UploadError("page", "Something broke in this page.", "Reload it and try again.", true);
    this.state("failed", words, this.file ? bytes(this.file.size) : "");
    this.bar.element.hidden = true;
    this.explain({ code: known.code, message: known.title, detail: known.detail });
    this.again.hidden = !known.retryable;
    this.offer("Remove");
    announce(`${this.name}: ${words}. ${known.title}`);
  }

  explain(fault) {
    this.problem.replaceChildren(...problemParts(fault, fault.detail), el("div", {}, this.again));
    this.problem.hidden = false;
  }

  /** Cancels what is on its way, takes away what is over. */
  act() {
    if (this.transfer) {
      this.transfer.cancel();
      return;
    }
    this.queue.remove(this);
    this.remove();
  }

  remove() {
    this.unsent = false;
    this.preview?.release();
    // Not to a button of the neighbour: whoever presses Enter once more would cancel that, too.
    handOn(this.element, neighbour(this.element), byId("choose"));
    this.element.remove();
    this.removed(this);
  }

  state(state, words, figures) {
    this.element.dataset.state = state;
    setText(this.words, words);
    setText(this.figures, figures);
  }

  offerHold(words) {
    if (!words) handOn(this.hold, this.element);
    this.hold.hidden = !words;
    setText(this.hold, words);
    this.hold.setAttribute("aria-label", `${words} ${this.name}`);
  }

  offer(words) {
    if (!words) handOn(this.action, this.element);
    this.action.hidden = !words;
    setText(this.action, words);
    this.action.setAttribute("aria-label", `${words} ${this.name}`);
  }

  restartBar() {
    const bar = new ProgressBar(`Progress of ${this.name}`);
    this.bar.element.replaceWith(bar.element);
    this.bar = bar;
  }

  showThumbnail(url) {
    if (this.thumbnail === url) return;
    this.thumbnail = url;
    this.picture.replaceChildren(el("img", { src: url, alt: "", loading: "lazy" }));
  }

  /** The thumbnail of a local file opens the file itself. */
  showPreview(picture) {
    const stage = el("div", { class: "job-preview", hidden: true });
    const button = el("button", { class: "thumbnail", type: "button", "aria-expanded": "false",
      "aria-label": `Preview of ${this.name}`,
      click: () => {
        const open = stage.hidden;
        stage.replaceChildren(...(open ? [this.preview.large()] : []));
        stage.hidden = !open;
        button.setAttribute("aria-expanded", String(open));
      } }, picture);
    this.picture.replaceWith(button);
    this.picture = button;
    this.element.append(stage);
  }
}

/** @param {Video} video */
function progressFigures(video) {
  if (video.state === "queued") return "";
  const parts = [percent(video.progress)];
  if (video.scene_cuts.length) parts.push(counted(video.scene_cuts.length, "scene cut"));
  return dotted(parts);
}
