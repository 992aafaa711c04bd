// The box in the head of a table ticks all rows of the page. Without scripts the rows are ticked one by one.

for (const table of document.querySelectorAll("[data-select-rows]")) {
  const all = table.querySelector("[data-select-all]");
  const rows = [...table.querySelectorAll("tbody input[type=checkbox]")];
  if (!all) continue;
  all.hidden = false;
  const show = () => {
    const ticked = rows.filter((row) => row.checked).length;
    all.checked = ticked === rows.length;
    all.indeterminate = ticked > 0 && ticked < rows.length;
  };
  all.addEventListener("change", () => {
    for (const row of rows) row.checked = all.checked;
    show();
  });
  table.addEventListener("change", show);
  show();
}
