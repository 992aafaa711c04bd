// Keeps one thing that has a version saved: on the server when it can, on this computer until then, and never over
// another's version.
//
// What was sent and not answered is remembered, as the server may have stored it: it is nobody else's.
//
// States: saved > unsaved > saving > saved, or offline and signed-out (tried again), conflict (waits for a choice),
// refused.

import { Saving, changes } from "./saving.js";

const SAVE_AFTER_MS = 1000;

export class Autosave {
  #saving;
  #sending = null;
  #unanswered = [];
  #conflict = null;

  /**
   * @param {object} options and those of Saving: key, onState
   * @param {(body: object) => Promise<{status: number, body: object}>} options.put sends values; rejects when offline
   * @param {(values: object) => object} options.tidy the values as they are stored
   * @param {(a: object, b: object) => number} options.differences how many changes lie between two values
   * @param {(versions: {mine: object, theirs: object}) => void} options.onConflict
   * @param {(body: object) => void} options.onSaved takes what the server answered
   * @param {string} options.untouched the words before anything was changed
   */
  constructor({ put, tidy, differences, onConflict, onSaved = () => {}, untouched = "All saved", ...saving }) {
    Object.assign(this, { put, tidy, differences, onConflict, onSaved, untouched });
    this.#saving = new Saving({ ...saving, work: () => this.save() });
  }

  /** Whether the page was drawn, with this version, before the last save of this tab was stored. */
  isOutdated(version) {
    return this.#saving.isOutdated(version);
  }

  /** Take the server's values; answers those to show, which are what an earlier visit could not save. */
  start(server) {
    this.base = this.#versioned(server, server.version);
    this.mine = this.tidy(server);
    const { kept } = this.#saving;
    if (!kept || this.#same(kept, this.base)) {
      this.#saving.kept = null;
      this.#saving.tell("saved", this.untouched);
      return this.mine;
    }
    this.mine = this.tidy(kept);
    this.#unanswered = kept.unanswered ?? [];
    if (this.#isOurs(this.base, kept.base)) {
      this.#saving.tell("unsaved", `${this.#changes} restored from this computer`);
      this.#saving.later(0);
    } else {
      this.#raise(this.base);
    }
    return this.mine;
  }

  /** The person has changed something. */
  changed(values) {
    this.mine = this.tidy(values);
    this.#keep();
    if (this.#conflict) return;
    if (this.state === "offline") this.#saving.tellOffline(this.#count);
    else this.#saving.tell("unsaved", "Not saved yet");
    this.#saving.later(SAVE_AFTER_MS);
  }

  get state() {
    return this.#saving.state;
  }

  get dirty() {
    return !this.#same(this.mine, this.base);
  }

  /** Save now; what is under way is waited for. */
  async save() {
    this.#saving.cancel();
    while (this.#sending) await this.#sending;
    if (this.#conflict) return;
    if (!this.dirty && !this.#unanswered.length) {
      if (this.state !== "saved") this.#settled();
      return;
    }
    this.#sending = this.#send(this.mine).finally(() => { this.#sending = null; });
    await this.#sending;
  }

  takeMine() {
    this.base = this.#conflict;
    this.#conflict = null;
    this.#keep();
    return this.save();
  }

  /** Answers the other's values, to be shown. */
  takeTheirs() {
    this.base = this.#conflict;
    this.mine = this.tidy(this.base);
    this.#conflict = null;
    this.#settled();
    return this.mine;
  }

  /** Show the two versions again. */
  reopenConflict() {
    if (this.#conflict) this.onConflict({ mine: this.mine, theirs: this.#conflict });
  }

  async #send(sent) {
    if (this.state !== "offline") this.#saving.tell("saving", "Saving…");
    // The first may have got through before the network went away, and the last after it came back.
    this.#unanswered = [...this.#unanswered.slice(0, 1), sent];
    this.#keep();
    let answer;
    try {
      answer = await this.put({ ...sent, version: this.base.version });
    } catch {
      this.#saving.tellOffline(this.#count);
      this.#saving.retry();
      return;
    }
    this.#answered(answer, sent);
  }

  #answered({ status, body }, sent) {
    if (status >= 500 || status === 429) {
      this.#saving.tellBusy(this.#count);
      this.#saving.retry();
      return;
    }
    if (status === 401 || body.code === "not_authenticated") {
      this.#saving.tell("signed-out", `You are signed out, ${this.#changes} kept. Sign in in another tab; saving then goes on here`);
      this.#saving.retry();
      return;
    }
    this.#saving.reached();
    if (status === 200) {
      this.#saving.stored(body.version);
      this.onSaved(body);
      this.#goOn(this.#versioned(sent, body.version));
    } else if (status === 409) {
      this.#stale(this.#versioned(body.details.theirs, body.details.version));
    } else {
      this.#unanswered = this.#unanswered.filter((values) => values !== sent);
      this.#saving.tell("refused", `Not saved, ${this.#changes} kept: ${body.error ?? "the server refused. Reload the page."}`);
    }
  }

  // Only the version moved, both wrote the same, or an earlier answer was lost: nothing to choose.
  #stale(theirs) {
    if (this.#isOurs(theirs, this.base)) this.#goOn(theirs);
    else this.#raise(theirs);
  }

  #isOurs(stored, base) {
    return [base, this.mine, ...this.#unanswered].some((values) => this.#same(stored, values));
  }

  #goOn(base) {
    this.base = base;
    this.#unanswered = [];
    if (!this.dirty) {
      this.#settled();
      return;
    }
    this.#keep();
    this.#saving.tell("unsaved", "Not saved yet");
    this.#saving.later(SAVE_AFTER_MS);
  }

  #raise(theirs) {
    this.#conflict = theirs;
    this.#unanswered = [];
    this.#saving.tell("conflict", `Not saved: another tab saved first, ${this.#changes} kept`);
    this.reopenConflict();
  }

  #settled() {
    this.#saving.kept = null;
    this.#saving.tell("saved", `Saved ${this.#saving.clock}`);
  }

  get #count() {
    return this.differences(this.mine, this.#conflict ?? this.base);
  }

  get #changes() {
    return changes(this.#count);
  }

  #same(a, b) {
    return this.differences(a, b) === 0;
  }

  #versioned(values, version) {
    return { ...this.tidy(values), version };
  }

  #keep() {
    this.#saving.kept = { ...this.mine, base: this.base, unanswered: this.#unanswered };
  }
}
