/** Says things to screen readers, politely and not more often than one can listen. */

import { byId } from "./dom.js";
import { counted, titleOf } from "./format.js";
import { sentence, stateWords, verdict } from "./words.js";

const QUIET_MS = 1500;
/** @type {string[]} */
let waiting = [];
let timer = 0;

/** @param {string} sentence */
export function announce(sentence) {
  waiting = waiting.filter((earlier) => earlier !== sentence);
  waiting.push(sentence);
  if (!timer) timer = window.setTimeout(speak, 100);
}

function speak() {
  const region = byId("announcer");
  if (region) region.textContent = waiting.join(" ");
  waiting = [];
  timer = window.setTimeout(() => {
    timer = 0;
    if (waiting.length) speak();
  }, QUIET_MS);
}

/**
 * Tells what changed between two pictures of a video: state, cuts, duplicates; not every per cent.
 */
export class Narrator {
  /**
   * @param {string} name
   */
  constructor(name) {
    this.name = name;
    this.state = "";
    this.cuts = 0;
    /** @type {Set<string|number>} */
    this.duplicates = new Set();
  }

  /** @param {import("./types.js").Video} video */
  remember(video) {
    this.state = stateWords(video);
    this.cuts = video.scene_cuts.length;
    this.duplicates = new Set(video.duplicates.map((duplicate) => duplicate.id));
  }

  /**
   * The finding, once the final picture is there: what came before it was provisional.
   * @param {import("./types.js").Video} video
   */
  conclude(video) {
    announce(`${this.name}: ${sentence(verdict(video))}`);
  }

  /** @param {import("./types.js").Video} video */
  tell(video) {
    const state = stateWords(video);
    if (state !== this.state) {
      const cuts = video.scene_cuts.length;
      const news = cuts !== this.cuts ? ` ${counted(cuts, "scene cut")}.` : "";
      announce(`${this.name}: ${state}.${news}`);
    }
    for (const duplicate of video.duplicates) {
      if (!this.duplicates.has(duplicate.id)) announce(`It matches ${titleOf(duplicate.video)}.`);
    }
    this.remember(video);
  }
}
