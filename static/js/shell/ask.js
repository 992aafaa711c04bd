// Requests to this server with the token that it asks for.

/** The cookie is newer than the page when the reader has signed in again in another tab. */
export function csrfToken() {
  const cookie = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  return cookie ?? JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
}

/** Ends a request that nobody answers: a network that goes away may never say so, and what waits would wait for ever. */
export const answeredInTime = () => AbortSignal.timeout(30_000);

/** Send and read JSON: {status, body}, with an empty body where the answer is none; rejects when offline. */
export async function askJson(url, method = "GET", body = undefined, signal = answeredInTime()) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, { method, headers, signal, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json().catch(() => ({})) };
}
