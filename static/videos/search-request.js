/** A search, from sending the file to the answer, be it from the server at once or by a worker. */

import { UploadError, refusal } from "./upload-request.js";

/** @typedef {import("./types.js").Found} Found */

const ASK_AGAIN_MS = 1000;
/** After so many failures in a row it is the network, not a moment of it. */
const PATIENCE = 30;
/** While others are searching: the wait where the server names none, and how long to go on so. */
const BUSY_S = 5;
const BUSY_MS = 10 * 60_000;

export class SearchRequest {
  /**
   * @param {File} file
   * @param {{endpoint: string, token: () => string}} site
   * @param {{sending: (sent: number, total: number) => void, working: (found: Found) => void,
   *   busy: (seconds: number) => void}} told busy: so long until the file is sent again
   */
  constructor(file, site, told) {
    this.file = file;
    this.site = site;
    this.told = told;
    this.over = false;
    this.address = "";
    this.sending = send(file, site, told.sending);
  }

  /**
   * @returns {Promise<Found>} what was found, or an UploadError; code "cancelled" after cancel()
   */
  async answer() {
    let found = await this.taken();
    this.address = found.address || "";
    if (this.over) this.forget();
    let failures = 0;
    while (found.state !== "done") {
      if (this.over) throw new UploadError("cancelled", "Cancelled.", "", true);
      if (found.state === "failed") {
        throw new UploadError(found.error.code, found.error.message, "", found.error.retryable);
      }
      this.told.working(found);
      await new Promise((resolve) => { setTimeout(resolve, ASK_AGAIN_MS); });
      const next = await this.look();
      failures = next ? 0 : failures + 1;
      if (failures > PATIENCE) {
        throw new UploadError("network", "The server does not answer any more.",
          "Check the network, then try again.", true);
      }
      found = next || found;
    }
    return found;
  }

  /** The first answer; while others are searching the file is sent again when the server says. */
  async taken() {
    const until = performance.now() + BUSY_MS;
    for (;;) {
      try {
        return await this.sending.done;
      } catch (error) {
        if (error.code !== "SEARCH_BUSY" || performance.now() > until) throw error;
        await this.pause(error.retryAfter || BUSY_S);
        this.sending = send(this.file, this.site, this.told.sending);
      }
    }
  }

  /** Counts the seconds down. */
  async pause(seconds) {
    for (let left = seconds; left > 0; left -= 1) {
      this.told.busy(left);
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
      if (this.over) throw new UploadError("cancelled", "Cancelled.", "", true);
    }
  }

  /** @returns {Promise<Found|null>} null when it could not be asked just now */
  async look() {
    const answer = await fetch(this.address, { credentials: "same-origin" }).catch(() => null);
    if (answer?.status === 404) {
      throw new UploadError("NO_SEARCH", "This search has been forgotten.", "Search again.", true);
    }
    return answer?.ok ? answer.json() : null;
  }

  cancel() {
    this.over = true;
    this.sending.abort();
    this.forget();
  }

  /** Nobody waits for it any more, so no worker needs to. */
  forget() {
    if (!this.address) return;
    fetch(this.address, { method: "DELETE", credentials: "same-origin", keepalive: true,
      headers: { "X-CSRFToken": this.site.token() } }).catch(() => null);
    this.address = "";
  }
}

/**
 * A form with the file. XMLHttpRequest, because fetch tells nothing while it sends.
 * @param {File} file
 * @param {{endpoint: string, token: () => string}} site
 * @param {(sent: number, total: number) => void} progress
 * @returns {{done: Promise<any>, abort: () => void}} done: the server's answer, or an UploadError;
 *   code "cancelled" after abort
 */
function send(file, site, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => progress(event.loaded, event.total || file.size);
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300 && answer) resolve(answer);
      else reject(refusal(request.status, answer, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new UploadError("network", "The connection broke.",
      "The file did not arrive. Check the network, then try again.", true));
    request.onabort = () => reject(new UploadError("cancelled", "Cancelled.", "", true));
    request.open("POST", site.endpoint);
    request.setRequestHeader("X-CSRFToken", site.token());
    request.setRequestHeader("Accept", "application/json");
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
  return { done, abort: () => request.abort() };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
