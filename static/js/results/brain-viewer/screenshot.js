/** A PNG of what is seen, with the sentence that says what it is below it. */

const LINE_PX = 20;
const MARGIN_PX = 12;

function wrapped(context, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

export function pictureWithCaption(picture, captions) {
  const width = picture.naturalWidth || picture.width;
  const height = picture.naturalHeight || picture.height;
  const sheet = document.createElement("canvas");
  const context = sheet.getContext("2d");
  context.font = "14px system-ui, sans-serif";
  const lines = captions.flatMap((caption) => wrapped(context, caption, width - 2 * MARGIN_PX));
  sheet.width = width;
  sheet.height = height + lines.length * LINE_PX + 2 * MARGIN_PX;
  context.fillStyle = "#000";
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.drawImage(picture, 0, 0);
  context.font = "14px system-ui, sans-serif";
  context.fillStyle = "#fff";
  lines.forEach((line, i) => context.fillText(line, MARGIN_PX, height + MARGIN_PX + LINE_PX * (i + 0.7)));
  return sheet;
}

export function savePng(sheet, name) {
  sheet.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}
