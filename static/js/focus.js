/* After a swap focus never falls to the body, and the one live region says what happened. */

const CHOICES = [".error-summary", "[data-focus]", "[autofocus]", "[aria-invalid=true]"];

const candidateIn = (root) => {
  for (const choice of CHOICES) {
    const found = root.matches(choice) ? root : root.querySelector(choice);
    if (found) return found;
  }
  return null;
};

/** Gives an element focus even when it is not a control. */
const settleOn = (element) => {
  if (!element.matches("a[href], button, input, select, textarea, summary, [tabindex]")) element.tabIndex = -1;
  element.focus({ preventScroll: false });
};

let leftFrom = null;
let settled = [];
const askedFrom = new WeakMap();

// The pressed button is disabled while the server works, which takes the focus off it: remember it before.
document.addEventListener("htmx:beforeRequest", (event) => askedFrom.set(event.detail.xhr, document.activeElement));

// What had focus when the swap began; a poll must not steal focus from elsewhere.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, xhr } = event.detail;
  const asker = requestConfig?.triggeringEvent?.target;
  const asked = askedFrom.get(xhr);
  const active = document.activeElement === document.body && asked?.disabled ? asked : document.activeElement;
  const isInside = active !== document.body && (target?.contains(active) || asker?.contains?.(active));
  leftFrom = isInside ? { id: active.id } : null;
  settled = [];
});

const rescueFocus = () => {
  if (!leftFrom) return;
  const roots = settled.filter((root) => root.isConnected && root.id !== "messages" && !root.matches("[data-aside]"));
  const asked = roots.map(candidateIn).find(Boolean);
  const isLost = !document.activeElement || document.activeElement === document.body;
  const same = leftFrom.id && document.getElementById(leftFrom.id);
  const place = asked ?? (isLost && roots.length ? same || roots[0].querySelector("h2, h3") || roots[0] : null);
  if (place) settleOn(place);
  leftFrom = null;
};

// One swap settles several elements (out-of-band ones too); choose once all of them are there.
document.addEventListener("htmx:afterSettle", (event) => {
  const { target, elt } = event.detail;
  settled.push(target?.isConnected ? target : elt);
  if (settled.length === 1) queueMicrotask(rescueFocus);
});

// Looked up each time: an out-of-band swap may have renewed it.
const liveRegion = () => document.getElementById("messages");

/** Says a sentence in the live region: shown when it is bad news, only spoken otherwise. */
const announce = (sentence, { isError = false } = {}) => {
  const region = liveRegion();
  if (!region || !sentence) return;
  const line = document.createElement("p");
  line.className = isError ? "message message-error" : "visually-hidden";
  line.dataset.announced = "";
  line.textContent = sentence;
  region.querySelectorAll("[data-announced]").forEach((old) => old.remove());
  region.append(line);
  if (isError) line.scrollIntoView({ block: "nearest" });
};

// The server may send HX-Trigger: {"announce": "Saved."}.
document.addEventListener("announce", (event) => announce(event.detail?.value));
document.addEventListener("htmx:sendError", () => announce(liveRegion()?.dataset.offline, { isError: true }));
document.addEventListener("htmx:responseError", () => announce(liveRegion()?.dataset.failed, { isError: true }));

// A page that opens with an error summary starts there.
document.querySelector("main .error-summary")?.focus();

// A link to what is folded away opens it.
const reveal = () => {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = found?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (found?.closest("details")) found.scrollIntoView();
};
window.addEventListener("hashchange", reveal);
reveal();
