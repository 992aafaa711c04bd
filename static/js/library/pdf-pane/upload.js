// Sends a file as it is, and tells how far it has come.

/** Answers {status, body}; status 0 where the network failed. */
export function upload({ url, file, csrf, onProgress }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${url}?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-CSRFToken", csrf);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total ? loaded / total : 1));
    request.addEventListener("loadend", () => resolve({ status: request.status, body: request.response }));
    request.send(file);
  });
}

/** What is said of a file that its report has already, perhaps under another name. */
export function alreadyThere(name, stored) {
  return `“${name}” is already with this report${name === stored ? "" : `, as “${stored}”`}. It is shown here; nothing was added.`;
}

/** Why a file need not even be sent; empty if it may. */
export function refusal(file, limitMb) {
  if (file.size === 0) return `“${file.name}” is empty: its download may have failed. Get it again.`;
  if (file.size > limitMb * 1e6) {
    return `“${file.name}” has ${Math.round(file.size / 1e6)} MB; up to ${limitMb} MB are taken. Save it smaller, for example print it to PDF at 150 dpi.`;
  }
  return "";
}
