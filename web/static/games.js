// Only what the chosen game asks for is shown. Without this file everything is, and does no harm.
(() => {
  "use strict";
  const form = document.getElementById("choices");
  const roles = { chase: [_("Hare"), _("Chaser")] };
  function choose() {
    const game = form.elements.game.value;
    for (const part of form.querySelectorAll("[data-game]")) part.hidden = part.dataset.game !== game;
    for (const seat of form.querySelectorAll("[data-seat]")) {
      const k = Number(seat.dataset.seat);
      seat.textContent = roles[game]?.[k] ?? (game === "number" ? _("Number {number}", { number: k + 1 }) : _("Lane {number}", { number: k + 1 }));
      seat.closest("label").hidden = game === "chase" && k > 1;
    }
  }
  form.addEventListener("change", choose);
  choose();
})();
