// Tables of class "sortable": a click on a heading, or Enter on it, sorts by that column.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll(".sortable table")) {
    table.querySelectorAll("thead th").forEach((head, column) => {
      // On a narrow page each row is a card, and each cell says what it is.
      for (const row of table.tBodies[0].rows) row.cells[column].dataset.label = head.textContent;
      const sort = () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const body = table.tBodies[0];
        const key = (row) => row.cells[column].textContent.trim();
        const sign = rising ? 1 : -1;
        const rows = [...body.rows].sort((one, other) => {
          const [a, b] = [key(one), key(other)];
          if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);  // what is not known comes last
          const [x, y] = [Number(a), Number(b)];
          return sign * (isNaN(x) || isNaN(y) ? a.localeCompare(b) : x - y);
        });
        body.append(...rows);
      };
      head.tabIndex = 0;
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => event.key === "Enter" && sort());
    });
  }
});
