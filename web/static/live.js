// Keeps an open page true: one stream of events, polling when there is no place for a stream,
// and a fresh look whenever the phone wakes. The server's state is the only truth; nothing here
// decides. Without this file every page and button works as well, only not by itself.

// What scripts say, in the language of the page: words.js brings the texts. Holes are {named}.
const _ = (text, values = {}) => (self.trackstartWords?.[text] ?? text).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
const decimal = (number) => String(number).replace(".", (1.5).toLocaleString(document.documentElement.lang)[1]);

(() => {
  "use strict";
  const BEAT_MS = 15000, POLL_MS = 1000;
  const find = (id) => document.getElementById(id);
  const jitter = (ms) => ms * (0.7 + 0.6 * Math.random());
  const onStart = Boolean(find("state"));
  let source = null, heard = Date.now(), change = Number(document.body.dataset.change);
  let shown = null, pollTimer = 0, streamTimer = 0, asking = 0;

  // --- showing the state ---

  function show(state) {
    heard = Date.now();
    find("lost").hidden = true;
    if (state.change < change) return;  // overtaken by a later answer
    const stepped = shown && shown.state !== state.state;
    // Whose turn it is hangs on more than reps: those parts are fetched with every change.
    if (state.change !== change && document.querySelector('[data-follow="session"]')) refresh();
    change = state.change;
    shown = state;
    if (find("simulated")) find("simulated").hidden = !state.simulated;
    if (find("again")) {
      find("again").hidden = !state.again;
      say("again-why", state.again);
    }
    if (!onStart) return;
    if (stepped && state.state === "requested") say("said", "");
    find("state").dataset.look = state.look;
    find("status").setAttribute("aria-live", state.look === "bad" ? "assertive" : "polite");
    for (const id of ["word", "sentence", "problem"]) say(id, state[id]);
    find("problem").hidden = !state.problem;
    offer(state);
    if (stepped) document.dispatchEvent(new CustomEvent("step", { detail: state.state }));
    if (find("last").dataset.version !== state.last) refresh();
  }

  // Which buttons there are to press.
  function offer(state) {
    find("stop").disabled = !state.can_stop;
    find("arm").disabled = !state.can_arm || Boolean(find("up")?.hasAttribute("data-nobody"));
    find("arm").hidden = state.can_go;
    find("go").hidden = !state.can_go;
    find("go").disabled = false;
  }

  function say(id, text) {
    if (find(id).textContent !== text) find(id).textContent = text;
    if (id === "said") find(id).hidden = !text;
  }

  // Fetch this very page again and put its live parts in the place of ours.
  let refreshing = null, again = false;
  async function refresh() {
    if (refreshing) { again = true; return; }
    refreshing = fetch(location.href).then((answer) => answer.ok ? answer.text() : "");
    try {
      const page = new DOMParser().parseFromString(await refreshing, "text/html");
      for (const old of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(old.id);
        if (!fresh) continue;
        const kept = "details:not([data-fresh])";
        const open = [...old.querySelectorAll(kept)].map((part) => part.open);
        old.replaceWith(document.adoptNode(fresh));
        fresh.querySelectorAll(kept).forEach((part, i) => { part.open = part.open || open[i]; });
      }
      localTimes();
      if (onStart && shown) offer(shown);  // who is up may have changed
      document.dispatchEvent(new Event("fresh"));
    } catch { /* no contact: whoever watches the stream says so */ }
    refreshing = null;
    if (again) { again = false; refresh(); }
  }

  function changed(rep) {
    change = Math.max(change, rep.changed);
    const follows = (part) => ["reps", "session"].includes(part.dataset.follow) || part.dataset.follow === String(rep.rep);
    if ([...document.querySelectorAll("[data-follow]")].some(follows)) refresh();
  }

  function localTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!isNaN(at)) time.textContent = at.toLocaleString(document.documentElement.lang, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    }
  }

  // --- hearing of it ---

  function listen() {
    clearTimeout(streamTimer);
    if (source) source.close();
    source = new EventSource(`/events?after=${change}`);
    source.addEventListener("state", (event) => { stopPolling(); show(JSON.parse(event.data)); });
    source.addEventListener("rep", (event) => { heard = Date.now(); changed(JSON.parse(event.data)); });
    source.addEventListener("beat", () => { heard = Date.now(); find("lost").hidden = true; });
    source.onerror = () => {
      // Closed for good means refused: all places taken, or the page's server restarts.
      if (source.readyState === EventSource.CLOSED) streamTimer = setTimeout(listen, jitter(15000));
      poll();
    };
  }

  async function look() {
    const mine = ++asking;
    try {
      const answer = await fetch("/state.json", { cache: "no-cache" });
      if (!answer.ok) throw new Error(answer.status);
      const state = await answer.json(), old = change;
      if (mine !== asking) return;
      if (state.change < change) change = state.change;  // another store: begin anew
      show(state);
      if (!onStart && state.change !== old) refresh();
    } catch {
      if (mine === asking && Date.now() - heard > 3000) find("lost").hidden = false;
    }
  }

  function poll() {
    clearTimeout(pollTimer);
    look();
    pollTimer = setTimeout(poll, jitter(POLL_MS));
  }

  function stopPolling() { clearTimeout(pollTimer); }

  // A phone that slept lost its stream, often without being told: look first, then listen anew.
  function wake() {
    if (document.visibilityState === "hidden") return;
    poll();
    listen();
  }
  document.addEventListener("visibilitychange", wake);
  addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
  addEventListener("online", wake);
  addEventListener("pagehide", () => { stopPolling(); if (source) source.close(); });
  setInterval(() => { if (Date.now() - heard > 2 * BEAT_MS) { heard = Date.now() - 4000; wake(); } }, 2000);

  // --- buttons ---

  // One key a tap: should the answer get lost, the same tap is sent again and arms only once.
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  async function press(form, button) {
    const data = new FormData(form);
    if (data.has("key")) data.set("key", newKey());
    button.disabled = true;
    button.classList.add("pressed");
    for (let tries = 0; tries < 3; tries++) {
      try {
        const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" }, signal: AbortSignal.timeout?.(4000) });
        const state = await answer.json();
        if (state.word) show(state);
        if (answer.ok && form.elements.clip) form.elements.clip.checked = false;  // of one start only
        return released(button, state.said);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, jitter(300)));
      }
    }
    released(button, _("The timer did not answer. Look at the word above, then tap again."));
    wake();
  }

  function released(button, said) {
    button.classList.remove("pressed");
    button.disabled = false;
    if (shown) offer(shown);  // the stream may have been quicker than the answer
    say("said", said);
  }

  for (const form of document.querySelectorAll("form[data-button]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      press(form, form.querySelector("button") || document.querySelector(`button[form="${form.id}"]`));
    });
  }

  // The camera was moved: looking and finding the cones again takes the timer some seconds.
  document.querySelector("form[data-again]")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target, button = form.querySelector("button"), told = find("again-said"), name = button.textContent;
    button.disabled = true;
    button.textContent = _("LOOKING …");
    let said = _("The timer did not answer. Try again."), done = false;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, signal: AbortSignal.timeout?.(30000) });
      const state = await answer.json();
      [said, done] = [state.said, answer.ok];
      if (state.word) show(state);
    } catch { /* said below */ }
    button.disabled = false;
    button.textContent = name;
    told.textContent = said;
    told.hidden = false;
    told.classList.toggle("bad", !done);
    if (done) find("again").hidden = true;
    refresh();
  });

  find("add")?.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
      const athlete = await answer.json();
      if (!answer.ok) return say("said", athlete.said);
      const choice = find("athlete");
      if (![...choice.options].some((option) => option.value === String(athlete.id))) choice.add(new Option(athlete.name, athlete.id));
      choice.value = athlete.id;
      form.reset();
      find("add").open = false;
      say("said", "");
    } catch { say("said", _("The timer did not answer. Try again.")); }
  });

  const clock = find("clock");
  if (clock) {
    clock.querySelector("label").remove();
    clock.addEventListener("submit", () => { clock.elements.unix_s.value = Date.now() / 1000; });
  }

  localTimes();
  listen();
})();
