// Selected text -> the quote that is stored.

const CHINESE = "[\\u2e80-\\u9fff\\uf900-\\ufaff\\uff00-\\uffef\\u3000-\\u303f]";
const BETWEEN_CHINESE = new RegExp(`(?<=${CHINESE})\\s+(?=${CHINESE})`, "gu");
export const LONGEST_QUOTE = 1000;

/** On one line: Chinese has no blanks between characters, and the line breaks of a column are none of the text's. */
export function tidyQuote(text) {
  const line = text.replaceAll("\u00ad", "").replace(/\s+/gu, " ").trim().replace(BETWEEN_CHINESE, "");
  return line.length > LONGEST_QUOTE ? `${line.slice(0, LONGEST_QUOTE - 1)}…` : line;
}
