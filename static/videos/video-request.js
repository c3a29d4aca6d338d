/** Asking the API. */

import { refusal } from "./upload-request.js";

/**
 * @param {string} id
 * @returns {Promise<import("./types.js").Video>} rejects with an UploadError
 */
export async function video(id) {
  return json(await fetch(`/api/v1/videos/${id}/`, { headers: { Accept: "application/json" } }));
}

/**
 * @param {string} path
 * @param {string} token
 * @param {any} body
 */
export async function post(path, token, body) {
  return json(await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token, Accept: "application/json" },
    body: JSON.stringify(body),
  }));
}

/** @param {string} path */
export async function get(path) {
  return json(await fetch(path, { headers: { Accept: "application/json" } }));
}

/** @param {Response} answer */
async function json(answer) {
  const told = await answer.json().catch(() => null);
  if (!answer.ok) throw refusal(answer.status, told);
  return told;
}
