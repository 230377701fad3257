// The walk back and a round's time, counted down; and buttons that need no new page. Without this file each button
// loads the page again, and the seconds are those of when it was loaded.
(() => {
  "use strict";
  const LONGEST_MS = 4000, SHEET_MS = 8000;
  let sheet = 0, turned = performance.now(), ends = 0, roundEnds = 0, busy = 0;
  const after = (seconds) => performance.now() + 1000 * Number(seconds);
  function begin() {
    ends = after(document.querySelector("[data-rest]")?.dataset.rest ?? 0);
    roundEnds = after(document.querySelector("[data-round]")?.dataset.round ?? 0);
    busy = 0;
    turnSheets();
  }
  function tell(part, end) {
    const left = Math.max(0, Math.round((end - performance.now()) / 1000));
    const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (part.textContent !== text) part.textContent = text;
    return left;
  }
  // The board's sheets take turns on a screen that nobody scrolls; one that has the keyboard stays.
  function turnSheets() {
    const sheets = [...document.querySelectorAll(".sheet")], now = performance.now();
    if (document.activeElement?.closest("#screen-up")) turned = now;
    else if (now - turned >= SHEET_MS) [sheet, turned] = [sheet + 1, now];
    sheets.forEach((part, k) => { part.classList.toggle("waits", k !== sheet % sheets.length); });
  }
  function count() {
    turnSheets();
    const rest = document.querySelector("[data-rest]"), round = document.querySelector("[data-round]");
    if (rest && !rest.parentElement.hidden && !tell(rest, ends)) rest.parentElement.hidden = true;
    if (round && !round.hidden && !tell(round.querySelector("strong"), roundEnds)) {
      round.hidden = true;
      round.nextElementSibling.hidden = false;
    }
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-tap]")) return;
    event.preventDefault();
    // A second tap waits until the page shows what came of the first.
    if (performance.now() < busy) return;
    busy = performance.now() + LONGEST_MS;
    const data = new FormData(form, event.submitter);
    const said = document.getElementById("said");
    let told = _("The timer did not answer. Try again."), done = false;
    event.submitter?.classList.add("pressed");
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" }, signal: AbortSignal.timeout?.(LONGEST_MS) });
      const state = await answer.json();
      [told, done] = [state.said, answer.ok];
      if (done) {
        kept(form, event.submitter);
        document.dispatchEvent(new CustomEvent("told", { detail: state }));
      }
    } catch { /* said below */ }
    if (!done) busy = 0;
    event.submitter?.classList.remove("pressed");
    said.textContent = told;
    said.hidden = !told;
  });
  // What was sent is no longer something half typed.
  function kept(form, button) {
    if (form.querySelector("input[type=text]")) form.reset();
    for (const box of form.querySelectorAll("input[type=checkbox]")) box.defaultChecked = box.checked;
    for (const option of form.querySelectorAll("option")) option.defaultSelected = option.selected;
    if (form.contains(document.activeElement)) button?.focus({ preventScroll: true });
  }
  document.addEventListener("fresh", begin);
  setInterval(count, 500);
  begin();
})();
