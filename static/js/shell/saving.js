// What all saving shares: a state told in words, one timer, and what is kept on this computer until the server has it.

import { counted } from "./words.js";

const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30000;

export const changes = (count) => counted(count, "change");

/** Whether a state asks something of the person, or warns. */
export const isTrouble = (kind) => !["saved", "saving", "unsaved"].includes(kind);

export class Saving {
  #timer = null;
  #retryAfter = FIRST_RETRY_MS;

  /**
   * @param {object} options
   * @param {() => Promise} options.work saves what there is to save
   * @param {string} options.key names what is saved, and the person, in `storage`
   * @param {(state: {kind: string, text: string}) => void} options.onState
   */
  constructor({
    work, key, onState, storage = globalThis.localStorage, ofThisTab = globalThis.sessionStorage,
    schedule = (task, wait) => setTimeout(task, wait), now = () => new Date(),
  }) {
    Object.assign(this, { work, key, onState, storage, ofThisTab, schedule, now });
  }

  tell(kind, text) {
    this.state = kind;
    this.onState({ kind, text });
  }

  get clock() {
    return this.now().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }

  later(milliseconds) {
    this.cancel();
    this.#timer = this.schedule(this.work, milliseconds);
  }

  cancel() {
    clearTimeout(this.#timer);
  }

  tellOffline(count) {
    this.tell("offline", `Offline, ${changes(count)} kept`);
  }

  tellBusy(count) {
    this.tell("offline", `The server could not save, ${changes(count)} kept; trying again`);
  }

  /** Less and less often, until `reached`. */
  retry() {
    this.later(this.#retryAfter);
    this.#retryAfter = Math.min(2 * this.#retryAfter, LONGEST_RETRY_MS);
  }

  reached() {
    this.#retryAfter = FIRST_RETRY_MS;
  }

  /** What the server has stored has this version, or a later one. */
  stored(version) {
    try {
      this.ofThisTab.setItem(this.key, version);
    } catch {
      // As with a full storage below.
    }
  }

  /**
   * Whether a page with this version was drawn before this tab's last save: a page that is left goes on saving until
   * the next one is there. Said once, so that a page that is drawn again and again is shown after all.
   */
  isOutdated(version) {
    try {
      const stored = Number(this.ofThisTab.getItem(this.key));
      this.ofThisTab.removeItem(this.key);
      return stored > version;
    } catch {
      return false;
    }
  }

  get kept() {
    try {
      return JSON.parse(this.storage.getItem(this.key));
    } catch {
      return null;
    }
  }

  set kept(value) {
    try {
      if (value) this.storage.setItem(this.key, JSON.stringify(value));
      else this.storage.removeItem(this.key);
    } catch {
      // A full or forbidden storage only takes away the safety net; saving goes on.
    }
  }
}
