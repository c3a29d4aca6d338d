/** What is searched with: its picture, its name, and how far the search is. */

import { ICONS, el, icon, setText } from "./dom.js";
import { handOn } from "./focus.js";
import { bytes, counted, percent, shown } from "./format.js";
import { Preview } from "./preview.js";
import { problemParts } from "./problem.js";
import { ProgressBar } from "./progress-bar.js";
import { Pace } from "./upload-request.js";

/** Share of the bar that belongs to sending; the search has the rest. */
const SENDING_SHARE = 0.4;

export class QueryCard {
  /**
   * @param {File|{name: string, size: number, type: string}} file the file, or what is known of it
   * @param {{cancel: () => void, again: () => void}} act
   */
  constructor(file, act) {
    this.file = file;
    this.name = shown(file.name);
    this.preview = file instanceof File ? new Preview(file) : null;
    this.isImage = file.type.startsWith("image");
    this.pace = new Pace();
    /** Others are searching, and it was said. */
    this.isBusy = false;
    this.words = el("span", { "data-role": "state" });
    this.figures = el("span");
    this.bar = new ProgressBar(`Search with ${this.name}`);
    this.cancel = el("button", { class: "button quiet", type: "button", "data-role": "cancel",
      "aria-label": `Cancel the search with ${this.name}`, click: act.cancel }, "Cancel");
    this.again = el("button", { class: "button", type: "button", click: act.again }, "Try again");
    this.problem = el("div", { class: "problem", hidden: true });
    this.picture = el("div", { class: "thumbnail" },
      icon(this.isImage ? ICONS.picture : ICONS.film));
    this.element = el("div", { class: "job card", "data-role": "query" }, this.picture,
      el("div", { class: "job-body" },
        el("div", { class: "job-head" }, el("h2", { title: this.name }, el("bdi", {}, this.name)),
          this.cancel),
        el("p", { class: "job-state" }, this.words, this.figures), this.bar.element, this.problem));
  }

  /** Puts the file's own picture there; it opens the whole. */
  async look() {
    const picture = await this.preview?.thumbnail();
    if (!picture) return;
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
    this.element.append(stage);
  }

  /**
   * @param {number} sent
   * @param {number} total
   */
  sending(sent, total) {
    this.pace.note(sent);
    const share = total ? sent / total : 0;
    const here = sent >= total;
    const size = bytes(this.file.size);
    this.show(here ? "Searching the library" : "Sending",
      here ? size : `${bytes(Math.round(share * this.file.size))} of ${size}`,
      SENDING_SHARE * share, here ? "waiting" : "sending");
  }

  /** @param {number} seconds until it is sent again */
  busy(seconds) {
    this.isBusy = true;
    this.show("Others are searching", `It is tried again in ${counted(seconds, "second")}`, 0, "waiting");
  }

  /** @param {import("./types.js").Found} found */
  working(found) {
    const runs = found.state === "running";
    this.show(runs ? "Looking through it" : "Waiting for its turn",
      runs ? percent(found.progress) : "It is long; this takes a moment",
      SENDING_SHARE + (1 - SENDING_SHARE) * found.progress, runs ? "working" : "waiting");
  }

  /** From the beginning, as after an error. */
  restart() {
    const bar = new ProgressBar(`Search with ${this.name}`);
    this.bar.element.replaceWith(bar.element);
    this.bar = bar;
    this.cancel.hidden = false;
    handOn(this.problem, this.cancel);
    this.problem.hidden = true;
    delete this.element.dataset.state;
    delete this.element.dataset.final;
    this.isBusy = false;
    this.show("Sending", bytes(this.file.size), 0, "sending");
  }

  done() {
    this.end("Searched", bytes(this.file.size));
    this.cancel.hidden = true;
  }

  /** @param {import("./upload-request.js").UploadError} error */
  failed(error) {
    this.end("Not searched", bytes(this.file.size));
    this.element.dataset.state = "failed";
    this.problem.replaceChildren(
      ...problemParts({ message: error.title, code: error.code }, error.detail),
      el("div", {}, error.retryable && this.again));
    this.problem.hidden = false;
    handOn(this.cancel, this.again, this.element);
    this.cancel.hidden = true;
  }

  end(words, figures) {
    this.show(words, figures, 1, "working");
    this.bar.element.hidden = true;
    this.element.dataset.final = "true";
  }

  show(words, figures, share, phase) {
    setText(this.words, words);
    setText(this.figures, figures);
    this.bar.show(share, phase, words);
  }

  release() {
    this.preview?.release();
    this.element.remove();
  }
}
