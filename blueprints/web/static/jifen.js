// Small comforts. Every page does everything without this file.
"use strict";

// A form on its way is sent once: the second press of an impatient thumb is held
// back, and the button says that something is happening. (The server answers a
// repeated order with the first order anyway.)
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (!button || !button.dataset.busy) return;
  // After the browser has collected the form: a disabled button would not be in it.
  setTimeout(() => {
    button.dataset.words = button.textContent;
    button.textContent = button.dataset.busy;
    button.setAttribute("aria-busy", "true");
    button.setAttribute("aria-disabled", "true");
  });
});

// Coming back with the back button, or from a page that was never left (a download,
// a lost line): the form may be sent again.
const rest = () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) {
      button.textContent = button.dataset.words;
      button.removeAttribute("aria-busy");
      button.removeAttribute("aria-disabled");
    }
  }
};
window.addEventListener("pageshow", (event) => {
  if (event.persisted) rest();
});

// What was refused is read first.
document.querySelector("[aria-invalid='true'], [data-focus]")?.focus();

// <select data-send> sends its form when something was chosen with the mouse or by
// touch; by keyboard the button beside it does.
for (const select of document.querySelectorAll("select[data-send]")) {
  let pressed = false;
  select.addEventListener("keydown", () => { pressed = true; });
  select.addEventListener("pointerdown", () => { pressed = false; });
  select.addEventListener("change", () => {
    if (!pressed) select.form.requestSubmit();
  });
}

// <button data-print> prints; without script it is not shown.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// <input data-filter="#list"> hides what does not match, in lists that are whole on
// the page; the form around it searches as before.
for (const input of document.querySelectorAll("[data-filter]")) {
  const list = document.querySelector(input.dataset.filter);
  if (!list) continue;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const entry of list.children) {
      entry.hidden = !entry.textContent.toLowerCase().includes(wanted);
    }
  });
}
