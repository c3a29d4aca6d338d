/**
 * Live messages about one video, until it reaches a final state.
 *
 * Server-Sent Events first: the browser reconnects by itself and the server opens with a snapshot.
 * When the stream breaks repeatedly (a proxy that buffers, for instance), the websocket takes its
 * place, and the stream the websocket's again if that breaks too.
 */

import { isFinal } from "./words.js";

const TYPES = ["snapshot", "progress", "cut", "thumbnail", "duplicate", "gone", "state"];
const TRIES = 3;
const LONGEST_WAIT_MS = 30_000;
/** Browsers allow six HTTP/1.1 connections a host; uploads and pictures need theirs. */
const MOST_STREAMS = 2;
let streams = 0;

/**
 * @param {string} videoId
 * @param {{
 *   message: (message: any) => void,
 *   connection?: (state: "live"|"lost"|"ended"|"missing") => void,
 * }} handlers `missing`: the video is gone or no longer ours to see; nothing more will come
 * @returns {{close: () => void}}
 */
export function watch(videoId, handlers) {
  const watcher = new Watcher(videoId, handlers);
  watcher.open();
  return { close: () => watcher.close() };
}

/**
 * @param {string} videoId
 * @returns {Promise<any|null>} null when it is gone or hidden
 */
export async function fetchVideo(videoId) {
  const response = await fetch(`/api/v1/videos/${encodeURIComponent(videoId)}/`, {
    headers: { Accept: "application/json" },
    credentials: "same-origin",
  });
  if ([401, 403, 404, 410].includes(response.status)) return null;
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

class Watcher {
  constructor(videoId, handlers) {
    this.id = videoId;
    this.handlers = handlers;
    this.failures = 0;
    this.ended = false;
    this.overSocket = false;
    /** @type {EventSource|null} */
    this.source = null;
    /** @type {WebSocket|null} */
    this.socket = null;
    this.timer = 0;
  }

  open() {
    if (this.ended) return;
    if (this.overSocket || streams >= MOST_STREAMS) this.openSocket();
    else this.openStream();
  }

  openStream() {
    streams += 1;
    const source = new EventSource(`/api/v1/videos/${encodeURIComponent(this.id)}/events`);
    this.source = source;
    for (const type of TYPES) {
      source.addEventListener(type, (event) => this.receive(event.data));
    }
    source.onerror = () => {
      this.connection("lost");
      this.failures += 1;
      if (source.readyState === EventSource.CLOSED || this.failures >= TRIES) {
        this.drop();
        this.retry();
      }
    };
  }

  openSocket() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const path = `/ws/videos/${encodeURIComponent(this.id)}/`;
    const socket = new WebSocket(`${scheme}//${location.host}${path}`);
    this.socket = socket;
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.connection("lost");
      this.failures += 1;
      this.drop();
      this.retry();
    };
  }

  /** @param {string} data */
  receive(data) {
    if (this.ended) return;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    this.failures = 0;
    this.connection("live");
    this.handlers.message(message);
    const state = message.type === "snapshot" ? message.video.state : message.state;
    if ((message.type === "snapshot" || message.type === "state") && isFinal(state)) this.finish();
  }

  /** After the final state: once more the whole picture. */
  async finish() {
    this.close();
    try {
      const video = await fetchVideo(this.id);
      if (video) this.handlers.message({ type: "snapshot", video });
    } catch {
      // What the messages built up stays on screen; a reload asks again.
    }
    this.connection("ended");
  }

  async retry() {
    if (this.ended) return;
    if (this.failures >= TRIES) {
      this.overSocket = !this.overSocket;
      try {
        const video = await fetchVideo(this.id);
        if (this.ended) return;
        if (!video) {
          this.close();
          this.connection("missing");
          return;
        }
        this.handlers.message({ type: "snapshot", video });
        if (isFinal(video.state)) {
          this.close();
          this.connection("ended");
          return;
        }
      } catch {
        // The network is down: the wait below is the answer.
      }
    }
    const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.failures);
    this.timer = window.setTimeout(() => this.open(), wait);
  }

  drop() {
    if (this.source) {
      this.source.close();
      this.source = null;
      streams -= 1;
    }
    if (this.socket) {
      const socket = this.socket;
      this.socket = null;
      socket.close();
    }
  }

  close() {
    this.ended = true;
    window.clearTimeout(this.timer);
    this.drop();
  }

  connection(state) {
    this.handlers.connection?.(state);
  }
}
