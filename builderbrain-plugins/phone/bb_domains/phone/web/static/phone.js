// Shows what the phone says is on its screen, and tells the phone what was touched. No state of
// its own: a touch names the version of the screen it was made on, and the phone refuses an old one.
"use strict";
const screen_ = document.getElementById("screen");
let queue = Promise.resolve();
let view = { version: -1 };

const MAKE = {
  heading: (p) => text("h1", p.name),
  button: (p) => touching(text("button", p.name), p),
  switch: (p) => touching(with_(text("button", p.name), { role: "switch", "aria-checked": p.value === "on" }), p),
  link: (p) => { const li = document.createElement("li"); li.append(touching(with_(text("a", p.name), { href: "#" }), p)); return li; },
  note: (p) => labelled(with_(text("p", p.value), { role: "note" }), p),
  status: (p) => labelled(text("output", p.value), p),
  textbox: (p) => field(p, "text"),
  password: (p) => field(p, "password"),
};

function text(tag, words) { const e = document.createElement(tag); e.textContent = words; return e; }
function with_(e, attributes) { for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v); return e; }
// The label is drawn apart from the value, and told once: as the name.
function labelled(e, p) { e.prepend(with_(text("span", p.name), { "aria-hidden": true })); return with_(e, { "aria-label": p.name }); }
function touching(e, p) { e.addEventListener("click", (event) => { event.preventDefault(); send("touch", { place: p.place }); }); return e; }
function field(p, type) {
  const label = text("label", p.name), input = with_(document.createElement("input"), { type, autocomplete: "off", "data-place": p.place });
  input.value = p.value;
  input.addEventListener("input", () => send("fill", { place: p.place, text: input.value }));
  label.append(input);
  return label;
}

function show(next) {
  const root = document.documentElement, focused = document.activeElement?.dataset?.place;
  view = next;
  with_(root, { lang: next.language, dir: next.direction, "data-app": next.app, "data-theme": next.look.theme, "data-large": next.look.large });
  const nodes = [];
  for (const part of next.parts) {
    const node = MAKE[part.role](part), last = nodes[nodes.length - 1];
    if (node.tagName === "LI" && last?.tagName === "UL") last.append(node);
    else if (node.tagName === "LI") { const ul = document.createElement("ul"); ul.append(node); nodes.push(ul); }
    else nodes.push(node);
  }
  screen_.replaceChildren(...nodes);
  if (focused !== undefined) screen_.querySelector(`[data-place="${focused}"]`)?.focus();
}

async function ask(path, body) {
  const answer = await fetch(path, body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok && answer.status !== 409) throw new Error(said.error);
  return said;
}

async function settle(next) {
  while (next.busy) { await new Promise((done) => setTimeout(done, 30)); next = await ask("view"); }
  show(next);
}

function send(path, body) {
  screen_.setAttribute("aria-busy", "true");
  const made = queue.then(async () => { await settle(await ask(path, { version: view.version, ...body })); });
  queue = made.catch(() => {}).then(() => { if (queue === mine) screen_.setAttribute("aria-busy", "false"); });
  const mine = queue;
  return made;
}

window.phone = { send };
send("view", {});
