// Finds words in the texts of pages, whatever the case, the blanks and the kind of minus or quotation mark.

const PLAIN = { "−": "-", "–": "-", "‐": "-", "‑": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"' };

/** The text without blanks, with plain signs, and for each of its characters the place it had. */
function searchable(text) {
  const places = [];
  let plain = "";
  for (const [place, sign] of [...text].entries()) {
    if (/\s/u.test(sign)) continue;
    for (const letter of (PLAIN[sign] ?? sign).normalize("NFKC").toLowerCase()) {
      plain += letter;
      places.push(place);
    }
  }
  return { plain, places };
}

/** Places of `words` in `text` as {start, end}, counted in characters of the text. */
export function placesIn(text, words) {
  const wanted = searchable(words).plain;
  if (!wanted) return [];
  const { plain, places } = searchable(text);
  const found = [];
  for (let at = plain.indexOf(wanted); at >= 0; at = plain.indexOf(wanted, at + wanted.length)) {
    found.push({ start: places[at], end: places[at + wanted.length - 1] + 1 });
  }
  return found;
}
