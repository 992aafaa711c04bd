// Keeps the table saved: on the server when it can, on this computer until then, and never over another's version.
//
// States: saved > unsaved > saving > saved, or offline (tried again), conflict (waits for a choice), refused.

import { differingRows, filledRows, sameRows } from "./table.js";

const SAVE_AFTER_MS = 1200;
const RETRY_AFTER_MS = 8000;

const sameTable = (a, b) => a.peaks_state === b.peaks_state && sameRows(filledRows(a.rows), filledRows(b.rows));

/** How many rows (and the state) differ between two tables. */
export function countChanges(mine, theirs) {
  const rows = differingRows(filledRows(mine.rows), filledRows(theirs.rows)).length;
  return rows + (mine.peaks_state === theirs.peaks_state ? 0 : 1);
}

export class Sync {
  #timer = null;
  #saving = false;
  #conflict = null;

  /**
   * @param {object} options
   * @param {(body: object) => Promise<{status: number, body: object}>} options.put sends a table; rejects when offline
   * @param {string} options.key names this dataset and person in `storage`
   * @param {(state: {kind: string, text: string}) => void} options.onState
   * @param {(versions: {mine: object, theirs: object}) => void} options.onConflict
   */
  constructor({
    put, key, onState, onConflict, storage = globalThis.localStorage,
    schedule = (work, wait) => setTimeout(work, wait), now = () => new Date(),
  }) {
    Object.assign(this, { put, key, onState, onConflict, storage, schedule, now });
  }

  /** Take the server's table; answers the table to show, which holds what an earlier visit could not save. */
  start(server) {
    this.base = server;
    this.mine = server;
    const kept = this.#kept();
    if (!kept || sameTable(kept, server)) {
      this.#forget();
      this.#tell("saved", "All saved");
      return server;
    }
    this.mine = { rows: kept.rows, peaks_state: kept.peaks_state };
    if (sameTable(kept.base, server)) {
      this.#tell("unsaved", `${this.#changes()} restored from this computer`);
      this.#later(0);
    } else {
      this.#raise({ ...server });
    }
    return this.mine;
  }

  /** The table has changed in the grid. */
  changed(rows, peaksState) {
    this.mine = { rows: filledRows(rows), peaks_state: peaksState };
    this.#keep();
    if (this.#conflict) return;
    if (this.state !== "offline") this.#tell("unsaved", "Not saved yet");
    else this.#tellOffline();
    this.#later(SAVE_AFTER_MS);
  }

  get dirty() {
    return !sameTable(this.mine, this.base);
  }

  /** Save now; used when the page is left or the connection is back. */
  async save() {
    if (this.#saving || this.#conflict) return;
    if (!this.dirty) {
      this.#settled();
      return;
    }
    this.#saving = true;
    const sent = this.mine;
    if (this.state !== "offline") this.#tell("saving", "Saving…");
    try {
      const answer = await this.put({ version: this.base.version, peaks_state: sent.peaks_state, rows: filledRows(sent.rows) });
      this.#saving = false;
      this.#answered(answer, sent);
    } catch {
      this.#saving = false;
      this.#tellOffline();
      this.#later(RETRY_AFTER_MS);
    }
  }

  takeMine() {
    this.base = this.#conflict;
    this.#conflict = null;
    this.#keep();
    return this.save();
  }

  /** Answers the other's table, to be shown. */
  takeTheirs() {
    this.base = this.#conflict;
    this.mine = this.base;
    this.#conflict = null;
    this.#settled();
    return this.base;
  }

  /** Show the two versions again. */
  reopenConflict() {
    if (this.#conflict) this.onConflict({ mine: this.mine, theirs: this.#conflict });
  }

  #answered({ status, body }, sent) {
    if (status === 200) {
      this.base = { ...sent, version: body.version };
      if (this.dirty) this.#later(SAVE_AFTER_MS);
      else this.#settled();
    } else if (status === 409) {
      this.#stale({ ...body.details.theirs, version: body.details.version });
    } else if (status >= 500) {
      this.#tell("offline", `The server could not save, ${this.#changes()} kept; trying again`);
      this.#later(RETRY_AFTER_MS);
    } else {
      this.#tell("refused", `Not saved, ${this.#changes()} kept: ${refusal(status, body)}`);
    }
  }

  // Only the version moved (settings of the dataset were edited), or both wrote the same: nothing to choose.
  #stale(theirs) {
    const onlyVersion = sameTable(theirs, this.base) || sameTable(theirs, this.mine);
    if (!onlyVersion) {
      this.#raise(theirs);
      return;
    }
    this.base = theirs;
    this.#later(0);
  }

  #raise(theirs) {
    this.#conflict = theirs;
    this.#tell("conflict", `Not saved: another tab saved first, ${this.#changes()} kept`);
    this.onConflict({ mine: this.mine, theirs });
  }

  #settled() {
    this.#forget();
    const time = this.now().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.#tell("saved", `Saved ${time}`);
  }

  #tellOffline() {
    this.#tell("offline", `Offline, ${this.#changes()} kept`);
  }

  #changes() {
    const count = countChanges(this.mine, this.#conflict ?? this.base);
    return `${count} ${count === 1 ? "change" : "changes"}`;
  }

  #tell(kind, text) {
    this.state = kind;
    this.onState({ kind, text });
  }

  #later(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = this.schedule(() => this.save(), milliseconds);
  }

  #keep() {
    try {
      this.storage.setItem(this.key, JSON.stringify({ ...this.mine, base: this.base }));
    } catch {
      // A full or forbidden storage only takes away the safety net; saving goes on.
    }
  }

  #kept() {
    try {
      return JSON.parse(this.storage.getItem(this.key));
    } catch {
      return null;
    }
  }

  #forget() {
    try {
      this.storage.removeItem(this.key);
    } catch {
      // See #keep.
    }
  }
}

function refusal(status, body) {
  if (status === 401 || body.code === "not_authenticated") {
    return "you are signed out. Sign in again in another tab, then change any cell.";
  }
  return body.error ?? "the server refused. Reload the page.";
}
