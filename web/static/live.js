// Keeps an open page true: one stream of events, polling when there is no place for a stream,
// and a fresh look whenever the phone wakes. The server's state is the only truth; nothing here
// decides. Without this file every page and button works as well, only not by itself.

// What scripts say, in the language of the page: words.js brings the texts. Holes are {named}.
const _ = (text, values = {}) => (self.trackstartWords?.[text] ?? text).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
const decimal = (number) => String(number).replace(".", (1.5).toLocaleString(document.documentElement.lang)[1]);

(() => {
  "use strict";
  const BEAT_MS = 15000, POLL_MS = 1000;
  const STEPS = ["requested", "settling", "holding", "running", "analysing"];
  const find = (id) => document.getElementById(id);
  const all = (what, inside = document) => [...inside.querySelectorAll(what)];
  const jitter = (ms) => ms * (0.7 + 0.6 * Math.random());
  const loaded = Number(document.body.dataset.change), session = find("main").dataset.session;
  let source = null, heard = Date.now(), change = loaded;
  let shown = null, pollTimer = 0, streamTimer = 0, asking = 0, leaving = false;
  let last = find("last")?.dataset.version;

  // --- showing the state ---

  function show(state) {
    heard = Date.now();
    find("lost").hidden = true;
    if (state.change < change) return;  // overtaken by a later answer
    const before = shown, stepped = before && before.state !== state.state;
    change = state.change;
    shown = state;
    if (find("simulated")) find("simulated").hidden = !state.simulated;
    if (find("again")) {
      find("again").hidden = !state.again;
      say("again-why", state.again);
    }
    if (session !== undefined && session !== String(state.session ?? "")) return anew();
    if (find("state")) tell(state);
    if (stepped && state.state === "requested" && find("said")) say("said", "");
    if (stepped) document.dispatchEvent(new CustomEvent("step", { detail: state.state }));
    offer(state);
    if (missed || isNews(state, before)) refresh();
  }

  function tell(state) {
    find("state").dataset.look = state.look;
    find("status").setAttribute("aria-live", state.look === "bad" ? "assertive" : "polite");
    for (const id of ["word", "sentence", "problem"]) say(id, state[id]);
    find("problem").hidden = !state.problem;
  }

  // Whether a part of this page may be another now. A step of the rep that runs is in the state.
  function isNews(state, before) {
    const was = last, camera = document.querySelector("[data-camera]");
    if (last !== undefined) last = state.last;
    if (was !== last || (camera && camera.dataset.camera !== state.camera)) return true;
    if (!document.querySelector('[data-follow="session"]')) return false;
    const from = STEPS.indexOf(before?.state), steps = STEPS.indexOf(state.state) - from;
    const only = from >= 0 && steps > 0 && before.rep === state.rep ? steps : 0;
    return state.change - (before ? before.change : loaded) !== only;
  }

  // Which buttons there are to press.
  function offer(state) {
    if (find("stop")) find("stop").disabled = !state.can_stop;
    if (!find("arm")) return;
    find("arm").disabled = !state.can_arm || Boolean(find("up")?.hasAttribute("data-nobody"));
    find("arm").hidden = state.can_go;
    find("go").hidden = !state.can_go;
    find("go").disabled = false;
  }

  function say(id, text) {
    if (find(id).textContent !== text) find(id).textContent = text;
    if (id === "said") find(id).hidden = !text;
  }

  // --- the parts that are fetched ---

  // As the server sent them: what has not changed is left alone, with focus and all.
  const sent = new Map(all("[data-live]").map((part) => [part.id, part.outerHTML]));
  let refreshTimer = 0, refreshing = false, again = false, missed = false, waits = false;

  // Once for all that is heard in one go.
  function refresh() { refreshTimer ||= setTimeout(fetchParts, 30); }

  async function fetchParts() {
    refreshTimer = 0;
    if (refreshing) { again = true; return; }
    refreshing = true;
    try {
      const answer = await fetch(location.href);
      if (answer.status === 404) return anew();
      missed = !answer.ok;
      if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      missed = true;  // no contact: whoever watches the stream says so
    } finally {
      refreshing = false;
      if (again) { again = false; refresh(); }
    }
  }

  function put(page) {
    const pairs = all("[data-live]").map((old) => [old, page.getElementById(old.id)]);
    if (pairs.some(([, fresh]) => !fresh)) return anew();
    const focus = document.activeElement, name = nameOf(focus), of = focus?.closest("[data-of]")?.dataset.of;
    const places = new Map(all("[data-tap] button").map((button) => [nameOf(button), top(button)]));
    let within = null;
    waits = false;
    for (const [old, fresh] of pairs) {
      const html = fresh.outerHTML;
      if (sent.get(old.id) === html) continue;
      if (isHeld(old)) {
        waits = true;
        for (const newer of all("[data-newer]", old)) newer.hidden = false;
        continue;
      }
      sent.set(old.id, html);
      const open = new Map(all("details[data-key]", old).map((part) => [part.dataset.key, part.open]));
      if (old.contains(focus)) within = fresh;
      old.replaceWith(document.adoptNode(fresh));
      for (const part of all("details[data-key]", fresh)) part.open = open.get(part.dataset.key) ?? part.open;
      if (fresh.dataset.told && find("told")) say("told", fresh.dataset.told);
    }
    if (within) refocus(within, name, of);
    // Whoever taps twice means the button that was there, not the one that has come under the finger.
    const moved = all("[data-tap] button").filter((button) => Math.abs(top(button) - (places.get(nameOf(button)) ?? -1e9)) > 8);
    for (const button of moved) button.classList.add("moving");
    setTimeout(() => { for (const button of moved) button.classList.remove("moving"); }, 500);
    localTimes();
    if (shown) offer(shown);  // who is up may have changed
    document.dispatchEvent(new Event("fresh"));
  }

  const top = (part) => part.getBoundingClientRect().top;
  const nameOf = (part) => part && (part.id || part.closest("summary")?.parentElement.dataset.key
    || part.getAttribute("href") || [part.form?.action, part.name, part.value].join());

  // Who works by keyboard goes on where he was: the same button, else one of the same thing.
  function refocus(part, name, of) {
    const same = all("button, a[href], summary, input, select", part).find((each) => nameOf(each) === name)
      || (of && document.querySelector(`[data-of="${of}"] button`)) || part;
    if (same === part) part.tabIndex = -1;
    same.focus({ preventScroll: true });
  }

  // A part with something in it that is being typed or chosen is let be until that is done.
  function isHeld(part) { return all("input:not([type=hidden]), select, textarea", part).some((field) => field === document.activeElement || isChanged(field)); }

  function isChanged(field) {
    if (field.type === "hidden") return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.options) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
    return field.value !== field.defaultValue;
  }

  for (const event of ["focusout", "change", "reset"]) {
    document.addEventListener(event, () => setTimeout(() => { if (waits) refresh(); }));
  }

  // This page has become another: what was typed here is not thrown away, though.
  function anew() {
    if (leaving) return;
    const note = find("moved-on"), main = find("main");
    const typed = "typed" in main.dataset || all("input, select, textarea", main).some(isChanged);
    if (note && typed) note.hidden = false;
    else { leaving = true; location.replace(note ? note.querySelector("a").href : location.href); }
  }
  addEventListener("submit", (event) => { if (!event.defaultPrevented) leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });

  document.addEventListener("told", (event) => { if (event.detail.word) show(event.detail); refresh(); });

  function changed(rep) {
    change = Math.max(change, rep.changed);
    if (all("[data-follow]").some((part) => ["reps", String(rep.rep)].includes(part.dataset.follow))) refresh();
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
      if (state.change !== old && document.querySelector('[data-follow]:not([data-follow="session"])')) refresh();
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

  find("other")?.addEventListener("input", () => { find("another").checked = true; });

  const clock = find("clock");
  if (clock) {
    clock.querySelector("label").remove();
    clock.addEventListener("submit", () => { clock.elements.unix_s.value = Date.now() / 1000; });
  }

  localTimes();
  listen();
})();
