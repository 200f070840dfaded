// Filters by outcome and text, and the choice between light and dark. The page is complete without it.
const chosen = new Set();
const search = document.querySelector("#search");

function filter() {
  const wanted = search.value.trim().toLowerCase();
  for (const suite of document.querySelectorAll(".suite")) {
    let shown = 0;
    for (const item of suite.querySelectorAll(".case")) {
      const fits = (!chosen.size || chosen.has(item.dataset.outcome)) && item.dataset.text.includes(wanted);
      item.hidden = !fits;
      shown += fits;
    }
    suite.hidden = !shown;
    if (chosen.size || wanted) suite.open = shown > 0;
  }
  document.querySelector("#nothing").hidden = document.querySelector(".suite:not([hidden])") !== null;
}

for (const button of document.querySelectorAll(".filters button")) {
  button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!pressed));
    pressed ? chosen.delete(button.value) : chosen.add(button.value);
    filter();
  });
}
search.addEventListener("input", filter);

document.querySelector("#theme").addEventListener("click", () => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
});
