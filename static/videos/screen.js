/** One half of a player pair: a video without controls of its own, an image, or a word of regret. */

import { el } from "./dom.js";
import { shortName } from "./format.js";

/**
 * @typedef {object} Screen
 * @property {HTMLElement} element
 * @property {HTMLElement} picture the player, the image or the word of regret
 * @property {HTMLVideoElement|null} player null for an image
 * @property {HTMLElement} badge hidden until somebody shows it
 */

/**
 * @param {string} name
 * @param {{media_type: string, media: string|null, thumbnail: string|null}} video
 * @returns {Screen}
 */
export function screen(name, video) {
  const badge = el("span", { class: "chip plain", hidden: true }, "mirrored");
  const trouble = el("p", { class: "screen-note", hidden: true },
    "This browser could not play it. If the page was open for long, reload it; " +
      "the frames below show the match all the same.");
  const player = video.media && video.media_type === "video"
    ? el("video", { src: video.media, poster: video.thumbnail, preload: "auto", playsinline: true,
        "aria-label": name, error: () => { trouble.hidden = false; } })
    : null;
  if (player) player.muted = true;
  const still = video.media || video.thumbnail;
  const picture = player || (still ? el("img", { src: still, alt: name })
    : el("p", { class: "screen-note" }, "No picture to show."));
  const element = el("figure", { class: "screen" },
    el("figcaption", {}, el("bdi", { title: name }, shortName(name, 32)), badge),
    el("div", { class: "screen-picture" }, picture, trouble));
  return { element, picture, player, badge };
}
