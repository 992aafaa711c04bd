// "Add a row" in lists of named counts. Without scripts each save offers one more empty row.

for (const list of document.querySelectorAll("[data-rows]")) {
  const button = list.querySelector("[data-add-row]");
  button.hidden = false;
  button.addEventListener("click", () => {
    const rows = list.querySelectorAll("[data-row]");
    const row = rows[rows.length - 1].cloneNode(true);
    row.querySelectorAll(".form-wrong").forEach((problem) => problem.remove());
    for (const input of row.querySelectorAll("input")) {
      input.value = "";
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, String(rows.length + 1)));
    }
    button.before(row);
    row.querySelector("input").focus();
  });
}
