/** The search page: one file at a time goes out, what the library has of it comes back. */

import { announce } from "./announce.js";
import { csrfToken } from "./csrf.js";
import { byId, el, setText } from "./dom.js";
import { takeDrops, takePastes } from "./drop-zone.js";
import { handOn } from "./focus.js";
import { counted, spokenLength } from "./format.js";
import { matchCard } from "./search-match.js";
import { QueryCard } from "./search-query.js";
import { SearchRequest } from "./search-request.js";
import { UploadError, refusedBeforeSending, tooLong } from "./upload-request.js";
import { sentence, verdict } from "./words.js";

/** @typedef {import("./types.js").Found} Found */

const SKELETONS = 2;
/** What the box says while there is nothing beside it. */
const INVITATION = { lead: byId("lead").textContent, choose: byId("choose").textContent };

const form = byId("search-form");
const input = byId("file");
const site = {
  endpoint: form.dataset.endpoint,
  token: () => csrfToken(form),
  accept: input.accept,
  maxBytes: Number(form.dataset.maxBytes) || 0,
  maxDuration: Number(form.dataset.maxDuration) || 0,
};

class SearchPage {
  constructor() {
    /** @type {QueryCard|null} */
    this.card = null;
    /** @type {SearchRequest|null} */
    this.request = null;
    /** Counts searches: what belongs to an earlier one is not shown any more. */
    this.turn = 0;
  }

  /** @param {File} file */
  async take(file) {
    this.stop();
    const turn = this.turn;
    history.replaceState(null, "");
    const card = new QueryCard(file, { cancel: () => this.cancel(), again: () => this.ask(file) });
    this.put(card);
    byId("results").hidden = true;
    const refused = refusedBeforeSending(file, site);
    if (refused) {
      this.fail(refused);
      return;
    }
    card.show("Reading it", "", 0, "waiting");
    await card.look();
    if (turn !== this.turn) return;
    const long = tooLong(card.preview.duration ?? 0, site.maxDuration);
    if (long) this.fail(long);
    else this.ask(file);
  }

  /** @param {File} file */
  async ask(file) {
    this.request?.cancel();
    this.turn += 1;
    const turn = this.turn;
    const { card } = this;
    card.restart();
    this.wait();
    announce(`Searching with ${card.name}.`);
    const request = new SearchRequest(file, site, {
      sending: (sent, total) => card.sending(sent, total),
      working: (found) => card.working(found),
      busy: (seconds) => {
        if (!card.isBusy) announce("Others are searching just now. It is tried again by itself.");
        card.busy(seconds);
      },
    });
    this.request = request;
    try {
      const found = await request.answer();
      if (turn !== this.turn) return;
      this.show(found);
      remember(found);
    } catch (error) {
      if (turn === this.turn) this.fail(error);
    } finally {
      if (turn === this.turn) this.request = null;
    }
  }

  /** Where results will be. */
  wait() {
    byId("results").hidden = false;
    byId("results").setAttribute("aria-busy", "true");
    handOn(byId("results"), byId("results-heading"));
    byId("nothing").hidden = true;
    byId("doubtful").hidden = true;
    setText(byId("results-heading"), "Searching");
    byId("note").hidden = true;
    byId("matches").replaceChildren(...Array.from({ length: SKELETONS }, () =>
      el("li", { class: "match card skeleton", "aria-hidden": "true" },
        el("div", { class: "thumbnail" }), el("div", { class: "match-words" },
          el("span"), el("span"), el("span")))));
  }

  /**
   * What was found before the visitor went to look at it and came back; the file itself is gone.
   * @param {Found} found
   */
  restore(found) {
    const { filename: name, size_bytes: size, media_type: type } = found.query;
    this.put(new QueryCard({ name, size, type }, { cancel: () => {}, again: () => {} }));
    byId("results").hidden = false;
    this.show(found);
  }

  /** @param {QueryCard} card */
  put(card) {
    this.card = card;
    byId("query").replaceChildren(card.element);
    document.body.classList.add("searching");
    setText(byId("lead"), "Drop or paste another");
    setText(byId("choose"), "Choose another");
  }

  /** @param {Found} found */
  show(found) {
    handOn(this.card.cancel, byId("results-heading"));
    this.card.done();
    const query = { ...found.query, state: found.complete ? "ready" : "partial",
      duplicates: found.matches };
    const { sure, doubtful } = parted(found.matches);
    const none = !found.matches.length;
    byId("results").removeAttribute("aria-busy");
    const words = sentence(verdict({ ...query, duplicates: sure }));
    const heading = none ? words.replace(/\.$/, "") : headline(sure);
    setText(byId("results-heading"), heading);
    byId("note").hidden = found.complete;
    setText(byId("note"), readSoFar(found));
    byId("matches").replaceChildren(...sure.map((match) => matchCard(query, match)));
    byId("nothing").hidden = !none;
    this.offerDoubtful(query, doubtful);
    announce(none ? words : `${heading}. ${words}`);
  }

  /** What is hardly a match stays folded while there is better. */
  offerDoubtful(query, doubtful) {
    const button = byId("doubtful");
    button.hidden = !doubtful.length;
    setText(button, `Show ${counted(doubtful.length, "doubtful match", "doubtful matches")} too`);
    button.onclick = () => {
      const first = byId("matches").children.length;
      byId("matches").append(...doubtful.map((match) => matchCard(query, match)));
      const next = byId("matches").children[first];
      handOn(button, next.querySelector("a:not([tabindex])"), next);
      button.hidden = true;
    };
  }

  /** @param {Error} error */
  fail(error) {
    handOn(byId("results"), byId("choose"));
    byId("results").hidden = true;
    if (error instanceof UploadError && error.code === "cancelled") return;
    const known = error instanceof UploadError ? error
      : new UploadError("page", "Something broke in this page.", "Reload it and try again.", true);
    this.card.failed(known);
    announce(`Not searched. ${known.title}`);
  }

  cancel() {
    this.stop();
    byId("results").hidden = true;
    document.body.classList.remove("searching");
    setText(byId("lead"), INVITATION.lead);
    setText(byId("choose"), INVITATION.choose);
    announce("Cancelled.");
    byId("choose").focus();
  }

  stop() {
    this.turn += 1;
    this.request?.cancel();
    this.request = null;
    if (this.card) handOn(this.card.element, byId("choose"));
    this.card?.release();
    this.card = null;
  }
}

/** Back from a video's page, it is there again; what is too much for the browser is not. */
function remember(found) {
  try {
    history.replaceState({ found }, "");
  } catch {
    history.replaceState(null, "");
  }
}

/** @param {import("./types.js").Duplicate[]} matches */
function parted(matches) {
  const sure = matches.filter((match) => match.confidence_word !== "doubtful");
  if (!sure.length) return { sure: matches, doubtful: [] };
  return { sure, doubtful: matches.filter((match) => match.confidence_word === "doubtful") };
}

/** @param {import("./types.js").Duplicate[]} matches */
function headline(matches) {
  const images = matches.every((match) => match.video.media_type === "image");
  const what = counted(matches.length, images ? "image" : "video");
  return matches[0].confidence_word === "doubtful" ? `Perhaps in ${what}` : `Found in ${what}`;
}

/** @param {Found} found */
function readSoFar(found) {
  return found.complete ? ""
    : `Only the first ${spokenLength(found.readable)} of the file could be read.`;
}

/** @param {File[]} files */
function takeFirst(files) {
  if (!files.length) return;
  if (files.length > 1) announce("One file at a time: the first is searched with.");
  page.take(files[0]);
}

const page = new SearchPage();
byId("choose").addEventListener("click", () => input.click());
input.addEventListener("change", () => {
  takeFirst([...input.files]);
  input.value = "";
});
form.addEventListener("submit", (event) => event.preventDefault());
takeDrops(byId("drop-zone"), takeFirst);
takePastes(takeFirst);
addEventListener("pagehide", () => page.request?.cancel());
if (history.state?.found) page.restore(history.state.found);
