// Passkeys on our own forms. Without this script, or without WebAuthn, every form works by its other means.
"use strict";
(() => {
  const button = document.getElementById("passkey");
  if (!button) return;
  const form = button.form;
  const hint = document.getElementById("passkey-hint");
  const say = (name) => { if (hint && hint.dataset[name]) { hint.textContent = hint.dataset[name]; hint.setAttribute("role", "status"); } };
  const able = typeof window.PublicKeyCredential === "function" && navigator.credentials
    && typeof navigator.credentials.get === "function" && typeof navigator.credentials.create === "function";
  if (!able) {
    button.hidden = true;
    const or = document.getElementById("passkey-or");
    if (or) or.hidden = true;
    say("none");
    return;
  }
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const list = (descriptors) => (descriptors || []).map((d) => ({ ...d, id: bytes(d.id) }));
  const ask = async () => {
    const answer = await fetch(form.dataset.passkey, { method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };
  const sign = async (options) => {
    const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: list(options.allowCredentials) };
    const made = await navigator.credentials.get({ publicKey });
    const r = made.response;
    return { id: made.id, rawId: text(made.rawId), type: made.type, response: {
      authenticatorData: text(r.authenticatorData), clientDataJSON: text(r.clientDataJSON), signature: text(r.signature),
      userHandle: r.userHandle && r.userHandle.byteLength ? text(r.userHandle) : null } };
  };
  const make = async (options) => {
    const publicKey = { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: list(options.excludeCredentials) };
    const made = await navigator.credentials.create({ publicKey });
    const r = made.response;
    return { id: made.id, rawId: text(made.rawId), type: made.type, response: {
      attestationObject: text(r.attestationObject), clientDataJSON: text(r.clientDataJSON),
      transports: typeof r.getTransports === "function" ? r.getTransports() : [] } };
  };
  let answered = false;
  let busy = false;
  form.addEventListener("submit", (event) => {
    const pressed = event.submitter;
    if (answered || !pressed || pressed !== button) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    ask()
      .then((asked) => (asked.user ? make(asked) : sign(asked)))
      .then((answer) => {
        form.querySelector("[name=answer]").value = JSON.stringify(answer);
        answered = true;
        form.requestSubmit(button);
      })
      .catch(() => say("stopped"))
      .finally(() => { busy = false; });
  });
})();
