// Rewrites <time datetime> into the reader's own time and manner; what the server wrote, in UTC, becomes the hint.

const STYLES = {
  day: { dateStyle: "medium" },
  date: { dateStyle: "medium", timeZone: "UTC" },
  clock: { timeStyle: "medium" },
  moment: { dateStyle: "medium", timeStyle: "short" },
};

/** That moment as the reader writes it: its day, its time of day, or both; a date without a time is that date everywhere. */
export function localText(moment, part = "moment", locale = undefined, timeZone = undefined) {
  return new Intl.DateTimeFormat(locale, { timeZone, ...STYLES[part] }).format(new Date(moment));
}

function localise(page) {
  for (const time of page.querySelectorAll("time[datetime]:not([data-local])")) {
    time.dataset.local = "";
    time.title = time.dataset.part === "date" ? time.dateTime : `${time.dateTime.replace("T", " ").slice(0, 19)} UTC`;
    time.textContent = localText(time.dateTime, time.dataset.part);
  }
}

if (globalThis.document) {
  localise(document);
  document.addEventListener("htmx:afterSwap", () => localise(document));
}
