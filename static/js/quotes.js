/* Quoted passages: shown in the record, found from their thread, and made from a selection.
   Without this script a thread's quote is a link to its part, and "Comment" at a part asks for the words. */

const REACH = 60; // as in decisions/quotes.py, which finds passages by the same rules
const LONGEST = 1500;
const FLASH_MS = 2500;
const DOUBLE_CLICK_MS = 300;
const NOT_TEXT = [
  ".part-tools, .part-meta, .part-foot, .part > .empty, .part > .notice, .candidate-kind",
  ".button, .link-button, .visually-hidden, form, svg",
].join();
const BLOCKS = "p, li, td, th, dd, dt, h3, h4, h5, h6, pre, blockquote, caption, div";

const VARIANTS = { "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"' };
const bare = (letter) =>
  (VARIANTS[letter] ?? (/[‐‑‒–—−]/.test(letter) ? "-" : letter))
    .normalize("NFKD")
    .replace(/[\s\p{Cf}\p{Cc}]/gu, "")
    .toLowerCase();

const essence = (text) => Array.from(text, bare).join("");

const textsIn = (root) => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.closest(NOT_TEXT) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  return found;
};

/** What a part says, without white space, and where in the page each letter of it stands. */
const read = (root) => {
  const places = [];
  let said = "";
  for (const node of textsIn(root)) {
    let offset = 0;
    for (const letter of node.data) {
      const plain = bare(letter);
      for (let at = 0; at < plain.length; at += 1) places.push([node, offset, offset + letter.length]);
      said += plain;
      offset += letter.length;
    }
  }
  return { said, places };
};

const rangeOf = ({ places }, start, end) => {
  const range = new Range();
  range.setStart(places[start][0], places[start][1]);
  range.setEnd(places[end - 1][0], places[end - 1][2]);
  return range;
};

/** The places of a quote's lines that follow closely on each other, or none. */
const follow = (lines, { said }) => {
  for (let start = said.indexOf(lines[0]); start >= 0; start = said.indexOf(lines[0], start + 1)) {
    const spans = [[start, start + lines[0].length]];
    for (const line of lines.slice(1)) {
      const end = spans.at(-1)[1];
      const place = said.indexOf(line, end);
      if (place < 0 || place > end + REACH) break;
      spans.push([place, place + line.length]);
    }
    if (spans.length === lines.length) return spans;
  }
  return [];
};

const find = (quote, reading) => {
  const whole = essence(quote);
  const place = whole ? reading.said.indexOf(whole) : -1;
  if (place >= 0) return [rangeOf(reading, place, place + whole.length)];
  const lines = quote.split(/[\n\t]+/).map(essence).filter(Boolean);
  return lines.length > 1 ? follow(lines, reading).map(([start, end]) => rangeOf(reading, start, end)) : [];
};

/* Every quote that the page shows, with its ranges; read anew after each swap. */
let passages = [];
const canHighlight = typeof Highlight === "function" && CSS.highlights;

const paint = () => {
  const readings = new Map();
  passages = [];
  for (const link of document.querySelectorAll("[data-quoted-in]")) {
    const part = document.getElementById(link.dataset.quotedIn) ?? document.querySelector(".record");
    if (!part || part.contains(link)) continue;
    if (!readings.has(part)) readings.set(part, read(part));
    const ranges = find(link.dataset.quote ?? link.textContent, readings.get(part));
    passages.push({ link, ranges, isOver: Boolean(link.closest(".is-resolved")) });
  }
  if (!canHighlight) return;
  const open = passages.filter((one) => !one.isOver).flatMap((one) => one.ranges);
  CSS.highlights.set("passage", new Highlight(...open));
};

const flash = (ranges) => {
  if (!canHighlight) return;
  const shown = new Highlight(...ranges);
  shown.priority = 1;
  CSS.highlights.set("passage-found", shown);
  setTimeout(() => {
    if (CSS.highlights.get("passage-found") === shown) CSS.highlights.delete("passage-found");
  }, FLASH_MS);
};

const scrollTo = (element) => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
};

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-quoted-in]");
  const passage = link && passages.find((one) => one.link === link);
  if (!passage?.ranges.length || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const place = passage.ranges[0].startContainer.parentElement;
  scrollTo(place);
  flash(passage.ranges);
  // The keyboard goes on from there, too.
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
});

const threadOf = ({ clientX: x, clientY: y }) => {
  const isHit = (box) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  return passages.find((one) => !one.isOver && one.ranges.some((range) => [...range.getClientRects()].some(isHit)));
};

const goToThread = ({ link, ranges }) => {
  const thread = link.closest(".thread, .thread-line, .is-pending");
  thread.closest("details")?.setAttribute("open", "");
  scrollTo(thread);
  flash(ranges);
  (thread.querySelector("a[data-quoted-in]") ?? thread.querySelector("a")).focus({ preventScroll: true });
};

// A click on a marked passage leads to its thread; a double click, or a drag, selects words there.
let clicked = 0;
document.addEventListener("click", (event) => {
  clearTimeout(clicked);
  const isPlain = event.detail === 1 && !event.target.closest("a, button, input, select, textarea, label, summary");
  const passage = isPlain && threadOf(event);
  if (passage) clicked = setTimeout(() => getSelection().isCollapsed && goToThread(passage), DOUBLE_CLICK_MS);
});

/* Selecting words in a part offers to comment on them. */
const offer = document.getElementById("comment-selection");

/** The selected words as they read: a line a block, without what is only for screen readers. */
const wordsOf = (range, part) => {
  let words = "";
  let block = null;
  for (const node of textsIn(part)) {
    if (!range.intersectsNode(node)) continue;
    const start = node === range.startContainer ? range.startOffset : 0;
    const end = node === range.endContainer ? range.endOffset : node.length;
    const piece = node.data.slice(start, end).replace(/\s+/g, " ");
    if (!piece.trim()) {
      words += words && piece ? " " : "";
      continue;
    }
    const here = node.parentElement.closest(BLOCKS);
    words += (block && here !== block ? "\n" : "") + piece;
    block = here;
  }
  return words.split("\n").map((line) => line.replace(/ +/g, " ").trim()).filter(Boolean).join("\n");
};

const partOf = (range) => {
  const element = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement);
  const part = element(range.startContainer)?.closest("section.part");
  const other = element(range.endContainer)?.closest("section.part");
  return part && part === other ? part : null;
};

const cut = (words) => (words.length > LONGEST ? words.slice(0, words.lastIndexOf(" ", LONGEST)) : words);

/* While words are selected, the plain link of their part takes them along too: the keyboard reaches that one. */
let lent = null;
const takeBack = () => {
  if (lent) lent.link.href = lent.href;
  lent = null;
};
const lend = (part, url) => {
  takeBack();
  const link = part.querySelector("a[data-comment]");
  if (!link) return;
  lent = { link, href: link.href };
  link.href = url;
};

const hideOffer = () => {
  if (!offer || offer.contains(document.activeElement)) return;
  offer.hidden = true;
  takeBack();
};

const showOffer = () => {
  const selection = getSelection();
  if (!offer || selection.rangeCount === 0 || selection.isCollapsed) return hideOffer();
  const range = selection.getRangeAt(0);
  const part = partOf(range);
  const words = part ? cut(wordsOf(range, part)) : "";
  if (words.length < 2) return hideOffer();
  const url = new URL(offer.href);
  url.searchParams.set("section", part.id.replace(/^section-/, ""));
  url.searchParams.set("quote", words);
  offer.href = url;
  lend(part, url);
  // In the part, so that Tab leads from the words to it.
  if (offer.parentElement !== part) part.append(offer);
  offer.hidden = false;
  const end = [...range.getClientRects()].filter((box) => box.width > 0).at(-1) ?? range.getBoundingClientRect();
  const frame = part.getBoundingClientRect();
  const left = Math.min(Math.max(end.right - frame.left - offer.offsetWidth / 2, 0), frame.width - offer.offsetWidth);
  offer.style.insetInlineStart = `${left}px`;
  offer.style.insetBlockStart = `${end.bottom - frame.top + 6}px`;
};

let waiting = 0;
document.addEventListener("selectionchange", () => {
  clearTimeout(waiting);
  waiting = setTimeout(showOffer, 150);
});
// Pressing the button must not take the selection away first.
offer?.addEventListener("pointerdown", (event) => event.preventDefault());
offer?.addEventListener("blur", () => setTimeout(hideOffer));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && offer && !offer.hidden) offer.hidden = true;
});

// A swap takes the part away, and the button in it: keep the button.
document.addEventListener("htmx:beforeSwap", () => {
  if (!offer) return;
  offer.hidden = true;
  document.querySelector("main").append(offer);
});
document.addEventListener("htmx:afterSettle", paint);
paint();
