/* Choosing a metric fills in which way it is better and says in which unit its target is, unless the direction was
   chosen by hand. Without this script a direction left open becomes the metric's own. */

const metric = document.querySelector("select[name=metric]");
const directions = [...document.querySelectorAll("input[name=direction]")];
const hint = document.getElementById("id_target-hint");
const first = hint?.textContent;

let isChosen = false;
for (const one of directions) one.addEventListener("change", () => (isChosen = true));

const follow = () => {
  const { direction, hint: told } = metric.selectedOptions[0]?.dataset ?? {};
  if (hint) hint.textContent = told ?? first;
  if (isChosen || !direction) return;
  for (const one of directions) one.checked = one.value === direction;
};

metric?.addEventListener("change", follow);
// A browser keeps what was chosen over a reload, and a select begins with its first metric.
if (metric && !directions.some((one) => one.checked)) follow();
