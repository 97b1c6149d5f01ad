// Names parts of the theme's pages that have no role, no name, or the same name as another part.
(() => {
  "use strict";

  // A select2 box is named by what was chosen in it; it needs the field's label before that.
  function nameBox(box) {
    const label = box.closest(".select2")?.previousElementSibling?.labels?.[0];
    const chosen = box.querySelector(".select2-selection__rendered");
    if (!label || !chosen) return;
    label.id ||= `label-of-${chosen.id}`;
    chosen.removeAttribute("role");
    chosen.removeAttribute("aria-readonly");
    box.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
  }

  function nameParts() {
    document.getElementById("main")?.setAttribute("role", "main");
    document.querySelector("#nav-sidebar-apps .simplebar-content-wrapper")?.setAttribute("aria-label", "Pages");
    document.querySelectorAll(".select2-selection--single").forEach(nameBox);
    document.querySelectorAll(".selector .help-tooltip").forEach((hint) => hint.setAttribute("role", "img"));
    // In a list of cards the theme names every first column for a tick box, which these lists don't have.
    for (const cell of document.querySelectorAll("#result_list .data-row > td:first-child")) {
      const heading = document.querySelector("#result_list thead th");
      if (heading && !cell.querySelector("input")) cell.dataset.label = heading.textContent.trim();
    }
  }

  // After the listeners of the theme, which draw some of these parts only then.
  window.addEventListener("load", () => setTimeout(nameParts));
})();
