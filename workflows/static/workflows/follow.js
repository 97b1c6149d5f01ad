// Keeps a part of a page fresh while something in it goes on: asks for the page every two seconds, while somebody looks.
(() => {
  "use strict";
  const EVERY_MS = 2000;

  function start(region) {
    let timer = null;

    async function refresh() {
      try {
        const answer = await fetch(location.href, { redirect: "manual", signal: AbortSignal.timeout(5000) });
        if (!answer.ok) return;
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = fresh.querySelector("[data-follow]");
        if (!next || region.contains(document.activeElement)) return;
        if (next.innerHTML !== region.innerHTML) region.replaceChildren(...document.importNode(next, true).childNodes);
      } catch {
        // The next turn asks again.
      } finally {
        follow();
      }
    }

    function follow() {
      clearTimeout(timer);
      const goesOn = region.querySelector("[data-goes-on]");
      timer = goesOn && !document.hidden ? setTimeout(refresh, EVERY_MS) : null;
    }

    document.addEventListener("visibilitychange", follow);
    follow();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-follow]").forEach(start));
})();
