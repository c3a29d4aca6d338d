/** What a review asks of the server. Every answer that is no success is thrown as a Problem. */

import { csrfToken } from "../videos/csrf.js";

const BASE = "/api/v1/moderation";

export class Problem extends Error {
  /** @param {{code?: string, detail?: string, status?: number, holder?: string|null}} told */
  constructor(told) {
    super(told.detail || "The server did not answer. Check your connection and try again.");
    this.code = told.code || "NO_ANSWER";
    this.status = told.status || 0;
    this.holder = told.holder || null;
  }
}

/**
 * @param {string} path below /api/v1/moderation/
 * @param {"GET"|"POST"|"PUT"} [method]
 * @param {object} [body]
 * @returns {Promise<any>} null where the answer is empty
 */
export async function ask(path, method = "GET", body = undefined) {
  let answer = null;
  try {
    answer = await fetch(`${BASE}/${path}`, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}),
        ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken() }) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw new Problem({});
  }
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem({ status: answer.status, ...told });
  return told;
}

/**
 * Gives a flag back while the page goes away: nobody waits for the answer.
 * @param {number} id
 * @param {string} token
 */
export function giveBack(id, token) {
  fetch(`${BASE}/flags/${id}/release/`, {
    method: "POST",
    keepalive: true,
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify({ token }),
  }).catch(() => {});
}

/** The filters of the queue that this screen works through, as the address names them. */
export function wanted() {
  const names = ["state", "policy", "holder", "kind", "least_score", "most_score", "older_than",
    "overdue"];
  const asked = new URLSearchParams(location.search);
  return Object.fromEntries(names.filter((name) => asked.has(name) && (name === "policy" || asked.get(name) !== ""))
    .map((name) => [name, asked.get(name)]));
}
