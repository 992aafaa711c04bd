// Keeps every typed value until the server has it: in memory, and on this computer through reloads and lost networks.
//
// One item for each field. A change that was sent stays as it is until it is answered, so that it can be sent again
// without harm; what is typed meanwhile waits behind it. Tabs of one person share the store, item by item.

import { Saving, changes } from "../../shell/saving.js";

const MOST_AT_ONCE = 400;
const BEFORE = { value: "before", source: "source_before" };

const idOf = (row, key) => `${row} ${key}`;

export class Queue {
  #items = new Map();
  #saving;
  #sending = null;
  #savedAt = "";

  /**
   * @param {object} options and those of Saving: key, onState
   * @param {(changes: object[]) => Promise<{status: number, body: object}>} options.send rejects when offline
   * @param {(field: {row: string, key: string, state: string}) => void} options.onField state: saved, conflict, refused, gone
   */
  constructor({ send, onField, ...saving }) {
    Object.assign(this, { send, onField });
    this.#saving = new Saving({ ...saving, work: () => this.flush() });
  }

  /** Take up what an earlier visit could not save; answers `unsaved`, to be shown. */
  start() {
    for (const [id, item] of Object.entries(this.#saving.kept ?? {})) {
      this.#items.set(id, { change: item.change, sent: item.sent, later: item.later, theirs: null, refused: "" });
    }
    if (this.size) {
      this.#saving.tell("unsaved", `${changes(this.size)} restored from this computer`);
      this.#saving.later(0);
    } else {
      this.#saving.tell("saved", "All saved");
    }
    return this.unsaved;
  }

  /** Whether the page was drawn, with this version, before the last save of this tab was stored. */
  isOutdated(version) {
    return this.#saving.isOutdated(version);
  }

  /** What the person sees and the server has not stored, and what it said of it: [{row, key, value?, source?, theirs?, refused?}]. */
  get unsaved() {
    return [...this.#items.values()].map(({ change, later, theirs, refused }) => {
      const { row, key, value, source } = { ...change, ...later };
      const shown = { row, key };
      if (theirs) shown.theirs = theirs;
      if (refused) shown.refused = refused;
      if ("value" in change || (later && "value" in later)) shown.value = value;
      if ("source" in change || (later && "source" in later)) shown.source = source;
      return shown;
    });
  }

  get size() {
    return this.#items.size;
  }

  get state() {
    return this.#saving.state;
  }

  holds({ row, key }) {
    return this.#items.has(idOf(row, key));
  }

  /** A field has changed; `base` is what the page last knew to be stored: {value, source}. */
  edit(row, key, changed, base, wait = 1500) {
    const id = idOf(row, key);
    const item = this.#items.get(id) ?? { change: { row, key }, sent: false, later: null, theirs: null, refused: "" };
    if (item.sent) {
      item.later = { ...item.later, ...changed };
    } else {
      for (const part of Object.keys(changed)) {
        if (!(part in item.change)) item.change[BEFORE[part]] = base[part];
        item.change[part] = changed[part];
      }
      item.refused = "";
    }
    this.#items.set(id, item);
    this.#keep(id);
    if (this.state === "offline") this.#saving.tellOffline(this.size);
    else if (this.state === "saved") this.#saving.tell("unsaved", "Not saved yet");
    if (!item.theirs) this.#saving.later(wait);
  }

  /** Send what can be sent; answers when that is done. */
  async flush() {
    this.#saving.cancel();
    while (this.#sending) await this.#sending;
    const batch = [...this.#items.values()].filter((item) => !item.theirs && !item.refused).slice(0, MOST_AT_ONCE);
    if (!batch.length) {
      this.#settle();
      return;
    }
    this.#sending = this.#sendBatch(batch).finally(() => (this.#sending = null));
    await this.#sending;
  }

  /** Send what can be sent, then do `work`, which never rejects; nothing is sent until it is done. Answers its result. */
  async alone(work) {
    await this.flush();
    while (this.#sending) await this.#sending;
    this.#sending = Promise.resolve().then(work).finally(() => (this.#sending = null));
    return this.#sending;
  }

  takeMine(row, key) {
    const item = this.#items.get(idOf(row, key));
    for (const part of Object.keys(BEFORE)) if (part in item.change) item.change[BEFORE[part]] = item.theirs[part];
    item.theirs = null;
    this.#keep(idOf(row, key));
    return this.flush();
  }

  /** Answers what is stored: {value, source}. */
  takeTheirs(row, key) {
    const { theirs } = this.#items.get(idOf(row, key));
    this.#drop(idOf(row, key));
    this.#settle();
    return theirs;
  }

  async #sendBatch(batch) {
    for (const item of batch) {
      item.sent = true;
      this.#keep(idOf(item.change.row, item.change.key));
    }
    if (this.state !== "offline") this.#saving.tell("saving", "Saving…");
    let answer;
    try {
      answer = await this.send(batch.map((item) => item.change));
    } catch {
      this.#saving.tellOffline(this.size);
      this.#saving.retry();
      return;
    }
    this.#answered(answer, batch);
  }

  #answered({ status, body }, batch) {
    const details = body?.outcomes ? body : body?.details;
    if (details?.outcomes) {
      this.#saving.reached();
      this.#saving.stored(details.version);
      this.#savedAt = this.#saving.clock;
      details.outcomes.forEach((outcome, place) => this.#settleItem(batch[place], outcome, details));
      if ([...this.#items.values()].some((item) => !item.theirs && !item.refused)) this.#saving.later(0);
      this.#settle();
    } else if (body?.code === "locked") {
      this.#saving.tell("locked", `This extraction is locked now: ${changes(this.size)} kept on this computer, not saved`);
    } else if (status === 401 || status === 403) {
      this.#saving.tell("signed-out", `You are signed out or may not save here: ${changes(this.size)} kept`);
      this.#saving.retry();
    } else if (status >= 500 || status === 429) {
      this.#saving.tellBusy(this.size);
      this.#saving.retry();
    } else {
      for (const item of batch) {
        Object.assign(item.change, item.later);
        Object.assign(item, { sent: false, later: null });
        this.#keep(idOf(item.change.row, item.change.key));
      }
      this.#saving.tell("refused", `Not saved, ${changes(this.size)} kept: ${body?.error ?? "reload the page"}`);
    }
  }

  #settleItem(item, outcome, { version }) {
    const { row, key } = item.change;
    const id = idOf(row, key);
    const typedMeanwhile = item.later;
    item.sent = false;
    item.later = null;
    if (outcome.state === "gone") {
      this.#drop(id);
    } else if (outcome.state === "saved") {
      if (typedMeanwhile) {
        item.change = { row, key };
        for (const part of Object.keys(typedMeanwhile)) item.change[BEFORE[part]] = outcome[part];
        Object.assign(item.change, typedMeanwhile);
      } else {
        this.#drop(id);
      }
    } else {
      if (typedMeanwhile) Object.assign(item.change, typedMeanwhile);
      if (outcome.state === "conflict") item.theirs = { value: outcome.value, source: outcome.source };
      else if (!typedMeanwhile) item.refused = outcome.message;
    }
    if (this.#items.has(id)) this.#keep(id);
    this.onField({ ...outcome, version, mine: item.change, pending: this.#items.has(id) });
  }

  #settle() {
    const items = [...this.#items.values()];
    const asked = items.filter((item) => item.theirs).length;
    const refused = items.filter((item) => item.refused).length;
    if (asked) this.#saving.tell("conflict", `${changes(asked)} not saved: another tab saved something else. Choose below`);
    else if (refused) this.#saving.tell("refused", `${changes(refused)} not saved: see the marked answers`);
    else if (!items.length) this.#saving.tell("saved", this.#savedAt ? `Saved ${this.#savedAt}` : "All saved");
  }

  #drop(id) {
    this.#items.delete(id);
    this.#keep(id);
  }

  // Only this item is written: another tab may keep others under the same key.
  #keep(id) {
    const kept = this.#saving.kept ?? {};
    const item = this.#items.get(id);
    if (item) kept[id] = { change: item.change, sent: item.sent, later: item.later };
    else delete kept[id];
    this.#saving.kept = Object.keys(kept).length ? kept : null;
  }
}
