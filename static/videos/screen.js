/** One half of a player pair: a video without controls of its own, an image, or a word of regret. */

import { el } from "./dom.js";
import { shortName } from "./format.js";

/**
 * @param {string} name
 * @param {{media_type: string, media: string|null, thumbnail: string|null}} video
 * @returns {{element: HTMLElement, player: HTMLVideoElement|null, badge: HTMLElement}} player is
 *   null for an image; the badge is hidden until somebody shows it
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
  return { element, player, badge };
}
