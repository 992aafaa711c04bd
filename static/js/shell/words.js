/** "1 row", "2,000 rows". */
export const counted = (count, unit) => `${count.toLocaleString()} ${unit}${count === 1 ? "" : "s"}`;
