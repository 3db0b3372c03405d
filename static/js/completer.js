/* Typing @ in a text offers the people of the record, typing [[ the evidence and goals it can refer to, as a
   combobox does: the focus stays in the text, aria-activedescendant names the offer. The element stays a text box of
   several lines, which may say that it completes and what it controls, but not that it is expanded. Which lists a text
   box offers it names in data-completes; the page holds them as datalists. Without this script names and references are typed by hand. */

const MOST = 7;

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const words = (text) => plain(text).split(/[^\p{L}\p{N}_.+-]+/u).filter(Boolean);

/** Whether every typed word begins a word of the offer. */
const fits = (typed, text) => {
  const known = words(text);
  return words(typed).every((start) => known.some((word) => word.startsWith(start)));
};

/** How much of a name follows the caret: "@Lena| Sørensen", "@Le|na Sørensen", "@Le| Sørensen". */
const restOf = (name, typed, after) => {
  const begun = plain(typed).split(" ").at(-1);
  const isRest = (end) => {
    const last = plain(name.slice(0, name.length - end.length)).split(" ").at(-1);
    const goesOn = end.startsWith(" ") ? last.startsWith(begun) : last === begun;
    const isWhole = !/^[\p{L}\p{N}]/u.test(after.slice(end.length));
    return goesOn && isWhole && plain(after.slice(0, end.length)) === plain(end);
  };
  const ends = [...name].map((_, at) => name.slice(at));
  return ends.find(isRest)?.length ?? 0;
};

const references = {
  typed: /\[\[([^[\]\n]{0,60})$/,
  fits: ({ value, label }, typed) => fits(typed, `${value} ${label}`),
  text: ({ value }) => `${value}]]`,
  after: (offer, typed, after) => after.match(/^[\w-]*\]\]|^\]?/)[0].length,
  space: "",
  shown: ({ value, label }) => [value, label],
};

/* What opens each list, who fits what was typed since, what is written in its place, and how much after the caret
   that replaces. What somebody says under their name refers to evidence alone: a goal may change. */
const SOURCES = {
  people: {
    typed: /(?:^|[^\w/@])@([\p{L}\p{N}_.+][\p{L}\p{M}\p{N}_.+'’ -]{0,60}|)$/u,
    fits: ({ value, label }, typed) => {
      const [first, ...others] = typed.split(" ");
      // A handle and a space: the name is written. Only its going on with the surname is still a name.
      if (plain(first) === plain(value) && others.length && !others.some(Boolean)) return false;
      return plain(value).startsWith(plain(typed)) || fits(typed, label);
    },
    text: ({ value }) => value,
    after: ({ label }, typed, after) => restOf(label, typed, after),
    space: " ",
    shown: ({ value, label }) => [label, `@${value}`],
  },
  references,
  evidence: {
    ...references,
    list: "references",
    fits: (offer, typed) => /^E\d+$/.test(offer.value) && references.fits(offer, typed),
  },
};

let list = null;
let area = null;
let source = null;
let found = [];
let chosen = 0;

/** The list that was opened before the caret, what was typed since, and what fits that. */
const openedIn = (box) => {
  if (box.selectionStart !== box.selectionEnd) return null;
  const before = box.value.slice(0, box.selectionStart);
  for (const name of box.dataset.completes.split(" ")) {
    const typed = before.match(SOURCES[name].typed)?.[1];
    const list = SOURCES[name].list ?? name;
    const options = document.getElementById(list)?.options ?? [];
    if (typed === undefined) continue;
    const offers = [...options].map((one) => ({ value: one.value, label: one.label || one.text }));
    const fitting = offers.filter((offer) => SOURCES[name].fits(offer, typed)).slice(0, MOST);
    if (fitting.length) return { list, source: SOURCES[name], typed, found: fitting };
  }
  return null;
};

const close = () => {
  list?.remove();
  list = null;
  if (!area) return;
  area.removeAttribute("aria-activedescendant");
  area.removeAttribute("aria-controls");
};

const mark = (place) => {
  const options = [...list.children];
  chosen = (place + options.length) % options.length;
  options.forEach((one, at) => one.setAttribute("aria-selected", String(at === chosen)));
  options[chosen].scrollIntoView({ block: "nearest" });
  area.setAttribute("aria-activedescendant", options[chosen].id);
};

const take = (place) => {
  const offer = found[place];
  const typed = openedIn(area)?.typed;
  // The caret has left what was being typed.
  if (typed === undefined) return close();
  const caret = area.selectionStart;
  const after = area.value.slice(caret);
  const end = caret + source.after(offer, typed, after);
  const space = /^\s/.test(area.value.slice(end)) ? "" : source.space;
  area.setRangeText(source.text(offer) + space, caret - typed.length, end, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
  close();
  return area.focus();
};

const option = (offer, at) => {
  const line = document.createElement("li");
  line.id = `offer-${at}`;
  line.role = "option";
  const [first, second] = source.shown(offer);
  const what = document.createElement("b");
  what.textContent = first;
  const more = document.createElement("span");
  more.className = "soft";
  more.textContent = second;
  line.append(what, more);
  // Before the text box loses the focus.
  line.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    take(at);
  });
  return line;
};

const open = (opened) => {
  close();
  ({ source, found } = opened);
  list = document.createElement("ul");
  list.id = "offers";
  list.className = `offers offers-${opened.list}`;
  list.role = "listbox";
  list.setAttribute("aria-label", document.querySelector(`label[for="${area.id}"]`)?.textContent ?? "");
  list.append(...found.map(option));
  area.after(list);
  area.setAttribute("aria-controls", list.id);
  mark(0);
};

const boxOf = ({ target }) => (target instanceof Element && target.matches("textarea[data-completes]") ? target : null);

document.addEventListener("input", (event) => {
  const box = boxOf(event);
  if (!box) return;
  area = box;
  const opened = openedIn(box);
  if (opened) open(opened);
  else close();
});

document.addEventListener(
  "keydown",
  (event) => {
    if (!list || event.target !== area || event.isComposing || event.ctrlKey || event.metaKey) return;
    if (event.shiftKey) return;
    if (event.key === "ArrowDown") mark(chosen + 1);
    else if (event.key === "ArrowUp") mark(chosen - 1);
    else if (event.key === "Enter" || event.key === "Tab") take(chosen);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

document.addEventListener("focusout", (event) => {
  if (event.target === area) close();
});
