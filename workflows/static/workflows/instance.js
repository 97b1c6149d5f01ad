// The page of an instance: asks for the part that moves while somebody looks and it is not over, and copies what it shows.
(() => {
  "use strict";
  const STALE_AFTER_MS = 10000;
  const TOLD_MS = 2000;
  let answered = Date.now();

  const part = () => document.querySelector("[data-every]");
  const ask = () => part() && htmx.trigger(part(), "refresh");

  let timer = null;
  function follow() {
    clearInterval(timer);
    timer = document.hidden || !part() ? null : setInterval(ask, Number(part().dataset.every));
  }

  async function copy(button) {
    const wanted = document.getElementById(button.dataset.copy);
    const before = button.dataset.before || (button.dataset.before = button.textContent);
    try {
      await navigator.clipboard.writeText(wanted.textContent);
      button.textContent = "Copied";
    } catch {
      // Without the right to the clipboard, what is marked can be copied by hand.
      getSelection().selectAllChildren(wanted);
      button.textContent = "Marked: press Ctrl+C";
    }
    setTimeout(() => (button.textContent = before), TOLD_MS);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
    follow();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!new URL(event.detail.xhr.responseURL).pathname.endsWith("/live/")) {
      // The session is over: the answer is the page to sign in.
      event.detail.shouldSwap = false;
      location.reload();
      return;
    }
    answered = Date.now();
  });
  document.addEventListener("htmx:afterSettle", follow);
  for (const trouble of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(trouble, () => {
      if (Date.now() - answered > STALE_AFTER_MS) part()?.classList.add("in-stale");
    });
  }
  document.addEventListener("DOMContentLoaded", follow);
})();
