/* Typing @ in a comment offers the people of the record, as a combobox does: the focus stays in the text,
   aria-activedescendant names the offer. The element stays a text box of several lines, which may say that it
   completes and what it controls, but not that it is expanded. Without this script the handle is typed by hand. */

const MOST = 6;
const TYPED = /(?:^|[^\w/@])@([\w.+-]*)$/;

const people = () => {
  const options = document.getElementById("people")?.options ?? [];
  return [...options].map((one) => ({ handle: one.value, name: one.label || one.text }));
};

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Who fits what was typed: by a word of the name, or by the handle. */
const fitting = (typed) => {
  const start = plain(typed);
  const fits = ({ handle, name }) =>
    plain(handle).startsWith(start) || plain(name).split(/\s+/).some((word) => word.startsWith(start));
  return people().filter(fits).slice(0, MOST);
};

let list = null;
let area = null;
let chosen = 0;

const typedIn = (box) => {
  if (box.selectionStart !== box.selectionEnd) return null;
  return box.value.slice(0, box.selectionStart).match(TYPED);
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
  const { handle } = list.children[place].dataset;
  const start = area.selectionStart - typedIn(area)[1].length;
  area.setRangeText(`${handle} `, start, area.selectionStart, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
  close();
  area.focus();
};

const option = ({ handle, name }, at) => {
  const line = document.createElement("li");
  line.id = `mention-${at}`;
  line.role = "option";
  line.dataset.handle = handle;
  const who = document.createElement("b");
  who.textContent = name;
  const how = document.createElement("span");
  how.className = "soft";
  how.textContent = `@${handle}`;
  line.append(who, how);
  // Before the text box loses the focus.
  line.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    take(at);
  });
  return line;
};

const open = (found) => {
  close();
  list = document.createElement("ul");
  list.id = "mention-list";
  list.className = "mention-list";
  list.role = "listbox";
  list.setAttribute("aria-label", document.querySelector(`label[for="${area.id}"]`)?.textContent ?? "@");
  list.append(...found.map(option));
  area.after(list);
  area.setAttribute("aria-controls", list.id);
  mark(0);
};

const boxOf = ({ target }) => (target instanceof Element && target.matches("textarea[data-mentions]") ? target : null);

document.addEventListener("input", (event) => {
  const box = boxOf(event);
  if (!box) return;
  area = box;
  const typed = typedIn(box);
  const found = typed ? fitting(typed[1]) : [];
  if (found.length) open(found);
  else close();
});

document.addEventListener(
  "keydown",
  (event) => {
    if (!list || event.target !== area || event.isComposing || event.ctrlKey || event.metaKey) return;
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
