/** How a file gets to the server: straight to S3 where that is set up, else resumably to us. */

import { S3Transfer, unfinished as unfinishedInS3 } from "./transfer-s3.js";
import { TusTransfer, unfinished as unfinishedHere } from "./transfer-tus.js";

/**
 * @typedef {object} Site
 * @property {string} library the script that sends resumably
 * @property {string} resumable where resumable uploads begin
 * @property {string} direct where uploads straight to S3 begin; "" where there are none
 * @property {() => string} token
 * @property {string} accept
 * @property {number} maxBytes
 * @property {number} maxDuration
 *
 * @typedef {object} Tell
 * @property {(sent: number, total: number) => void} progress
 * @property {() => void} lost the line broke; it goes on by itself
 */

/**
 * @param {File} file
 * @param {Site} site
 * @param {Tell} tell
 */
export function transfer(file, site, tell) {
  return site.direct ? new S3Transfer(file, site, tell) : new TusTransfer(file, site, tell);
}

/**
 * Uploads that an earlier visit of this browser began.
 * @param {Site} site
 * @returns {Promise<{name: string, size: number, received: number, writing?: boolean,
 *   giveUp: () => Promise<any>}[]>} writing: a request sends to it, perhaps another tab's
 */
export function unfinished(site) {
  return site.direct ? unfinishedInS3(site) : unfinishedHere(site);
}
