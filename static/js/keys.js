/* The habits people have: Ctrl/Cmd-Enter sends, / searches, ? shows keys, g then a letter goes somewhere. */

// Without a script the pages do not offer what only a script can do, see utilities.css.
document.documentElement.classList.add("has-script");

const CHORD_MS = 1200;
let chordStartedAt = -Infinity;

const isWriting = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])"));

/** Presses the form's own send button, so that its name and the browser's checks both count. */
const send = (form) => {
  const button = form.querySelector("[type=submit][data-send]") ?? form.querySelector("[type=submit]");
  if (button?.disabled || button?.getAttribute("aria-disabled") === "true") return;
  form.requestSubmit(button);
};

const go = (key) => document.querySelector(`[data-go="${CSS.escape(key)}"]`)?.click();

const showKeys = () => {
  const dialog = document.getElementById("keys");
  if (dialog && !dialog.open) dialog.showModal();
};

const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu === except) continue;
    const hadFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (hadFocus) menu.querySelector("summary").focus();
  }
};

const plainKey = (event) => {
  if (performance.now() - chordStartedAt < CHORD_MS) {
    chordStartedAt = -Infinity;
    go(event.key);
  } else if (event.key === "g") {
    chordStartedAt = performance.now();
  } else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "?") {
    showKeys();
  } else {
    document.querySelector(`[data-press="${CSS.escape(event.key)}"]`)?.click();
  }
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented || event.repeat) return; // a key that is held down counts once
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest?.("form:not([data-choose])");
    if (!form) return;
    event.preventDefault();
    send(form);
  } else if (event.key === "Escape") {
    closeMenus();
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey && !isWriting(event.target)) {
    plainKey(event);
  }
});

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details.menu"));
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
});
