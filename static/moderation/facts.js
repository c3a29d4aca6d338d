/** The column beside the players: who, whose, how old, what was before. */

import { el } from "../videos/dom.js";
import { counted, dateTime, length, percent, timestamp } from "../videos/format.js";
import { changes, secondsHere, secondsThere } from "../videos/words.js";

/**
 * @param {any} told the case of the flag
 * @param {Record<string, string>} words of the reasons
 * @param {(id: number) => string} page of a decision with its frozen evidence
 */
export function facts(told, words, page) {
  return [block("The match", matchRows(told)), block("Rights", rightRows(told)),
    block("Uploader", uploaderRows(told)), decisions(told, words, page), rules(told, words),
    history(told, words)].filter(Boolean);
}

function block(title, rows) {
  const shown = rows.filter(([, value]) => value);
  if (!shown.length) return null;
  return el("section", { class: "fact-block" }, el("h2", {}, title),
    el("dl", {}, ...shown.map(([name, value]) => el("div", {}, el("dt", {}, name),
      el("dd", {}, value)))));
}

function matchRows(told) {
  const { match, video } = told;
  if (!match) return [["Link", "gone"]];
  const still = [video, match.video].some((one) => one.media_type === "image");
  const part = (seconds, share) => `${length(seconds)} (${percent(share)})`;
  return [
    ["Confidence", `${match.confidence_word} ${percent(match.score)}`],
    ["Flagged from", told.threshold ? percent(told.threshold) : ""],
    ["Of the query", still ? "" : part(secondsHere(match), match.covered)],
    ["Of the reference", still ? "" : part(secondsThere(match), match.covered_other)],
    ["Kind", changes(match).join(", ") || "as it was"],
    ["Frames that match", counted(match.matched_frames, "frame")],
    ["Scene cuts that agree", told.aligned_cuts ? String(told.aligned_cuts) : ""],
    ["Scene cuts of both", cutWords(told.cuts)],
    ["Engine", `version ${match.engine_version}`],
    ["Query uploaded", dateTime(video.uploaded_at)],
    ["Reference uploaded", dateTime(match.video.uploaded_at)],
  ];
}

function cutWords({ query, reference }) {
  return query.length || reference.length ? `${query.length} and ${reference.length}` : "";
}

function rightRows(told) {
  if (!told.rights.length) return [["Registered", "nobody has rights in the reference"]];
  return told.rights.flatMap((right) => [
    ["Holder", right.holder],
    ["Policy", right.policy],
    ["Licence", right.licence],
    ["Where", right.territories.join(", ") || "everywhere"],
    ["Registered", dateTime(right.registered_at)],
  ]);
}

function uploaderRows({ uploader }) {
  if (!uploader) return [["Account", "none, or deleted"]];
  return [
    ["Name", el("bdi", {}, uploader.name)],
    ["Here since", dateTime(uploader.since)],
    ["Videos", String(uploader.videos)],
    ["Copies found", `${uploader.confirmed} confirmed, ${uploader.dismissed} dismissed`],
  ];
}

function decisions(told, words, page) {
  if (!told.decisions.length) return null;
  return el("section", { class: "fact-block" }, el("h2", {}, "Earlier decisions"),
    el("ul", {}, ...told.decisions.map((one) => el("li", {},
      `${one.verdict}: ${words[one.reason] || one.reason} – ${one.by}, ${dateTime(one.at)} `,
      el("a", { href: page(one.id), "aria-label": `Evidence of ${dateTime(one.at)}` }, "Evidence"),
      one.note && el("q", {}, one.note)))));
}

function rules(told, words) {
  if (!told.rules.length) return null;
  return el("section", { class: "fact-block" }, el("h2", {}, "Allow rules"),
    el("ul", {}, ...told.rules.map((rule) => el("li", { class: rule.ended ? "ended" : "" },
      [`${rule.kind}: ${words[rule.reason] || rule.reason}`,
        rule.stretch ? `${timestamp(rule.stretch[0])}–${timestamp(rule.stretch[1])}` : "",
        `by ${rule.author}`, rule.ended ? "has ended"
          : rule.expires_at ? `until ${dateTime(rule.expires_at)}` : ""]
        .filter(Boolean).join(" · ")))));
}

function history(told, words) {
  return el("details", { class: "fact-block" },
    el("summary", {}, `History (${told.history.length})`),
    el("ol", {}, ...told.history.map((event) => el("li", {},
      `${dateTime(event.at)} · ${event.move.replaceAll("_", " ")} · ${event.by}`,
      event.reason && ` · ${words[event.reason] || event.reason.replaceAll("_", " ")}`,
      event.note && el("q", {}, event.note)))));
}
