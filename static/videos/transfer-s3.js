/** One file straight to the bucket: as a form when it is small, in parts when it is large. */

import { UploadError } from "./upload-request.js";
import { get, post, video } from "./video-request.js";

const AGAIN_MS = 3000;
const ASK_MS = 1000;
/** Part addresses asked for at a time: each holds for a while only. */
const ADDRESSES = 20;
/** Under this and what makes a file another one, the upload in parts that was begun of it. */
const KEPT = "tvidz-direct";

export class S3Transfer {
  /**
   * @param {File} file
   * @param {import("./transfer.js").Site} site
   * @param {import("./transfer.js").Tell} tell
   */
  constructor(file, site, tell) {
    this.file = file;
    this.site = site;
    this.tell = tell;
    this.stopped = false;
    this.paused = false;
    /** Bytes of parts that are there. */
    this.done = 0;
    this.addresses = {};
    this.key = `${KEPT}::${file.name}::${file.size}::${file.lastModified}`;
  }

  /** @returns {Promise<import("./types.js").Video>} rejects with an UploadError */
  start() {
    return Promise.race([this.run(), new Promise((_, reject) => { this.reject = reject; })]);
  }

  pause() {
    this.paused = true;
    this.request?.abort();
  }

  goOn() {
    this.paused = false;
    this.wake?.();
  }

  cancel() {
    this.stopped = true;
    this.request?.abort();
    this.wake?.();
    if (this.at) giveUp(this.key, this.at, this.site.token());
    this.reject(new UploadError("cancelled", "Cancelled.", "", true));
  }

  async run() {
    const told = await this.again(() => this.begun());
    this.at = `${this.site.direct}${told.id}/`;
    if (told.form) await this.again(() => this.form(told.form));
    else await this.parts(told);
    this.tell.progress(this.file.size, this.file.size);
    await this.again(() => this.complete());
    localStorage.removeItem(this.key);
    return video(await this.outcome());
  }

  /** What an earlier visit began of this very file, else a new upload. */
  async begun() {
    const kept = JSON.parse(localStorage.getItem(this.key) || "null");
    if (kept) {
      try {
        const at = `${this.site.direct}${kept.id}/`;
        if ((await get(at)).state === "waiting") {
          return { ...kept, there: (await get(`${at}parts/`)).parts };
        }
      } catch (error) {
        if (!(error instanceof UploadError) || error.retryable) throw error;
      }
      localStorage.removeItem(this.key);
    }
    const told = await post(this.site.direct, this.site.token(),
      { name: this.file.name, size: this.file.size, type: this.file.type });
    if (told.parts) {
      localStorage.setItem(this.key, JSON.stringify({ id: told.id, parts: told.parts,
        name: this.file.name, size: this.file.size }));
    }
    return { there: [], ...told };
  }

  async form({ url, fields }) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", this.file);
    try {
      await this.send("POST", url, form);
    } catch (error) {
      if (this.paused || this.stopped) throw error;
      // The answer may have been lost after all had arrived.
      await this.complete();
    }
  }

  async parts({ parts: { bytes, count }, there }) {
    const sizes = new Map(there.map((part) => [part.number, part.bytes]));
    for (let number = 1; number <= count; number += 1) {
      const piece = this.file.slice((number - 1) * bytes, number * bytes);
      if (sizes.get(number) !== piece.size) {
        await this.again(async () => this.send("PUT", await this.address(number, count), piece));
      }
      this.done += piece.size;
      this.tell.progress(this.done, this.file.size);
    }
  }

  async address(number, count) {
    if (!this.addresses[number]) {
      const numbers = [];
      for (let next = number; next <= count && numbers.length < ADDRESSES; next += 1) numbers.push(next);
      const told = await post(`${this.at}parts/`, this.site.token(), { numbers });
      this.addresses = told.addresses;
    }
    return this.addresses[number];
  }

  complete() {
    return post(`${this.at}complete/`, this.site.token(), {});
  }

  /** Try until it works; what the server refuses for good ends it. */
  async again(work) {
    for (;;) {
      if (this.paused) await new Promise((done) => { this.wake = done; });
      if (this.stopped) throw new UploadError("cancelled", "Cancelled.", "", true);
      try {
        return await work();
      } catch (error) {
        if (error instanceof UploadError && !error.retryable) throw error;
        if (!this.paused && !this.stopped) {
          this.addresses = {};
          this.tell.lost();
          await pause(AGAIN_MS);
        }
      }
    }
  }

  send(method, url, body) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.request = request;
      request.upload.onprogress = (event) =>
        this.tell.progress(Math.min(this.done + event.loaded, this.file.size), this.file.size);
      request.onload = () => (request.status < 300 ? resolve() : reject(refused(request.status)));
      request.onerror = reject;
      request.onabort = reject;
      request.open(method, url);
      request.send(body);
    });
  }

  async outcome() {
    for (;;) {
      const told = await this.again(() => get(this.at));
      if (told.video) return told.video.split("/").at(-2);
      await pause(ASK_MS);
    }
  }
}

/**
 * What was begun on an earlier visit of this browser and is not here whole.
 * @param {import("./transfer.js").Site} site
 */
export async function unfinished(site) {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(`${KEPT}::`));
  const found = await Promise.all(keys.map((key) => standing(key, site)));
  return found.filter(Boolean);
}

async function standing(key, site) {
  const kept = JSON.parse(localStorage.getItem(key));
  const at = `${site.direct}${kept.id}/`;
  try {
    if ((await get(at)).state !== "waiting") throw new UploadError("over", "Over.", "", false);
    const { parts } = await get(`${at}parts/`);
    return {
      name: kept.name,
      size: kept.size,
      received: parts.reduce((sum, part) => sum + part.bytes, 0),
      giveUp: () => giveUp(key, at, site.token()),
    };
  } catch (error) {
    if (error instanceof UploadError && !error.retryable) localStorage.removeItem(key);
    return null;
  }
}

function giveUp(key, at, token) {
  localStorage.removeItem(key);
  return fetch(at, { method: "DELETE", headers: { "X-CSRFToken": token } });
}

/** 403 is an address that has grown too old: another one is asked for. */
function refused(status) {
  return new UploadError(`s3_${status}`, "The storage did not take the file.",
    "Try again in a minute.", status === 403 || status >= 500);
}

function pause(ms) {
  return new Promise((done) => { setTimeout(done, ms); });
}
