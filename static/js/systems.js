/* A file with many systems: show those with some words, and say of all of them at once which candidate they are. */

const tools = document.querySelector("[data-systems]");
const rows = [...document.querySelectorAll(`#${tools.dataset.systems} tbody tr`)].map((row) => ({
  row,
  select: row.querySelector("select"),
  words: row.querySelector("th").textContent.toLowerCase(),
}));
const filter = document.getElementById("systems-filter");

const tell = () => {
  const told = {
    shown: rows.filter(({ row }) => !row.hidden).length,
    all: rows.length,
    chosen: rows.filter(({ select }) => select.value).length,
  };
  const count = document.getElementById("systems-count");
  count.textContent = tools.dataset.words.replace(/\{(\w+)\}/g, (_, name) => told[name]);
};

const show = () => {
  const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { row, words } of rows) row.hidden = !wanted.every((word) => words.includes(word));
  tell();
};

const choose = (letter) => {
  for (const { row, select } of rows) if (!row.hidden) select.value = letter;
  tell();
};

filter.addEventListener("input", show);
// Enter in it would bring in what is chosen so far.
filter.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
document.getElementById("systems-set").addEventListener("click", () => choose(document.getElementById("systems-all").value));
document.getElementById("systems-none").addEventListener("click", () => choose(""));
document.getElementById(tools.dataset.systems).addEventListener("change", tell);
show();
