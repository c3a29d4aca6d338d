/**
 * A bar as long as the video: scene cuts as ticks, matched seconds as hatched bands, a playhead.
 * While the analysis runs it grows from the left. The same facts stand below as a table.
 */

import { el, setText, svg } from "./dom.js";
import { counted, timestamp } from "./format.js";
import { hatch } from "./hatch.js";
import { isFinal } from "./words.js";

/** @typedef {import("./types.js").Video} Video */

const HEIGHT = 44;
/** Height of the strip that shows matched seconds, under the cuts. */
const STRIP = 12;
const TICK_TOP = 5;
const STEP_S = 1;
const BIG_STEP_S = 10;

export class Timeline {
  /** @param {(seconds: number) => void} seek */
  constructor(seek) {
    this.seek = seek;
    this.duration = 0;
    this.position = 0;
    this.seekable = false;
    /** @type {Video|null} */
    this.video = null;
    this.drawn = "";
    this.film = el("div", { class: "filmstrip", "aria-hidden": "true" });
    this.canvas = svg("svg", { class: "timeline-canvas", height: HEIGHT, "aria-hidden": "true" });
    this.head = el("span", { class: "playhead", hidden: true });
    this.track = el("div", { class: "timeline-track", keydown: (event) => this.key(event),
      pointerdown: (event) => this.grab(event), pointermove: (event) => this.drag(event) },
      this.film, this.canvas, this.head);
    this.start = el("span", {}, "0:00.0");
    this.place = el("span", { class: "place" });
    this.end = el("span");
    this.summary = el("summary");
    this.rows = el("tbody");
    this.table = el("details", { class: "cuts", hidden: true }, this.summary,
      el("div", { class: "cuts-scroll" }, el("table", {},
        el("thead", {}, el("tr", {}, ...["Cut", "At", "Shot before it"].map(
          (name) => el("th", { scope: "col" }, name)))), this.rows)));
    this.element = el("div", { class: "timeline" }, this.track,
      el("div", { class: "timeline-scale" }, this.start, this.place, this.end), this.table);
    new ResizeObserver(() => this.draw()).observe(this.track);
  }

  /** @param {Video} video */
  update(video) {
    this.video = video;
    this.duration = video.duration || 0;
    this.seekable = Boolean(video.media) && this.duration > 0;
    setText(this.end, timestamp(this.duration));
    this.describe();
    this.showFilm(video.filmstrip || []);
    this.draw();
    this.list(video.scene_cuts);
  }

  /** @param {{time: number, picture: string|null}[]} frames pictures at even steps */
  showFilm(frames) {
    const addresses = frames.map((frame) => frame.picture).filter(Boolean);
    if (this.film.childElementCount === addresses.length) return;
    this.film.replaceChildren(...addresses.map((address) =>
      el("img", { src: address, alt: "", loading: "lazy", draggable: "false" })));
  }

  /** @param {number} seconds */
  setPosition(seconds) {
    this.position = Math.min(Math.max(0, seconds), this.duration);
    this.head.hidden = !this.seekable;
    const share = this.duration ? this.position / this.duration : 0;
    this.head.style.setProperty("--at", share.toFixed(5));
    if (this.seekable) {
      setText(this.place, timestamp(this.position));
      this.track.setAttribute("aria-valuenow", this.position.toFixed(1));
      this.track.setAttribute("aria-valuetext", timestamp(this.position));
    }
  }

  describe() {
    const cuts = counted(this.video.scene_cuts.length, "scene cut");
    const name = `Timeline, ${timestamp(this.duration)} long, ${cuts}`;
    const roles = this.seekable
      ? { role: "slider", tabindex: "0", "aria-valuemin": "0",
          "aria-valuemax": this.duration.toFixed(1), "aria-valuenow": this.position.toFixed(1) }
      : { role: "img" };
    for (const attribute of ["role", "tabindex", "aria-valuemin", "aria-valuemax", "aria-valuenow"]) {
      if (attribute in roles) this.track.setAttribute(attribute, roles[attribute]);
      else this.track.removeAttribute(attribute);
    }
    this.track.setAttribute("aria-label", name);
  }

  draw() {
    const width = this.track.clientWidth;
    if (!this.video || !width || !this.duration) return;
    const { video } = this;
    const cuts = video.scene_cuts;
    const bands = video.duplicates.flatMap((duplicate) => duplicate.segments);
    const reached = isFinal(video.state) ? 1
      : Math.max(video.progress, (cuts.at(-1) || 0) / this.duration);
    const key = JSON.stringify([width, reached, cuts, bands.map((band) => [band.start, band.end])]);
    if (key === this.drawn) return;
    this.drawn = key;
    const x = (seconds) => (Math.min(seconds, this.duration) / this.duration) * width;
    this.canvas.setAttribute("width", String(width));
    this.canvas.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const pattern = hatch();
    this.canvas.replaceChildren(
      svg("defs", {}, pattern.element),
      svg("rect", { class: "lane-rest", width, height: HEIGHT, rx: 4 }),
      svg("rect", { class: "lane-done", width: reached * width, height: HEIGHT, rx: 4 }),
      ...merged(bands).flatMap(([start, end]) => {
        const place = { x: x(start), y: HEIGHT - STRIP, height: STRIP,
          width: Math.max(2, x(end) - x(start)) };
        return [svg("rect", { class: "band-fill", ...place }),
          svg("rect", { fill: pattern.url, ...place })];
      }),
      ...cuts.map((cut) => svg("rect", { class: "tick", "data-role": "cut",
        "data-time": cut.toFixed(3), x: x(cut) - 0.75, y: TICK_TOP, width: 1.5,
        height: HEIGHT - STRIP - 2 * TICK_TOP })),
    );
  }

  /** @param {number[]} cuts */
  list(cuts) {
    this.table.hidden = cuts.length === 0;
    setText(this.summary, counted(cuts.length, "scene cut"));
    if (this.rows.childElementCount === cuts.length && !cuts.some((cut, index) =>
      this.rows.children[index].dataset.time !== cut.toFixed(3))) return;
    this.rows.replaceChildren(...cuts.map((cut, index) => el("tr", { "data-time": cut.toFixed(3) },
      el("td", {}, String(index + 1)),
      el("td", {}, el("button", { class: "button quiet", type: "button",
        "aria-label": `Go to the cut at ${timestamp(cut)}`, click: () => this.go(cut) },
        timestamp(cut))),
      el("td", {}, timestamp(cut - (cuts[index - 1] || 0))))));
  }

  go(seconds) {
    if (!this.seekable) return;
    this.setPosition(seconds);
    this.seek(this.position);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const step = event.shiftKey ? BIG_STEP_S : STEP_S;
    const target = { ArrowLeft: this.position - step, ArrowDown: this.position - step,
      ArrowRight: this.position + step, ArrowUp: this.position + step,
      PageDown: this.position - BIG_STEP_S, PageUp: this.position + BIG_STEP_S,
      Home: 0, End: this.duration }[event.key];
    if (target === undefined || !this.seekable) return;
    event.preventDefault();
    this.go(target);
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (!this.seekable || event.button !== 0) return;
    this.track.setPointerCapture(event.pointerId);
    this.goToPointer(event);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (this.track.hasPointerCapture(event.pointerId)) this.goToPointer(event);
  }

  goToPointer(event) {
    const box = this.track.getBoundingClientRect();
    this.go(((event.clientX - box.left) / box.width) * this.duration);
  }
}

/**
 * Intervals joined where they overlap: several videos may share the same seconds.
 * @param {{start: number, end: number}[]} bands
 * @returns {[number, number][]}
 */
function merged(bands) {
  /** @type {[number, number][]} */
  const joined = [];
  for (const { start, end } of [...bands].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}
