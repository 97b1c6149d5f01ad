// Has a definition judged while it is written; without this script the Check button does the same.
(() => {
  "use strict";
  const PAUSE_MS = 400;
  const place = document.querySelector("[data-check]");
  const text = document.querySelector("textarea.mo-code");
  if (!place || !text) return;
  let waiting = 0;
  let asked = 0;

  function shown(name, className, ...parts) {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...parts);
    return element;
  }

  function show(answer) {
    const count = answer.faults.length;
    const verdict = count === 0 ? "No fault found." : count === 1 ? "1 fault" : `${count} faults`;
    place.querySelector("[data-verdict]").textContent = verdict;
    const faults = answer.faults.map((fault) => shown("li", "", shown("span", "mo-mono", fault.path || "/"), " ", fault.message));
    place.querySelector("[data-faults]").replaceChildren(...faults);
    const lines = answer.changes.flatMap((line) => [shown("span", `mo-line-${line.tone}`, line.text), "\n"]);
    document.querySelector("[data-changes]").replaceChildren(...(lines.length ? lines : ["Nothing yet."]));
    text.setAttribute("aria-invalid", String(count > 0));
  }

  async function check() {
    const mine = ++asked;
    try {
      const answer = await fetch(place.dataset.check, { method: "POST", body: new FormData(text.form) });
      if (answer.ok && mine === asked) show(await answer.json());
    } catch {
      place.querySelector("[data-verdict]").textContent = "The server did not answer; it is checked again as you type.";
    }
  }

  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(check, PAUSE_MS);
  });
})();
