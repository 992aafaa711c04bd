// Keeps one item of a score saved: on the server when it can, on this computer until then, never over another's version.
//
// States: saved > unsaved > saving > saved, or offline (tried again), conflict (waits for a choice), refused.

const SAVE_AFTER_MS = 800;
const RETRY_AFTER_MS = 8000;
export const FIELDS = ["points", "quote", "page", "note"];

export const sameValues = (a, b) => FIELDS.every((field) => (a[field] ?? null) === (b[field] ?? null));

export class ItemSync {
  #timer = null;
  #saving = false;
  #conflict = null;

  /**
   * @param {object} options
   * @param {(body: object) => Promise<{status: number, body: object}>} options.put sends an item; rejects when offline
   * @param {string} options.key names this item and person in `storage`
   * @param {(state: {kind: string, text: string}) => void} options.onState
   * @param {(versions: {mine: object, theirs: object}) => void} options.onConflict
   */
  constructor({
    put, key, onState, onConflict, onSaved = () => {}, storage = globalThis.localStorage,
    schedule = (work, wait) => setTimeout(work, wait), cancel = (timer) => clearTimeout(timer), now = () => new Date(),
  }) {
    Object.assign(this, { put, key, onState, onConflict, onSaved, storage, schedule, cancel, now });
  }

  /** Take the server's item; answers the values to show, which are those that an earlier visit could not save. */
  start(server) {
    this.base = server;
    this.mine = server;
    const kept = this.#kept();
    if (!kept || sameValues(kept.values, server)) {
      this.#forget();
      this.state = "saved";
      return server;
    }
    this.mine = kept.values;
    if (kept.version === server.version) {
      this.#tell("unsaved", "Restored from this computer");
      this.#later(0);
    } else {
      this.#raise(server);
    }
    return this.mine;
  }

  /** The person has changed something. */
  changed(values) {
    this.mine = values;
    this.#keep();
    if (this.#conflict) return;
    if (this.state !== "offline") this.#tell("unsaved", "Not saved yet");
    this.#later(SAVE_AFTER_MS);
  }

  get dirty() {
    return !sameValues(this.mine, this.base);
  }

  async save() {
    if (this.#saving || this.#conflict) return;
    if (!this.dirty) {
      if (this.state !== "saved") this.#settled();
      return;
    }
    this.#saving = true;
    const sent = this.mine;
    if (this.state !== "offline") this.#tell("saving", "Saving…");
    try {
      const answer = await this.put({ ...pick(sent), version: this.base.version });
      this.#saving = false;
      this.#answered(answer, sent);
    } catch {
      this.#saving = false;
      this.#tell("offline", "Offline, kept on this computer");
      this.#later(RETRY_AFTER_MS);
    }
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
    this.mine = this.base;
    this.#conflict = null;
    this.#settled();
    return this.base;
  }

  #answered({ status, body }, sent) {
    if (status === 200) {
      this.base = { ...pick(sent), version: body.version };
      this.onSaved(body);
      if (this.dirty) this.#later(0);
      else this.#settled();
    } else if (status === 409) {
      const theirs = { ...body.details.theirs, version: body.details.version };
      if (sameValues(theirs, this.mine)) {
        this.base = theirs;
        this.#settled();
      } else {
        this.#raise(theirs);
      }
    } else if (status >= 500) {
      this.#tell("offline", "The server could not save; kept, trying again");
      this.#later(RETRY_AFTER_MS);
    } else {
      this.#tell("refused", `Not saved, kept on this computer: ${refusal(status, body)}`);
    }
  }

  #raise(theirs) {
    this.#conflict = theirs;
    this.#tell("conflict", "Not saved: another tab saved first");
    this.onConflict({ mine: this.mine, theirs });
  }

  #settled() {
    this.#forget();
    const time = this.now().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.#tell("saved", `Saved ${time}`);
  }

  #tell(kind, text) {
    this.state = kind;
    this.onState({ kind, text });
  }

  #later(milliseconds) {
    this.cancel(this.#timer);
    this.#timer = this.schedule(() => this.save(), milliseconds);
  }

  #keep() {
    try {
      this.storage.setItem(this.key, JSON.stringify({ values: pick(this.mine), version: this.base.version }));
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

const pick = (values) => Object.fromEntries(FIELDS.map((field) => [field, values[field] ?? (field === "points" ? null : "")]));

function refusal(status, body) {
  if (status === 401 || body.code === "not_authenticated") {
    return "you are signed out. Sign in again in another tab, then change the item again.";
  }
  return body.error ?? "the server refused. Reload the page.";
}

const WORST_FIRST = ["conflict", "refused", "offline", "saving", "unsaved"];

/** One sentence for the states of all items. */
export function summary(kinds) {
  const worst = WORST_FIRST.find((kind) => kinds.includes(kind));
  if (!worst) return { kind: "saved", text: "All saved" };
  const count = kinds.filter((kind) => kind !== "saved").length;
  const items = `${count} ${count === 1 ? "item" : "items"}`;
  return {
    kind: worst,
    text: {
      conflict: `${items} not saved: choose a version`, refused: `${items} not saved`, offline: `Offline, ${items} kept`,
      saving: "Saving…", unsaved: `${items} not saved yet`,
    }[worst],
  };
}
