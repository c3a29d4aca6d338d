/**
 * This video and the other one, locked together: the left one is the clock, the right one follows
 * at the chosen segment's offset and speed.
 */

import { ICONS, el, icon, setText } from "./dom.js";
import { handOn, leaveHidden } from "./focus.js";
import { timestamp, titleOf } from "./format.js";
import { LaidOver } from "./laid-over.js";
import { here, segmentAt, there } from "./lockstep.js";
import { screen } from "./screen.js";
import { pace } from "./words.js";

/** @typedef {import("./types.js").Video} Video */
/** @typedef {import("./types.js").Duplicate} Duplicate */
/** @typedef {import("./types.js").Segment} Segment */

const FRAME_RATE = 25;
/** Beyond this the follower jumps; below it a touch of speed brings it back unseen. */
const JUMP_S = 0.25;
const NUDGE_S = 0.03;

export class PlayerPair {
  /**
   * @param {Video} video
   * @param {Duplicate} duplicate
   * @param {(here: number, there: number|null, segment: Segment|null) => void} moved
   * @param {string} [name] what the left one is called
   */
  constructor(video, duplicate, moved, name = "This video") {
    this.video = video;
    this.moved = moved;
    /** @type {Segment|null} */
    this.segment = null;
    this.wanted = 0;
    this.ticking = 0;
    this.left = screen(name, video);
    this.right = screen(titleOf(duplicate.video), duplicate.video);
    /** The one whose clock counts: the left, or the right beside an image. */
    this.clock = this.left.player || this.right.player;
    this.follower = this.clock === this.left.player ? this.right.player : null;
    this.flip = el("button", { class: "button", type: "button", "aria-pressed": "false",
      "data-role": "flip", hidden: true, click: () => this.toggleFlip() }, "Flip the other one");
    this.screens = new LaidOver(this.left, this.right);
    this.element = el("div", { class: "pair", "data-role": "player-pair",
      keydown: (event) => this.key(event) },
      this.screens.element, this.clock ? this.controls() : this.views());
    this.update(duplicate);
    this.wire();
  }

  /** @param {Duplicate} duplicate */
  update(duplicate) {
    this.duplicate = duplicate;
    this.segments = [...duplicate.segments].sort((a, b) => a.start - b.start);
    if (this.segment) {
      const same = this.segments.find((one) => one.id === this.segment.id);
      this.segment = same || this.segments[0] || null;
    }
    this.showSegment();
  }

  /**
   * @param {Segment} segment
   * @param {{play?: boolean}} [how]
   */
  choose(segment, how = {}) {
    this.segment = segment;
    this.showSegment();
    this.seek(segment.start);
    if (how.play && this.clock) this.clock.play().catch(() => {});
  }

  /** @param {number} time seconds in this video; beside an image, its match in the other */
  seek(time) {
    this.wanted = time;
    if (!this.clock) return;
    if (this.follower || this.clock === this.left.player) {
      this.segment = segmentAt(this.segments, this.segment, time);
      this.clock.currentTime = Math.max(0, time);
      this.align(true);
    } else {
      const segment = segmentAt(this.segments, this.segment, time);
      if (segment) this.clock.currentTime = Math.max(0, segment.other_start);
    }
    this.report();
  }

  /**
   * One pair of frames.
   * @param {number} time
   * @param {number} other
   */
  seekBoth(time, other) {
    this.pause();
    this.segment = this.segments.find((one) => time >= one.start && time <= one.end &&
      other >= one.other_start - 1 && other <= one.other_end + 1) || this.segment;
    this.showSegment();
    if (this.clock) this.clock.currentTime = this.clock === this.left.player ? time : other;
    if (this.follower) this.follower.currentTime = other;
    this.wanted = time;
    this.report();
  }

  pause() {
    this.left.player?.pause();
    this.right.player?.pause();
  }

  destroy() {
    this.pause();
    cancelAnimationFrame(this.ticking);
    for (const side of [this.left, this.right]) {
      side.player?.removeAttribute("src");
      side.player?.load();
    }
    this.element.remove();
  }

  controls() {
    const button = (path, label, act) => el("button", { class: "button", type: "button",
      "aria-label": label, title: label, click: act }, icon(path));
    this.playButton = el("button", { class: "button primary", type: "button", "data-role": "play",
      click: () => this.toggle() });
    this.range = el("input", { type: "range", min: 0, step: "any", value: 0,
      max: this.span(), "aria-label": "Position in both players",
      input: () => this.scrub(Number(this.range.value)) });
    this.times = el("p", { class: "pair-times" });
    this.sound = el("button", { class: "button", type: "button", "aria-pressed": "false",
      click: () => this.toggleSound() }, "Sound");
    this.segmentButtons = [
      button(ICONS.previous, "Previous segment ([)", () => this.jump(-1)),
      button(ICONS.next, "Next segment (])", () => this.jump(1)),
    ];
    this.showPlaying();
    return el("div", { class: "pair-controls", role: "group", "aria-label": "Both players" },
      this.range,
      el("div", { class: "pair-buttons" }, this.segmentButtons[0],
        button(ICONS.frameBack, "One frame back (,)", () => this.step(-1)), this.playButton,
        button(ICONS.frameOn, "One frame on (.)", () => this.step(1)), this.segmentButtons[1],
        this.times, this.sound), this.views());
  }

  /** What changes how the two are looked at, and not where they are. */
  views() {
    this.swapped = el("button", { class: "button", type: "button", "aria-pressed": "false",
      "data-role": "swap", click: () => this.swap() }, "Swap sides (x)");
    return el("div", { class: "pair-buttons" }, this.screens.button, this.screens.mixer,
      this.swapped, this.flip);
  }

  wire() {
    if (!this.clock) return;
    this.clock.addEventListener("play", () => {
      this.align(true);
      this.follower?.play().catch(() => {});
      this.showPlaying();
      this.tick();
    });
    this.clock.addEventListener("pause", () => {
      this.follower?.pause();
      this.showPlaying();
      this.align(true);
    });
    // Metadata may come after the first seek: until then currentTime is only a wish.
    for (const player of [this.clock, this.follower]) {
      player?.addEventListener("loadedmetadata", () => {
        this.range.max = String(this.span());
        if (player === this.follower) this.align(true);
        // Until it was sought a player shows its poster, which is from somewhere else in the video;
        // and to be sent to the beginning before it knew its length was no seeking.
        const place = player.currentTime;
        if (this.segment && player.paused) player.currentTime = place;
      });
    }
    this.clock.addEventListener("seeked", () => this.report());
  }

  span() {
    const known = this.clock === this.left?.player ? this.video.duration : this.duplicate?.video.duration;
    return this.clock && Number.isFinite(this.clock.duration) ? this.clock.duration : known || 0;
  }

  tick() {
    cancelAnimationFrame(this.ticking);
    if (!this.clock || this.clock.paused) return;
    this.align(false);
    this.report();
    this.ticking = requestAnimationFrame(() => this.tick());
  }

  /** Brings the follower to where the clock says it belongs. */
  align(exactly) {
    if (!this.follower || !this.clock) return;
    const segment = segmentAt(this.segments, this.segment, this.clock.currentTime);
    if (segment !== this.segment) {
      this.segment = segment;
      this.showSegment();
    }
    if (!segment) return;
    const wanted = there(segment, this.clock.currentTime);
    const last = Number.isFinite(this.follower.duration) ? this.follower.duration : Infinity;
    const outside = wanted < 0 || wanted > last;
    if (outside && !this.follower.paused) this.follower.pause();
    if (!outside && this.follower.paused && !this.clock.paused) this.follower.play().catch(() => {});
    const target = Math.min(Math.max(0, wanted), last);
    const drift = this.follower.currentTime - target;
    const speed = Math.min(16, Math.max(0.0625, pace(segment)));
    if (Math.abs(drift) > (exactly ? 0.001 : JUMP_S) && !(this.follower.seeking && !exactly)) {
      this.follower.currentTime = target;
      this.follower.playbackRate = speed;
    } else {
      this.follower.playbackRate = Math.abs(drift) > NUDGE_S ? speed * (drift > 0 ? 0.95 : 1.05) : speed;
    }
  }

  report() {
    if (!this.clock) return;
    const time = this.clock.currentTime;
    const leftIsClock = this.clock === this.left.player;
    const other = leftIsClock ? this.follower?.currentTime ?? null : time;
    if (document.activeElement !== this.range) this.range.value = String(time);
    const words = leftIsClock && other !== null ? `${timestamp(time)} | ${timestamp(other)}` : timestamp(time);
    setText(this.times, words);
    this.range.setAttribute("aria-valuetext", words);
    this.moved(leftIsClock ? time : this.wanted, other, this.segment);
  }

  showSegment() {
    const mirrored = Boolean(this.segment?.mirrored);
    this.right.badge.hidden = !mirrored;
    if (!mirrored) handOn(this.flip, this.playButton);
    this.flip.hidden = !mirrored;
    if (!mirrored) this.setFlip(false);
    this.screens.update(this.segment);
    if (!this.clock) return;
    for (const button of this.segmentButtons) button.disabled = this.segments.length < 2;
    this.element.dataset.segment = this.segment ? String(this.segment.id) : "";
  }

  showPlaying() {
    const playing = !this.clock.paused;
    const label = playing ? "Pause (space)" : "Play both (space)";
    this.playButton.replaceChildren(icon(playing ? ICONS.pause : ICONS.play));
    this.playButton.setAttribute("aria-label", label);
    this.playButton.title = label;
  }

  toggle() {
    if (this.clock.paused) this.clock.play().catch(() => {});
    else this.clock.pause();
  }

  /** @param {-1|1} direction */
  step(direction) {
    this.clock.pause();
    this.scrub(this.clock.currentTime + direction / (this.video.frame_rate || FRAME_RATE));
  }

  /** @param {number} time of the clock */
  scrub(time) {
    this.clock.currentTime = Math.min(Math.max(0, time), this.span());
    if (this.clock !== this.left.player && this.segment) this.wanted = here(this.segment, time);
    this.align(true);
    this.report();
  }

  /** @param {-1|1} direction */
  jump(direction) {
    if (!this.segments.length) return;
    const at = this.segments.indexOf(this.segment);
    this.choose(this.segments[(at + direction + this.segments.length) % this.segments.length]);
  }

  toggleSound() {
    this.clock.muted = !this.clock.muted;
    this.sound.setAttribute("aria-pressed", String(!this.clock.muted));
  }

  /** The other one to the left. */
  swap() {
    const on = this.swapped.getAttribute("aria-pressed") !== "true";
    this.swapped.setAttribute("aria-pressed", String(on));
    this.screens.element.classList.toggle("swapped", on);
  }

  toggleFlip() {
    this.setFlip(this.flip.getAttribute("aria-pressed") !== "true");
  }

  setFlip(on) {
    this.flip.setAttribute("aria-pressed", String(on));
    this.right.element.classList.toggle("flipped", on);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target instanceof HTMLButtonElement;
    const looks = { o: () => this.screens.next(), x: () => this.swap() };
    const acts = this.clock ? { ...looks, ",": () => this.step(-1), ".": () => this.step(1),
      "[": () => this.jump(-1), "]": () => this.jump(1),
      ...(onButton ? {} : { " ": () => this.toggle() }) } : looks;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
    leaveHidden(this.element, this.screens.button);
  }
}
