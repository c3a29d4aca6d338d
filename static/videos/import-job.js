/** A file that the server fetches from an address: its card, until it is a video like the others. */

import { csrfToken } from "./csrf.js";
import { bytes } from "./format.js";
import { UploadError } from "./upload-request.js";
import { get, video } from "./video-request.js";

/** @typedef {import("./types.js").Import} Import */
/** @typedef {import("./job-card.js").JobCard} JobCard */

const ASK_AGAIN_MS = 1000;
/** Share of the bar that belongs to fetching; the analysis has the rest. */
const FETCHING_SHARE = 0.4;

/**
 * What a file is called before it is there: the last part of its address, or else the host. What
 * follows a question mark may be a key to it.
 * @param {string} address
 */
export function nameIn(address) {
  try {
    const { host, pathname } = new URL(address);
    return decodeURIComponent(pathname.split("/").pop() || host);
  } catch {
    return address;
  }
}

export class ImportJob {
  /**
   * @param {JobCard} card
   * @param {Import} row
   * @param {(url: string) => Promise<Import>} ask has an address fetched
   */
  constructor(card, row, ask) {
    this.card = card;
    this.row = row;
    this.ask = ask;
    this.over = false;
    card.onceMore = () => this.again();
    card.element.dataset.import = row.id;
  }

  /** Shows how far it is until it is over. Never rejects. */
  async follow() {
    this.over = false;
    this.card.transfer = this;
    this.card.offer("Cancel");
    while (!this.over) {
      this.show();
      if (this.row.state === "accepted" || this.row.state === "refused") break;
      await new Promise((resolve) => { setTimeout(resolve, ASK_AGAIN_MS); });
      if (!this.over) await this.look();
    }
    this.card.transfer = null;
    if (!this.over) await this.end();
  }

  async look() {
    try {
      this.row = await get(this.row.address);
    } catch (error) {
      // Given up in another tab; anything else passes, and it is fetched meanwhile.
      if (error.code !== "NO_IMPORT") return;
      this.over = true;
      this.card.remove();
    }
  }

  show() {
    const { state, received, length } = this.row;
    const host = hostIn(this.row.url);
    if (state === "waiting") {
      this.card.state("waiting", "Waiting to be fetched", host);
      this.card.bar.show(0, "waiting", "Waiting to be fetched");
    } else if (state === "fetching") {
      const far = length ? `${bytes(received)} of ${bytes(length)}` : bytes(received);
      this.card.state("sending", "Fetching", `${far} from ${host}`);
      this.card.bar.show(length ? (FETCHING_SHARE * received) / length : 0,
        length ? "sending" : "waiting", "Fetching");
    }
  }

  async end() {
    try {
      if (this.row.state === "refused") throw refusedAs(this.row);
      const fetched = await video(this.row.video.split("/").at(-2));
      this.card.offer("");
      this.card.call(fetched.title || fetched.filename);
      this.card.follow(fetched);
    } catch (error) {
      this.card.fail(error, "Not fetched");
      // What is taken away stays away after a reload.
      this.card.transfer = this;
    }
  }

  /** The same address once more, by a new import in this one's place. */
  async again() {
    this.card.clear();
    this.card.state("waiting", "Waiting to be fetched", hostIn(this.row.url));
    const earlier = this.row;
    try {
      this.row = await this.ask(earlier.url);
      forget(earlier);
      this.card.element.dataset.import = this.row.id;
      this.follow();
    } catch (error) {
      this.card.fail(error, "Not fetched");
    }
  }

  /** Gives it up, here and there. */
  cancel() {
    this.over = true;
    forget(this.row);
    this.card.remove();
  }
}

function hostIn(address) {
  return URL.canParse(address) ? new URL(address).host : "";
}

/** @param {Import} row */
function refusedAs(row) {
  const { code, message, retryable } = row.error;
  return new UploadError(code, message, "", Boolean(retryable));
}

/** @param {Import} row */
function forget(row) {
  fetch(row.address, { method: "DELETE", credentials: "same-origin", keepalive: true,
    headers: { "X-CSRFToken": csrfToken() } }).catch(() => null);
}
