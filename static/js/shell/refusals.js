/** What to tell a person whose request the server did not answer as wished, by the status of its answer. */
export function refusalText(status) {
  if (status === 401 || status === 403)
    return "This was refused: you may have been signed out, or your role does not include it. Reload the page.";
  if (status === 503) return "The server is busy. What you typed is still here, and nothing was changed; try again in a moment.";
  return "The server could not do this. What you saved is kept; reload the page and try again.";
}
