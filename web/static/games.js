// Only what the chosen game asks for is shown. Without this file everything is, and does no harm.
(() => {
  "use strict";
  const form = document.getElementById("choices");
  function choose() {
    const game = form.elements.game.value;
    for (const part of form.querySelectorAll("[data-game]")) part.hidden = part.dataset.game !== game;
    const standing = [...form.elements.posture].find((each) => each.value === "standing");
    standing.closest("label").hidden = standing.disabled = game === "last_up"; // he is up already
    const seats = form.querySelectorAll("[data-seat]"), last = seats.length - 1;
    // As pi.games.chaser_lane has it: who rises must not hide who waits.
    const hare = ["supine", "prone"].includes(form.elements.posture.value) ? last : 0;
    for (const [k, seat] of seats.entries()) {
      const role = game === "chase" && (k === hare ? _("Hare") : k === last - hare ? _("Chaser") : "");
      seat.textContent = role || (game === "number" ? _("Number {number}", { number: k + 1 }) : _("Lane {number}", { number: k + 1 }));
      seat.closest("label").hidden = game === "chase" && k > 0 && k < last;
    }
  }
  form.addEventListener("change", choose);
  document.addEventListener("fresh", choose);
  choose();
})();
