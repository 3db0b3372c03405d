/* Text that was typed and not sent is not lost by leaving: forms marked data-unsaved ask first. */

const untouched = new WeakMap();

const written = (form) =>
  JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value instanceof File ? value.name : value]));

const remember = (form) => {
  // Text that came back with an error, or as the reader's side of a conflict, is unsaved from the start.
  const keep = form.matches("[data-unsaved=typed]");
  untouched.set(form, keep ? null : written(form));
};

const formsIn = (root) => [
  ...(root instanceof Element && root.matches("form[data-unsaved]") ? [root] : []),
  ...root.querySelectorAll("form[data-unsaved]"),
];

const rememberAll = (root) => formsIn(root).filter((form) => !untouched.has(form)).forEach(remember);

const isUnsaved = (form) => form.isConnected && untouched.has(form) && untouched.get(form) !== written(form);

const anyUnsaved = (root = document) => formsIn(root).some(isUnsaved);

const question = () => document.body.dataset.unsavedQuestion;

rememberAll(document);
document.addEventListener("htmx:load", (event) => rememberAll(event.target));

window.addEventListener("beforeunload", (event) => {
  if (anyUnsaved()) event.preventDefault();
});

// A plain submit leaves the page on purpose; an htmx one forgets the text only once the server has it.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("form[data-unsaved]:not([hx-post])") && !event.defaultPrevented) untouched.delete(form);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt?.closest?.("form[data-unsaved]");
  const { xhr, requestConfig } = event.detail;
  // A 409 or 422 is swapped like a success, but the text has not been taken.
  if (form && xhr.status > 0 && xhr.status < 400 && requestConfig.verb !== "get") remember(form);
});

// Cancel swaps the form away; ask before that throws text away.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig } = event.detail;
  if (requestConfig?.verb !== "get") return;
  if (target && anyUnsaved(target) && !window.confirm(question())) event.detail.shouldSwap = false;
});

// Esc on a dialog with unsent text asks too.
document.addEventListener(
  "cancel",
  (event) => {
    if (event.target.matches("dialog") && anyUnsaved(event.target) && !window.confirm(question())) {
      event.preventDefault();
    }
  },
  true,
);
