/** At most a few files are sent at a time; the rest wait in the order they came. */

export class UploadQueue {
  /** @param {number} most */
  constructor(most) {
    this.most = most;
    this.running = 0;
    /** @type {{run: () => Promise<void>}[]} */
    this.waiting = [];
  }

  /** @param {{run: () => Promise<void>}} job run never rejects */
  add(job) {
    this.waiting.push(job);
    this.next();
  }

  /** @param {{run: () => Promise<void>}} job */
  remove(job) {
    this.waiting = this.waiting.filter((other) => other !== job);
  }

  next() {
    while (this.running < this.most && this.waiting.length) {
      const job = this.waiting.shift();
      this.running += 1;
      job.run().finally(() => {
        this.running -= 1;
        this.next();
      });
    }
  }
}
