/** The page of one video: verdict, state, timeline and duplicates, kept current by live messages. */

import { csrfToken } from "./csrf.js";
import { Narrator } from "./announce.js";
import { byId, el, embedded, setText } from "./dom.js";
import { DuplicateView } from "./duplicate.js";
import { factRows } from "./facts.js";
import { redrawn } from "./focus.js";
import { percent, shown, titleOf } from "./format.js";
import { watch } from "./live.js";
import { problemParts } from "./problem.js";
import { ProgressBar } from "./progress-bar.js";
import { Timeline } from "./timeline.js";
import { applyMessage, ordered } from "./video-state.js";
import { advice, isFinal, sentence, stateWords, verdict } from "./words.js";

/** @typedef {import("./types.js").Video} Video */

class VideoPage {
  /** @param {Video} video */
  constructor(video) {
    this.video = video;
    this.connection = "";
    /** @type {HTMLVideoElement|null} */
    this.player = null;
    /** @type {Map<string, DuplicateView>} */
    this.views = new Map();
    this.openedBest = false;
    this.verdict = "";
    this.bar = new ProgressBar("Analysis", byId("progress"));
    this.timeline = new Timeline((seconds) => this.seek(seconds));
    byId("timeline").append(this.timeline.element);
    this.narrator = new Narrator(shown(titleOf(video)));
  }

  start() {
    this.render();
    this.goToPlace();
    addEventListener("hashchange", () => this.goToPlace());
    this.narrator.remember(this.video);
    if (isFinal(this.video.state)) return;
    watch(this.video.id, {
      message: (message) => {
        this.video = applyMessage(this.video, message);
        this.render();
        this.narrator.tell(this.video);
      },
      connection: (state) => {
        this.connection = state;
        if (state === "ended") this.narrator.conclude(this.video);
        if (state === "missing") this.video = { ...this.video, state: "deleted" };
        this.render();
      },
    });
  }

  render() {
    redrawn(byId("content"), () => this.draw(), byId("duplicates-heading"));
  }

  draw() {
    this.renderVerdict();
    this.renderState();
    this.renderStage();
    byId("facts").replaceChildren(...factRows(this.video));
    const timed = this.video.media_type === "video" && Boolean(this.video.duration);
    byId("timeline").hidden = !timed;
    if (timed) this.timeline.update(this.video);
    this.renderDuplicates();
  }

  renderVerdict() {
    const parts = verdict(this.video);
    const words = sentence(parts);
    if (words !== this.verdict) byId("verdict").replaceChildren(...parts);
    this.verdict = words;
  }

  renderState() {
    const { video } = this;
    const final = isFinal(video.state);
    const words = stateWords(video);
    const share = video.state === "processing" ? ` · ${percent(video.progress)}` : "";
    const lost = this.connection === "lost" && !final ? " · reconnecting" : "";
    setText(byId("state"), `${words}${share}${lost}`);
    byId("state").dataset.state = video.state;
    byId("progress").hidden = final;
    this.bar.show(final ? 1 : video.progress, video.state === "queued" ? "waiting" : "working", words);
    const fault = video.error || (video.state === "failed"
      ? { code: "failed", message: "The analysis gave up." } : null);
    byId("problem").hidden = !fault;
    const again = video.allowed.retry;
    byId("problem").replaceChildren(...(fault ? [problem(fault, again ? "" : advice(fault))] : []));
    if (fault && again) byId("problem").firstElementChild.append(this.againButton());
    byId("warnings").replaceChildren(...video.warnings.map((warning) => problem(warning, "")));
    for (const warning of byId("warnings").children) warning.classList.add("warning");
  }

  /** Asks for another analysis; the page then follows it from the start. */
  againButton() {
    return el("button", { class: "button", type: "button", "data-role": "again",
      click: async (event) => {
        event.currentTarget.disabled = true;
        await fetch(`/api/v1/videos/${encodeURIComponent(this.video.id)}/retry`, {
          method: "POST",
          credentials: "same-origin",
          headers: { "X-CSRFToken": csrfToken() },
        }).catch(() => null);
        window.location.reload();
      } }, "Analyse again");
  }

  renderStage() {
    const { media, media_type: type, thumbnail } = this.video;
    const name = titleOf(this.video);
    if (this.player?.dataset.media === media && media) {
      if (thumbnail && this.player.getAttribute("poster") !== thumbnail) this.player.poster = thumbnail;
      return;
    }
    const stage = byId("stage");
    if (media && type === "video") {
      this.player = el("video", { src: media, poster: thumbnail || null, controls: true,
        preload: "metadata", playsinline: true, "data-media": media, "aria-label": name,
        play: () => this.pausePairs(),
        timeupdate: () => this.timeline.setPosition(this.player.currentTime),
        seeking: () => this.timeline.setPosition(this.player.currentTime) });
      stage.replaceChildren(this.player);
      this.timeline.setPosition(0);
    } else if (media || thumbnail) {
      this.player = null;
      const source = media || thumbnail;
      if (stage.firstElementChild?.getAttribute("src") !== source) {
        stage.replaceChildren(el("img", { src: source, alt: type === "image" ? name : "" }));
      }
    } else {
      stage.replaceChildren(el("p", { class: "screen-note" }, "The picture comes with the analysis."));
    }
    // Of what was not read none will come.
    stage.hidden = !media && !thumbnail && isFinal(this.video.state);
  }

  renderDuplicates() {
    const { duplicates, state } = this.video;
    const wanted = new Set(duplicates.map((duplicate) => String(duplicate.id)));
    for (const [id, view] of this.views) {
      if (wanted.has(id)) continue;
      view.close();
      view.element.remove();
      this.views.delete(id);
    }
    const list = byId("duplicates");
    duplicates.forEach((duplicate, index) => {
      const id = String(duplicate.id);
      const known = this.views.get(id);
      if (known) known.update(this.video, duplicate);
      else this.views.set(id, this.view(duplicate));
      const { element } = this.views.get(id);
      // Moving an element stops its players, so only what stands wrong is moved.
      if (list.children[index] !== element) list.insertBefore(element, list.children[index] || null);
    });
    setText(byId("duplicates-heading"), duplicates.length > 1
      ? `What matches (${duplicates.length})` : "What matches");
    byId("exports").hidden = !duplicates.length;
    const none = byId("no-duplicates");
    none.hidden = duplicates.length > 0;
    byId("matches").hidden = !duplicates.length && ["failed", "quarantined", "deleted"].includes(state);
    setText(none, isFinal(state)
      ? "No other video of the library shares pictures with this one."
      : "Matches appear here as they are found.");
    if (isFinal(state) && !this.openedBest && duplicates.length) {
      this.openedBest = true;
      if (![...this.views.values()].some((view) => view.pair)) {
        this.views.get(String(duplicates[0].id)).open();
      }
    }
  }

  view(duplicate) {
    return new DuplicateView(this.video, duplicate, {
      opened: (opened) => {
        this.player?.pause?.();
        for (const view of this.views.values()) if (view !== opened && view.pair) view.close();
      },
      moved: (seconds) => this.timeline.setPosition(seconds),
      showHere: (seconds) => {
        this.seek(seconds);
        byId("stage").scrollIntoView({ block: "nearest" });
        this.player?.play?.().catch(() => {});
      },
    });
  }

  /** An address that ends in #t=12.4 asks for that second. */
  goToPlace() {
    const seconds = secondsIn(location.hash);
    if (seconds === null || !this.player) return;
    this.seek(seconds);
    byId("stage").scrollIntoView({ block: "nearest" });
    // A browser that does not let a page begin to play shows the picture of that second.
    this.player.play().catch(() => {});
  }

  pausePairs() {
    for (const view of this.views.values()) view.pause();
  }

  /**
   * This video here and in an open pair.
   * @param {number} seconds
   */
  seek(seconds) {
    if (this.player) this.player.currentTime = seconds;
    for (const view of this.views.values()) view.pair?.seek(seconds);
    this.timeline.setPosition(seconds);
  }
}

/** @param {string} hash */
function secondsIn(hash) {
  const seconds = Number(new URLSearchParams(hash.slice(1)).get("t") || NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

function problem(fault, advice) {
  return el("div", { class: "problem" }, ...problemParts(fault, advice));
}

new VideoPage(ordered(embedded("video"))).start();
// Drawn: nothing jumps before the reader's eyes.
delete document.body.dataset.waits;
