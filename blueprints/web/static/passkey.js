// Asks a passkey where the browser can: sign in, confirm, or make a new one.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const described = (keys) => keys?.map((key) => ({ ...key, id: bytes(key.id) }));

// WebAuthn Level 3 has this in the browser; older ones need it spelled out.
const readable = (options) => ({
  ...options,
  challenge: bytes(options.challenge),
  ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
  ...(options.allowCredentials && { allowCredentials: described(options.allowCredentials) }),
  ...(options.excludeCredentials && { excludeCredentials: described(options.excludeCredentials) }),
});

const writable = (credential) => {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  });
};

const ask = async (button) => {
  const { form } = button;
  const answer = await fetch(button.dataset.question, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { Accept: "application/json" },
  });
  if (!answer.ok || answer.redirected) throw new Error(`answered ${answer.status}`);
  const publicKey = readable(await answer.json());
  const credential = button.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey });
  form.elements.credential.value = writable(credential);
  form.submit();
};

// A passkey belongs to a name: an address of digits has none.
const works = window.PublicKeyCredential && !/^[\d.]+$|:/.test(location.hostname);

for (const button of document.querySelectorAll("[data-passkey]")) {
  if (!works) break;
  const failed = button.form.querySelector("[data-passkey-failed]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    failed.hidden = true;
    try {
      await ask(button);
    } catch {
      failed.hidden = false;
    }
    button.removeAttribute("aria-busy");
  });
}
for (const missing of document.querySelectorAll("[data-passkey-missing]")) {
  missing.hidden = Boolean(works);
}
