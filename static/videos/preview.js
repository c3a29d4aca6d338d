/** A picture of a file that is still on the visitor's own machine. */

import { el } from "./dom.js";

const METADATA_MS = 1500;

export class Preview {
  /** @param {File} file */
  constructor(file) {
    this.url = URL.createObjectURL(file);
    this.isImage = file.type.startsWith("image/");
    /** Null until the browser has read it, and for what it cannot read. */
    this.duration = null;
  }

  /**
   * The first picture, small. Null when the browser cannot read the file.
   * @returns {Promise<HTMLElement|null>}
   */
  async thumbnail() {
    if (this.isImage) {
      const image = el("img", { alt: "", src: this.url });
      return settled(image, "load").then((fine) => (fine ? image : null));
    }
    const video = el("video", { preload: "metadata", playsinline: true, tabindex: -1 });
    video.muted = true;
    const read = settled(video, "loadedmetadata");
    video.src = this.url;
    if (!(await read)) return null;
    if (Number.isFinite(video.duration)) this.duration = video.duration;
    video.currentTime = Math.min(0.5, (video.duration || 0) / 2);
    return video.videoWidth ? video : null;
  }

  /** The whole thing, to look at or play. */
  large() {
    return this.isImage
      ? el("img", { alt: "", src: this.url })
      : el("video", { src: this.url, controls: true, playsinline: true });
  }

  release() {
    URL.revokeObjectURL(this.url);
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} event
 * @returns {Promise<boolean>} false on an error or when it takes too long
 */
function settled(element, event) {
  return new Promise((resolve) => {
    element.addEventListener(event, () => resolve(true), { once: true });
    element.addEventListener("error", () => resolve(false), { once: true });
    setTimeout(() => resolve(false), METADATA_MS);
  });
}
