/* A slider and a number are one weight: moving either moves the other. Without this only numbers are there. */

const numberOf = (slider) => document.getElementById(slider.dataset.moves);

const sliders = [...document.querySelectorAll("input[type=range][data-moves]")];

// A number past the end of its slider makes the slider longer.
const follow = (slider) => {
  const value = numberOf(slider).valueAsNumber;
  if (Number.isNaN(value)) return;
  if (value > Number(slider.max) && value <= 100) slider.max = String(value);
  slider.value = String(value);
};

// What is moved is weighed at once, so nobody needs to ask for it.
for (const button of document.querySelectorAll(".weights-try")) button.hidden = true;

for (const slider of sliders) {
  slider.hidden = false;
  slider.step = "0.1";
  follow(slider);
  slider.addEventListener("input", () => {
    numberOf(slider).value = slider.value;
  });
  numberOf(slider).addEventListener("input", () => follow(slider));
}
