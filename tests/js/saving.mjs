// What the tests of saving share: a storage, a network and a clock of their own, and what was seen of them.

/** `ask` answers requests from `answers`, in turn: "offline", an answer, or a function of what was sent. */
export function savingSetUp(answers, stored = {}) {
  const seen = { sent: [], states: [], stored, ofThisTab: {}, waiting: null, waits: [] };
  const storageOf = (place) => ({
    getItem: (key) => seen[place][key] ?? null,
    setItem: (key, text) => (seen[place][key] = String(text)),
    removeItem: (key) => delete seen[place][key],
  });
  const ask = async (sent) => {
    seen.sent.push(structuredClone(sent));
    const answer = answers.shift();
    if (answer === "offline") throw new TypeError("no network");
    return typeof answer === "function" ? answer(sent) : answer;
  };
  const options = {
    key: "kept", storage: storageOf("stored"), ofThisTab: storageOf("ofThisTab"),
    schedule: (work, wait) => {
      seen.waiting = work;
      seen.waits.push(wait);
    },
    now: () => new Date(2026, 0, 1, 10, 31),
    onState: ({ kind, text }) => seen.states.push(`${kind}: ${text}`),
  };
  return { seen, ask, options, wait: () => seen.waiting() };
}
