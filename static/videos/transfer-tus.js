/** One file by the resumable protocol: it goes on after a lost line, a pause or a reload. */

import { UploadError, refusal } from "./upload-request.js";
import { video } from "./video-request.js";

/** What the library keeps of each upload that is not over stands under such names. */
const KEPT = "tus::";
/** @type {Promise<any>|null} */
let loading = null;

/**
 * The vendored library: a quarter of the page's weight, so it comes when the first file is sent.
 * @param {import("./transfer.js").Site} site
 */
function library(site) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = site.library;
    script.onload = () => resolve(window.tus);
    script.onerror = () => {
      loading = null;
      reject(new UploadError("network", "The connection broke.",
        "The file was not sent. Check the network, then try again.", true));
    };
    document.head.append(script);
  });
  return loading;
}

/** Pauses in ms between tries while the library tries by itself; then we wait for the network. */
const TRIES = [0, 500, 1000, 2000, 4000];
const LOST_MS = 5000;
const ASK_MS = 1500;

/** @typedef {import("./transfer.js").Tell} Tell */

export class TusTransfer {
  /**
   * @param {File} file
   * @param {import("./transfer.js").Site} site
   * @param {Tell} tell
   */
  constructor(file, site, tell) {
    this.file = file;
    this.site = site;
    this.tell = tell;
    this.stopped = false;
    this.paused = false;
    this.videoId = "";
  }

  options() {
    return {
      endpoint: this.site.resumable,
      metadata: { filename: this.file.name, filetype: this.file.type },
      retryDelays: TRIES,
      removeFingerprintOnSuccess: true,
      onShouldRetry: (error) => !this.stopped && mayPass(error),
      onProgress: (sent, total) => this.tell.progress(sent, total),
      onAfterResponse: (request, answer) => {
        this.videoId = answer.getHeader("Upload-Video") || this.videoId;
      },
      onSuccess: () => this.settle(),
      onError: (error) => this.failed(error),
    };
  }

  /**
   * Begin, or go on where an earlier visit of the same file stopped.
   * @returns {Promise<import("./types.js").Video>} rejects with an UploadError
   */
  start() {
    return new Promise((resolve, reject) => {
      Object.assign(this, { resolve, reject });
      this.begin().catch(reject);
    });
  }

  async begin() {
    const tus = await library(this.site);
    this.upload = new tus.Upload(this.file, this.options());
    const known = await this.upload.findPreviousUploads();
    if (this.stopped) return;
    if (known.length) this.upload.resumeFromPreviousUpload(known[0]);
    if (!this.paused) this.upload.start();
  }

  pause() {
    this.paused = true;
    clearTimeout(this.timer);
    this.upload?.abort(false);
  }

  goOn() {
    this.paused = false;
    this.upload?.start();
  }

  /** Give it up, here and there. */
  cancel() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.upload?.abort(true).catch(() => {});
    this.reject(new UploadError("cancelled", "Cancelled.", "", true));
  }

  /** All bytes are there: wait until the server says what they became. */
  async settle() {
    try {
      this.tell.progress(this.file.size, this.file.size);
      if (!this.videoId) this.videoId = await outcome(this.upload.url, () => this.stopped);
      this.resolve(await video(this.videoId));
    } catch (error) {
      this.reject(error);
    }
  }

  failed(error) {
    if (this.stopped) return;
    const answer = error.originalResponse;
    if (answer && answer.getStatus() && !mayPass(error)) {
      this.reject(refusal(answer.getStatus(), parsed(answer.getBody())));
      return;
    }
    this.tell.lost();
    const again = () => {
      removeEventListener("online", again);
      clearTimeout(this.timer);
      if (!this.stopped && !this.paused) this.upload.start();
    };
    addEventListener("online", again);
    this.timer = setTimeout(again, LOST_MS);
  }
}

/**
 * What was begun on an earlier visit of this browser and is not here whole.
 * @param {import("./transfer.js").Site} site
 */
export async function unfinished(site) {
  if (!Object.keys(localStorage).some((key) => key.startsWith(KEPT))) return [];
  const tus = await library(site);
  const known = await tus.defaultOptions.urlStorage.findAllUploads();
  const found = await Promise.all(known.map((each) => standing(tus, each)));
  return found.filter(Boolean);
}

/** Whether the same request may succeed later: no answer, a busy or a failing server. */
function mayPass(error) {
  const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
  return status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
}

async function standing(tus, known) {
  const forget = () => tus.defaultOptions.urlStorage.removeUpload(known.urlStorageKey);
  try {
    // Not HEAD, which would stop another tab that is sending it.
    const answer = await fetch(known.uploadUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      if (answer.status === 404 || answer.status === 410) await forget();
      return null;
    }
    const told = await answer.json();
    if (told.state !== "receiving") await forget();
    if (told.state !== "receiving") return null;
    return {
      name: known.metadata.filename,
      writing: told.writing,
      size: known.size,
      received: told.offset,
      giveUp: async () => {
        await forget();
        await fetch(known.uploadUrl, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } });
      },
    };
  } catch {
    return null;
  }
}

/**
 * @param {string} url
 * @param {() => boolean} stopped
 */
async function outcome(url, stopped) {
  while (!stopped()) {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw refusal(answer.status, parsed(await answer.text()));
    const told = await answer.json();
    if (told.video) return told.video.split("/").at(-2);
    await new Promise((done) => setTimeout(done, ASK_MS));
  }
  throw new UploadError("cancelled", "Cancelled.", "", true);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
