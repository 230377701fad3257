// The walk back, counted down; and buttons that need no new page. Without this file each button
// loads the page again, and the seconds are those of when it was loaded.
(() => {
  "use strict";
  let ends = 0;
  function begin() {
    const rest = document.querySelector("[data-rest]");
    ends = rest ? performance.now() + 1000 * Number(rest.dataset.rest) : 0;
  }
  function count() {
    const rest = document.querySelector("[data-rest]");
    if (!rest || rest.parentElement.hidden) return;
    const left = Math.max(0, Math.round((ends - performance.now()) / 1000));
    const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (rest.textContent !== text) rest.textContent = text;
    if (!left) rest.parentElement.hidden = true;
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-tap]")) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    const said = document.getElementById("said");
    let told = _("The timer did not answer. Try again.");
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" }, signal: AbortSignal.timeout?.(4000) });
      told = (await answer.json()).said;
      if (answer.ok) form.reset();
    } catch { /* said below */ }
    said.textContent = told;
    said.hidden = !told;
  });
  document.addEventListener("fresh", begin);
  setInterval(count, 500);
  begin();
})();
