// Keys for people who live in the console. Every page does everything without them.
"use strict";

const KEPT = "jifen-keys-off";
const areOff = () => localStorage.getItem(KEPT) === "yes";

const toggle = document.querySelector("[data-keys-off]");
if (toggle) {
  const say = () => {
    toggle.textContent = areOff() ? toggle.dataset.keysOn : toggle.dataset.keysOff;
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    if (areOff()) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, "yes");
    say();
  });
  say();
}

// What rows of tables, and rows that open, begin with, in their order.
const ROWS = "main tbody tr, main [data-row]";
const rows = () => [...document.querySelectorAll(ROWS)]
  .map((row) => row.querySelector("a, button, summary"))
  .filter((target) => target && target.offsetParent !== null);

const step = (by) => {
  const targets = rows();
  if (!targets.length) return;
  const row = document.activeElement?.closest?.(ROWS);
  const at = row ? targets.findIndex((target) => row.contains(target)) : -1;
  const next = at < 0 ? (by > 0 ? 0 : targets.length - 1) : at + by;
  targets[Math.min(Math.max(next, 0), targets.length - 1)].focus();
};

const KEYS = {
  "/": () => document.querySelector("main input[type='search']")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  // To the button and not through it: a key pressed by accident approves nothing.
  a: () => document.querySelector("[data-approve]")?.focus(),
};

document.addEventListener("keydown", (event) => {
  const writing = event.target.closest?.("input, select, textarea, [contenteditable]");
  if (writing || event.ctrlKey || event.metaKey || event.altKey || areOff()) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
