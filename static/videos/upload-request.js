/** What a file may be, how fast it goes, and why it was not taken. */

import { bytes, spokenLength } from "./format.js";

/** @typedef {import("./types.js").Fault} Fault */

/** A server that names more is taken to mean this. */
const LONGEST_WAIT_S = 600;

/** Why a file was not taken, in the server's words or, failing that, in ours. */
export class UploadError extends Error {
  /**
   * @param {string} code
   * @param {string} title
   * @param {string} detail
   * @param {boolean} retryable
   */
  constructor(code, title, detail, retryable) {
    super(title);
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.retryable = retryable;
    /** Seconds until it is worth while; 0 where the server did not tell. */
    this.retryAfter = 0;
  }
}

/**
 * What an answer that is no success tells.
 * @param {number} status
 * @param {any} problem
 * @param {string|null} [retryAfter] the header, in seconds
 * @returns {UploadError}
 */
export function refusal(status, problem, retryAfter) {
  const error = worded(status, problem);
  error.retryAfter = Math.min(Number(retryAfter) || 0, LONGEST_WAIT_S);
  return error;
}

/**
 * @param {number} status
 * @param {any} problem
 */
function worded(status, problem) {
  // The title only names the code; the detail is the sentence made for people.
  if (problem && problem.detail) {
    return new UploadError(problem.code || `http_${status}`, problem.detail, "",
      Boolean(problem.retryable));
  }
  const code = `http_${status}`;
  if (status === 413) {
    return new UploadError(code, "The file is too large.", "Send a shorter or smaller one.", false);
  }
  if (status === 401 || status === 403) {
    return new UploadError(code, "The server did not accept this page's form.",
      "Reload the page, then send the file again.", false);
  }
  if (status === 429) {
    return new UploadError(code, "Too many uploads at once.", "Wait a minute, then try again.", true);
  }
  return new UploadError(code, "The server could not take the file.",
    "It is not your file's fault. Try again in a minute.", status >= 500);
}

/** How fast it goes, smoothed, and how long it will take. */
export class Pace {
  constructor() {
    this.at = performance.now();
    this.sent = 0;
    this.perSecond = 0;
  }

  /** @param {number} sent bytes so far */
  note(sent) {
    const now = performance.now();
    const seconds = (now - this.at) / 1000;
    if (seconds < 0.25) return;
    const current = (sent - this.sent) / seconds;
    this.perSecond = this.perSecond ? 0.7 * this.perSecond + 0.3 * current : current;
    this.at = now;
    this.sent = sent;
  }

  /** @param {number} rest bytes to go; Infinity seconds while nothing is known */
  secondsFor(rest) {
    return this.perSecond > 0 ? rest / this.perSecond : Infinity;
  }
}

/**
 * What can be told before a byte is sent.
 * @param {File} file
 * @param {{accept: string, maxBytes: number}} limits
 * @returns {UploadError|null}
 */
export function refusedBeforeSending(file, limits) {
  if (file.size === 0) {
    return new UploadError("empty", "The file is empty.",
      "It has no bytes. Perhaps it is still being copied: choose it again.", false);
  }
  if (limits.maxBytes && file.size > limits.maxBytes) {
    return new UploadError("too_large", `The file has ${bytes(file.size)}; up to ${bytes(limits.maxBytes)} are taken.`,
      "Cut it shorter or save it smaller, then choose it again.", false);
  }
  if (!accepted(file, limits.accept)) {
    return new UploadError("type_not_accepted", "This is neither a video nor an image we can read.",
      "Choose one of the kinds named under the box.", false);
  }
  return null;
}

/**
 * @param {number} seconds
 * @param {number} most
 */
export function tooLong(seconds, most) {
  if (!most || !(seconds > most)) return null;
  return new UploadError("too_long", `The video lasts ${spokenLength(seconds)}; up to ${spokenLength(most)} are taken.`,
    "Cut it shorter, then choose it again.", false);
}

/**
 * The accept attribute's own rule: extensions, exact types, and type/*.
 * @param {File} file
 * @param {string} accept
 */
function accepted(file, accept) {
  const tokens = accept.split(",").map((token) => token.trim().toLowerCase()).filter(Boolean);
  if (!tokens.length) return true;
  const name = file.name.toLowerCase();
  const type = file.type.toLowerCase();
  return tokens.some((token) => {
    if (token.startsWith(".")) return name.endsWith(token);
    if (token.endsWith("/*")) return type.startsWith(token.slice(0, -1));
    return type === token;
  });
}
