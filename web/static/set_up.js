// The Set-up page: a still from the camera, cones tapped on it, and what the timer says of them.
// Every figure comes from the timer; nothing here computes metres. Pixels are those of the still.
(() => {
  "use strict";
  const MOST_CONES = 6, MOST_LANES = 4, SPACING = 2.5, STEP = 0.5;
  const NEAR = 26;  // CSS px: a finger takes hold of what is nearer than this
  const MAGNIFIED = 3, LOUPE = 140;  // CSS px for a pixel of the still; across the loupe
  const find = (id) => document.getElementById(id);
  const stage = find("stage"), still = find("still"), drawn = find("drawn"), loupe = find("loupe");
  const copy = (value) => JSON.parse(JSON.stringify(value));
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const round = (value, places) => Number(value.toFixed(places));
  const shown = (value, places) => decimal(value.toFixed(places));
  const metresOf = (value) => `${decimal(round(value, 2))} m`.replace("-", "−");

  let size = null;  // of the still, px
  let mode = "cones";  // what a tap sets: cones | horizon | lanes
  let layer = -1;  // whose cones: -1 the running line's, else a lane's
  let chosen = null;  // {kind, i, j}: what the arrows move
  let cursor = null;  // the keyboard's cross hairs, px
  let told = null;  // what the timer says of the draft
  let source = "taps", dirty = false, saving = false, kept = false, count = 0;
  let draft = { cones: [], horizon: [], roll: null, pitch: null, depth: 0, lens: "auto", kept: null, lanes: [], view: "beside" };
  const history = [];

  find("editor").hidden = false;

  // --- asking the timer ---

  async function talk(address, body) {
    let answer, said = {};
    const headers = { Accept: "application/json" };
    try {
      answer = body === undefined ? await fetch(address, { headers }) : await fetch(address, {
        method: "POST", headers: { ...headers, "Content-Type": "application/json" },
        body: JSON.stringify(body), signal: AbortSignal.timeout?.(8000),
      });
      said = await answer.json();
    } catch { /* said below */ }
    if (!answer) throw new Error(_("No contact with the timer. Try again."));
    if (!answer.ok || !said.state) throw new Error(said.said || _("The timer's page has a fault. Try again."));
    return said;
  }

  // The finished job; an error with the timer's own words if it failed.
  async function ask(kind, asked = {}, patience = 15000) {
    const until = Date.now() + patience;
    let job = await talk("/set-up/job", { kind, asked });
    while (job.state === "asked") {
      if (Date.now() > until) throw new Error(_("The timer did not answer in time. Try again."));
      await pause(60);
      job = await talk(`/set-up/job/${job.id}`);
    }
    if (job.state !== "done") throw new Error(job.said);
    return job;
  }

  function say(text, bad = false) {
    find("told").textContent = text;
    find("told").classList.toggle("notice", bad);
    find("told").classList.toggle("bad", bad);
  }

  // Press a button that takes a while: it says so, and cannot be pressed twice.
  async function busy(button, name, work) {
    if (button.dataset.busy) return;
    const before = button.textContent;
    button.dataset.busy = "yes";
    button.setAttribute("aria-disabled", "true");
    button.textContent = name;
    try { await work(); } catch (problem) { say(problem.message, true); }
    delete button.dataset.busy;
    button.removeAttribute("aria-disabled");
    if (button.textContent === name) button.textContent = before;
  }

  // --- the draft ---

  const cones = () => layer < 0 ? draft.cones : draft.lanes[layer].cones;
  const asked = (cone) => ({
    pixel: cone.pixel, metres: cone.metres,
    ...(cone.u_px ? { u_px: cone.u_px } : {}), ...(cone.tag == null ? {} : { tag: cone.tag }),
  });

  function about(which) {  // a calibration's data, without lanes
    const data = { cones: which.map(asked) };
    const lenses = { none: null, kept: draft.kept };  // any other is a preset's name
    if (draft.lens !== "auto") data.lens = draft.lens in lenses ? lenses[draft.lens] : draft.lens;
    if (draft.horizon.length === 2) data.horizon = draft.horizon;
    else if (draft.roll != null) {
      data.roll_deg = draft.roll;
      if (draft.pitch != null) data.pitch_deg = draft.pitch;
    }
    if (draft.depth) data.depth_m = draft.depth;
    return data;
  }

  function whole() {
    const lanes = draft.lanes.map((lane) => ({ ...lane, cones: lane.cones.map(asked) }));
    return { ...about(draft.cones), ...(lanes.length ? { lanes, view: draft.view } : {}) };
  }

  // Every change goes through here, so that every change can be undone.
  function change(name, act) {
    const last = history[history.length - 1];
    if (!(name.again && last && last.name === name.text && Date.now() - last.at < 1500)) {
      history.push({ name: name.text || name, was: copy(draft), source, at: Date.now() });
      if (history.length > 100) history.shift();
    } else last.at = Date.now();
    act();
    dirty = true;
    render();
    tryIt();
  }

  function undo() {
    const last = history.pop();
    if (!last) return;
    draft = last.was;
    source = last.source;
    dirty = true;
    if (layer >= draft.lanes.length) layer = -1;
    choose(null);
    find("lens").value = draft.lens;
    find("depth").value = draft.depth;
    render();
    tryIt();
    say(_("Undone: {name}.", { name: last.name }));
  }

  const pointOf = (it) => !it ? null
    : it.kind === "cone" ? cones()[it.i]?.pixel
    : it.kind === "horizon" ? draft.horizon[it.i]
    : draft.lanes[it.i]?.region[it.j];

  function setPoint(it, pixel) {
    const [u, v] = inside(pixel);
    const there = [round(u, 2), round(v, 2)];
    if (it.kind === "cone") Object.assign(cones()[it.i], { pixel: there, u_px: null, byHand: true, fit: null });
    else if (it.kind === "horizon") draft.horizon[it.i] = there;
    else draft.lanes[it.i].region[it.j] = there;
  }

  const inside = ([u, v]) => [Math.min(Math.max(u, 0), size[0] - 1), Math.min(Math.max(v, 0), size[1] - 1)];

  function nameOf(it) {
    if (it.kind === "cone") return _("cone at {metres}", { metres: metresOf(cones()[it.i].metres) });
    if (it.kind === "horizon") return _("horizon, point {number}", { number: it.i + 1 });
    return _("lane {name}, corner {number}", { name: draft.lanes[it.i].name, number: it.j + 1 });
  }

  // How far the next cone stands: on from the last two, or between those on its two sides.
  function guess(u) {
    const known = [...cones()].sort((a, b) => a.pixel[0] - b.pixel[0]);
    if (!known.length) return 0;
    if (known.length === 1) return round(known[0].metres + SPACING, 2);
    const after = known.findIndex((cone) => cone.pixel[0] > u);
    const at = after < 0 ? known.length - 1 : Math.max(after, 1);
    const [a, b] = [known[at - 1], known[at]];
    const there = a.metres + (b.metres - a.metres) * (u - a.pixel[0]) / (b.pixel[0] - a.pixel[0]);
    const half = Math.round(there / STEP) * STEP;
    return known.some((cone) => cone.metres === half) ? round(there, 2) : half;
  }

  async function add(pixel) {
    const [u, v] = inside(pixel).map((each) => round(each, 2));
    if (mode === "horizon") {
      change("horizon", () => {
        draft.horizon = draft.horizon.length === 2 ? [[u, v]] : [...draft.horizon, [u, v]];
      });
      if (draft.horizon.length === 2) { setMode("cones"); say(_("The camera's level is taken from the horizon.")); }
      return;
    }
    if (mode !== "cones") return;
    if (cones().length >= MOST_CONES) return say(_("Six cones are enough. Remove one first."), true);
    const cone = { id: ++count, pixel: [u, v], metres: guess(u), u_px: null, byHand: false, fit: null };
    change(_("cone at {metres}", { metres: metresOf(cone.metres) }), () => { cones().push(cone); source = "taps"; });
    await refine(cone.id);
  }

  // Along the lanes no metres are seen, and no cones are needed.
  const alongLanes = () => draft.view === "along" && draft.lanes.length > 0;

  const byId = (id) => cones().find((cone) => cone.id === id);

  // The timer looks for the cone near the tap; what it found can be undone by itself.
  const refining = new Set();
  async function refine(id) {
    const work = lookFor(id);
    refining.add(work);
    await work;
    refining.delete(work);
  }

  async function lookFor(id) {
    const tapped = byId(id), pixel = tapped.pixel, from = layer;
    let found;
    try { found = (await ask("refine", { pixel })).answer; } catch (problem) { return say(problem.message, true); }
    const cone = from === layer ? byId(id) : null;
    if (!cone || cone.pixel[0] !== pixel[0] || cone.pixel[1] !== pixel[1]) return;  // moved meanwhile
    const name = _("cone at {metres}", { metres: metresOf(cone.metres) });
    if (!found.found) {
      cone.u_px = found.u_px;
      dirty = true;
      render();
      tryIt();
      return say(_("Not seen there: {name}. The tap itself counts. Nudge it if it is off.", { name }));
    }
    cone.byHand = true;  // as undo finds it
    change(_("foot of: {name}", { name }), () => {
      const there = byId(id);
      Object.assign(there, { pixel: found.pixel, u_px: found.u_px, byHand: false });
    });
    say(_("Found: {name}. Its foot is {px} px from the tap.", { name, px: shown(found.moved_px, 1) }));
  }

  // --- what the timer says of it ---

  let trying = 0, tryTimer = 0;
  function tryIt() {
    clearTimeout(tryTimer);
    const mine = ++trying, ours = cones(), bare = layer < 0 && alongLanes();
    if ((ours.length < 2 && !bare) || ours.some((cone) => !Number.isFinite(cone.metres))) {
      told = null;
      return render();
    }
    tryTimer = setTimeout(async () => {
      let answer;
      try { answer = (await ask("try", layer < 0 ? whole() : about(ours))).answer; } catch (problem) { answer = { problem: problem.message }; }
      if (mine !== trying) return;
      told = answer;
      ours.forEach((cone, i) => { cone.fit = answer.misfit_m?.[i] ?? null; });
      render();
    }, 120);
  }

  // --- pointing: touch, mouse, keyboard ---

  const scale = () => size[0] / stage.clientWidth;  // px of the still for one CSS px
  function under(event) {
    const box = stage.getBoundingClientRect();
    return [
      (event.clientX - box.left - stage.clientLeft) * scale() - 0.5,
      (event.clientY - box.top - stage.clientTop) * scale() - 0.5,
    ];
  }

  function handles() {
    if (mode === "lanes") return draft.lanes.flatMap((lane, i) => lane.region.map((_, j) => ({ kind: "corner", i, j })));
    const points = draft.horizon.map((_, i) => ({ kind: "horizon", i }));
    return mode === "horizon" ? points : [...cones().map((_, i) => ({ kind: "cone", i })), ...points];
  }

  function nearest(pixel) {
    const far = (it) => Math.hypot(pointOf(it)[0] - pixel[0], pointOf(it)[1] - pixel[1]) / scale();
    const best = handles().sort((a, b) => far(a) - far(b))[0];
    return best && far(best) < NEAR ? best : null;
  }

  let held = null;  // {it, from, offset, was, moved} or {pixel}
  stage.addEventListener("pointerdown", (event) => {
    if (!size || event.button || !event.isPrimary) return;
    event.preventDefault();
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    cursor = null;
    const pixel = under(event), it = nearest(pixel);
    if (it) {
      const at = pointOf(it);
      held = { it, offset: [at[0] - pixel[0], at[1] - pixel[1]], x: event.clientX, y: event.clientY, moved: false };
      choose(it);
      look(at, event);
    } else if (mode !== "lanes") {
      held = { pixel: inside(pixel) };
      choose(null);
      look(held.pixel, event);
    }
    draw();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!size || !event.isPrimary) return;
    if (!held) {
      if (event.pointerType === "mouse" && mode !== "lanes") look(inside(under(event)), event);
      return;
    }
    const pixel = under(event);
    if (!held.it) held.pixel = inside(pixel);
    else if (held.moved || Math.hypot(event.clientX - held.x, event.clientY - held.y) > 3) {
      const there = [pixel[0] + held.offset[0], pixel[1] + held.offset[1]];
      if (!held.moved) {
        held.byHand = held.it.kind === "cone" && cones()[held.it.i].byHand;
        change(_("moved: {name}", { name: nameOf(held.it) }), () => setPoint(held.it, there));
        held.moved = true;
      } else setPoint(held.it, there);
    }
    look(held.it ? pointOf(held.it) : held.pixel, event);
    draw();
  });
  stage.addEventListener("pointerup", (event) => {
    if (!event.isPrimary) return;
    const was = held;
    held = null;
    hideLoupe();
    if (!was) return;
    if (!was.it) add(was.pixel);
    else if (was.moved) {
      tryIt();
      render();
      if (was.it.kind === "cone" && !was.byHand) refine(cones()[was.it.i].id);
    }
    draw();
  });
  stage.addEventListener("pointercancel", () => {
    if (held?.moved) undo();
    held = null;
    hideLoupe();
    draw();
  });
  stage.addEventListener("pointerleave", () => { if (!held) hideLoupe(); });

  function nudge(du, dv) {
    if (chosen) {
      const it = chosen, [u, v] = pointOf(it);
      change({ text: _("nudged: {name}", { name: nameOf(it) }), again: true }, () => setPoint(it, [u + du, v + dv]));
      look(pointOf(it));
    } else {
      cursor = inside([cursor[0] + du, cursor[1] + dv]);
      look(cursor);
      draw();
    }
  }

  let repeats = 0;
  stage.addEventListener("keydown", (event) => {
    if (!size || event.altKey || event.ctrlKey || event.metaKey) return;
    const [du, dv] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0];
    cursor ??= restingPlace();
    if (du || dv) {
      repeats = event.repeat ? repeats + 1 : 0;
      const step = (event.shiftKey ? 0.1 : 1) * (repeats > 40 ? 16 : repeats > 6 ? 6 : 1);
      nudge(du * step, dv * step);
    } else if (event.key === "Enter" || event.key === " ") {
      if (chosen) { cursor = [...pointOf(chosen)]; choose(null); } else add(cursor);
      draw();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (chosen?.kind === "cone") remove(chosen.i);
    } else if (event.key === "Escape") {
      if (chosen) choose(null); else if (mode !== "cones") setMode("cones");
    } else return;
    event.preventDefault();
  });
  stage.addEventListener("focus", () => {
    if (!size || held || !stage.matches(":focus-visible")) return;
    cursor ??= restingPlace();
    look(pointOf(chosen) || cursor);
    draw();
  });
  stage.addEventListener("blur", () => { hideLoupe(); cursor = null; draw(); });

  // Where the keyboard's cross hairs begin: on from the last cone, else in the middle.
  function restingPlace() {
    const last = cones()[cones().length - 1];
    return last && mode === "cones" ? [...last.pixel] : [Math.round(size[0] / 2), Math.round(size[1] * (mode === "horizon" ? 0.45 : 0.65))];
  }

  // The picture is what is worked on next.
  function inSight() {
    const box = stage.getBoundingClientRect();
    if (box.top < 0 || box.bottom > innerHeight) scrollTo(0, scrollY + box.top - 40);
    stage.focus({ preventScroll: true });
  }

  // --- the loupe ---

  let loupeTimer = 0;
  function look(pixel, event) {
    clearTimeout(loupeTimer);
    const box = stage.getBoundingClientRect();
    const x = event ? event.clientX : box.left + (pixel[0] + 0.5) / scale();
    const y = event ? event.clientY : box.top + (pixel[1] + 0.5) / scale();
    const dense = devicePixelRatio || 1, wide = LOUPE * dense;
    if (loupe.width !== wide) loupe.width = loupe.height = wide;
    const pen = loupe.getContext("2d"), across = LOUPE / MAGNIFIED;
    pen.fillStyle = "#777";
    pen.fillRect(0, 0, wide, wide);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(still, pixel[0] + 0.5 - across / 2, pixel[1] + 0.5 - across / 2, across, across, 0, 0, wide, wide);
    for (const [ink, thick] of [["#000", 3], ["#ffd400", 1]]) {
      pen.strokeStyle = ink;
      pen.lineWidth = thick * dense;
      pen.beginPath();
      for (const [a, b] of [[0, 0.44], [0.56, 1]]) {
        pen.moveTo(a * wide, wide / 2); pen.lineTo(b * wide, wide / 2);
        pen.moveTo(wide / 2, a * wide); pen.lineTo(wide / 2, b * wide);
      }
      pen.stroke();
    }
    loupe.hidden = false;
    // Above the finger; beside it where there is no room above.
    const top = Math.max(y - LOUPE - 36, 4);
    const left = top + LOUPE < y - 8 ? x - LOUPE / 2 : x > innerWidth / 2 ? x - LOUPE - 48 : x + 48;
    loupe.style.left = `${Math.min(Math.max(left, 4), innerWidth - LOUPE - 4)}px`;
    loupe.style.top = `${top}px`;
    if (!event) loupeTimer = setTimeout(hideLoupe, 4000);
  }
  function hideLoupe() {
    clearTimeout(loupeTimer);
    loupe.hidden = true;
  }

  // --- drawing on the still ---

  const svg = (name, attributes, text) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    if (text != null) part.textContent = text;
    drawn.append(part);
    return part;
  };
  const at = ([u, v]) => [u + 0.5, v + 0.5];
  const path = (points) => points.map((point) => at(point).join(",")).join(" ");

  function draw() {
    if (!size) return;
    const px = scale();
    drawn.setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
    drawn.replaceChildren();
    const label = (point, text, look = "") => svg("text", { x: point[0], y: point[1], class: `label ${look}`, "font-size": 15 * px }, text);
    draft.lanes.forEach((lane, i) => {
      svg("polygon", { points: path(lane.region), class: `lane lane-${i}` });
      const middle = [0, 1].map((k) => lane.region.reduce((sum, point) => sum + point[k], 0) / lane.region.length);
      if (mode === "lanes" || lane.region.length !== 4) label(middle, lane.name, "middle");
      else label([lane.region[3][0] + 10 * px, lane.region[3][1] - 6 * px], lane.name);
      if (mode === "lanes") lane.region.forEach((point, j) => mark(point, chosen?.kind === "corner" && chosen.i === i && chosen.j === j, "corner"));
    });
    if (told?.grid?.length) {
      svg("polyline", { points: path(told.grid.map((point) => point.pixel)), class: "edge" });
      svg("polyline", { points: path(told.grid.map((point) => point.pixel)), class: "ground" });
      const every = told.px_per_m / px < 25 ? 5 : 1;
      for (const { metres, pixel } of told.grid) {
        const full = Number.isInteger(metres), [x, y] = at(pixel), long = (full ? 9 : 4) * px;
        svg("line", { x1: x, x2: x, y1: y, y2: y + long, class: "edge" });
        svg("line", { x1: x, x2: x, y1: y, y2: y + long, class: "ground" });
        if (full && metres % every === 0) label([x, y + 24 * px], String(metres).replace("-", "−"), "middle");
      }
    }
    if (draft.horizon.length === 2) {
      const [a, b] = draft.horizon, slope = (b[1] - a[1]) / (b[0] - a[0]);
      const ends = [[-1, a[1] - slope * (a[0] + 1)], [size[0], a[1] + slope * (size[0] - a[0])]];
      svg("polyline", { points: path(ends), class: "edge" });
      svg("polyline", { points: path(ends), class: "level" });
    }
    draft.horizon.forEach((point, i) => mark(point, chosen?.kind === "horizon" && chosen.i === i));
    cones().forEach((cone, i) => {
      mark(cone.pixel, chosen?.kind === "cone" && chosen.i === i);
      const [x, y] = at(cone.pixel);
      if (mode !== "lanes") label([Math.min(Math.max(x, 22 * px), size[0] - 22 * px), y - 20 * px], Number.isFinite(cone.metres) ? metresOf(cone.metres) : "? m", "middle");
    });
    if (held?.pixel) mark(held.pixel, true);
    else if (cursor && !chosen) mark(cursor, true, "cursor");
  }

  function mark(point, strong, look = "") {
    const px = scale(), [x, y] = at(point), r = (strong ? 13 : 9) * px, gap = 3 * px;
    for (const layer of ["edge", `mark ${strong ? "strong" : ""}`]) {
      if (look === "corner") svg("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, class: layer });
      else {
        if (look !== "cursor") svg("circle", { cx: x, cy: y, r, class: layer });
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]])
          svg("line", { x1: x + dx * gap, y1: y + dy * gap, x2: x + dx * 1.6 * r, y2: y + dy * 1.6 * r, class: layer });
      }
    }
  }

  // --- the page around it ---

  function choose(it) {
    chosen = it;
    find("nudge").hidden = !it;
    if (it) {
      find("chosen").textContent = nameOf(it).replace(/^./, (first) => first.toUpperCase());
      find("foot").hidden = it.kind !== "cone";
    }
    for (const row of find("cones").children) row.querySelector(".pick").setAttribute("aria-pressed", String(it?.kind === "cone" && cones()[it.i]?.id === Number(row.dataset.id)));
    for (const button of find("lane-list").querySelectorAll("[data-corner]")) button.setAttribute("aria-pressed", String(it?.kind === "corner" && `${it.i} ${it.j}` === button.dataset.corner));
    draw();
  }

  function setMode(next) {
    mode = next;
    if (chosen && !handles().some((it) => it.kind === chosen.kind && it.i === chosen.i && it.j === chosen.j)) choose(null);
    render();
  }

  function task() {
    if (mode === "horizon") return draft.horizon.length === 1 ? _("Tap the horizon again, far to the other side") : _("Tap the horizon, far to one side");
    if (mode === "lanes") return _("Drag the corners of the lanes");
    const whose = layer < 0 ? "" : `, ${_("lane {name}", { name: draft.lanes[layer].name })}`, n = cones().length;
    if (n === 0 && layer < 0 && alongLanes()) return _("Along the lanes no cones are needed");
    if (n === 0) return _("Tap the foot of the cone at the start line{whose}", { whose });
    if (n === 1) return _("Tap the foot of the next cone{whose}", { whose });
    return n < 3 ? _("Tap a third cone: it shows a turned camera") : _("Check the metres, then save");
  }

  function render() {
    find("task").textContent = task();
    find("undo").disabled = !history.length;
    find("undo").textContent = history.length ? _("Undo: {name}", { name: history[history.length - 1].name }) : _("Undo");
    whose();
    rows();
    laneRows();
    feedback();
    summaries();
    draw();
  }

  function whose() {
    const choice = find("layer");
    find("whose").hidden = !draft.lanes.length;
    const names = [_("the running line"), ...draft.lanes.map((lane) => _("lane {name}", { name: lane.name }))];
    if ([...choice.options].map((option) => option.text).join("|") !== names.join("|")) {
      choice.replaceChildren(...names.map((name, i) => new Option(name, i - 1)));
    }
    choice.value = layer;
  }

  function rows() {
    const list = find("cones"), ours = cones();
    for (const row of [...list.children]) if (!byId(Number(row.dataset.id))) row.remove();
    ours.forEach((cone, i) => {
      let row = [...list.children].find((each) => Number(each.dataset.id) === cone.id);
      if (!row) {
        row = document.createElement("li");
        row.dataset.id = cone.id;
        row.innerHTML = '<button class="pick" aria-pressed="false"></button><button class="less">−</button>'
          + '<span class="metres"><input type="text" inputmode="decimal" autocomplete="off"> m</span>'
          + '<button class="more">+</button><button class="gone">✕</button><p class="fit"></p>';
        list.append(row);
      }
      if (list.children[i] !== row) list.insertBefore(row, list.children[i]);
      const part = (name) => row.querySelector(name), number = i + 1;
      part(".pick").textContent = i + 1;
      part(".pick").setAttribute("aria-label", _("Cone {number}: choose it, to move it", { number }));
      part(".less").setAttribute("aria-label", _("Cone {number}: half a metre less", { number }));
      part(".more").setAttribute("aria-label", _("Cone {number}: half a metre more", { number }));
      part(".gone").setAttribute("aria-label", _("Cone {number}: remove", { number }));
      const input = part("input");
      input.setAttribute("aria-label", _("Cone {number}: metres from the start line", { number }));
      if (document.activeElement !== input && Number.isFinite(cone.metres)) input.value = round(cone.metres, 3);
      input.setAttribute("aria-invalid", String(!Number.isFinite(cone.metres)));
      const off = cone.fit;
      part(".fit").textContent = !Number.isFinite(cone.metres) ? _("How many metres from the start line?")
        : off == null || Math.abs(off) < 0.01 ? "" : _("{cm} cm off the others", { cm: Math.round(Math.abs(off) * 100) });
      row.classList.toggle("off", off != null && Math.abs(off) > 0.05);
    });
  }

  const coneOf = (target) => { const id = Number(target.closest("li").dataset.id); return cones().findIndex((cone) => cone.id === id); };

  function remove(i) {
    const name = nameOf({ kind: "cone", i });
    choose(null);
    change(`${name} removed`, () => { cones().splice(i, 1); });
    say(_("Removed: {name}. Undo brings it back.", { name }));
  }

  find("cones").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const i = coneOf(button), cone = cones()[i];
    if (button.className === "gone") {
      remove(i);
      (find("cones").children[Math.min(i, cones().length - 1)]?.querySelector(".gone") || stage).focus();
    } else if (button.className === "pick") {
      const on = chosen?.kind === "cone" && chosen.i === i;
      mode = "cones";
      choose(on ? null : { kind: "cone", i });
      render();
      if (!on) { inSight(); look(cone.pixel); }
    } else {
      const by = button.className === "more" ? STEP : -STEP;
      change({ text: "metres", again: true }, () => { cones()[i].metres = round((Number.isFinite(cone.metres) ? cone.metres : 0) + by, 3); });
    }
  });
  find("cones").addEventListener("input", (event) => {
    const value = parsed(event.target.value), i = coneOf(event.target);
    change({ text: "metres", again: true }, () => { cones()[i].metres = value; });
  });
  find("cones").addEventListener("focusout", () => setTimeout(render));

  function parsed(text) {
    const plain = text.trim().replace(",", ".").replace("−", "-");
    return /^-?\d+(\.\d*)?$|^-?\.\d+$/.test(plain) ? Number(plain) : NaN;
  }

  const element = (name, text, look) => {
    const part = document.createElement(name);
    if (text != null) part.textContent = text;
    if (look) part.className = look;
    return part;
  };
  const cm = (metres) => metres < 0.0995 ? `${shown(metres * 100, 1)} cm` : `${Math.round(metres * 100)} cm`;

  function feedback() {
    const box = find("feedback"), n = cones().length, parts = [];
    if (n === 1) parts.push(element("p", _("One cone more, at least."), "quiet"));
    if (told?.problem) parts.push(element("p", told.problem, "notice bad"));
    else if (told && told.u_m == null) {
      parts.push(element("p", _("Reactions only: along the lanes no metres are seen"), "verdict"));
      for (const warning of told.warnings) parts.push(element("p", warning.replace(/^./, (first) => first.toUpperCase()) + ".", "warning"));
    } else if (told) {
      const way = told.direction > 0 ? _("to the right →") : _("to the left ←");
      parts.push(element("p", _("± {cm} between the cones", { cm: cm(told.u_m) }), "verdict"));
      parts.push(element("p", _("{scale} px/m. In view: {near} to {far}. Runs {way}", { scale: Math.round(told.px_per_m), near: metresOf(round(told.view_m[0], 1)), far: metresOf(round(told.view_m[1], 1)), way })));
      for (const warning of told.warnings) parts.push(element("p", warning.replace(/^./, (first) => first.toUpperCase()) + ".", "warning"));
      if (n === 3) parts.push(element("p", _("Three cones cannot show that a distance is wrong; a fourth does."), "quiet"));
    }
    if (n > 1) {
      const swap = element("button", _("They run the other way"));
      swap.addEventListener("click", turn);
      parts.push(swap);
    }
    const text = parts.map((part) => part.textContent).join("|");
    if (box.dataset.text !== text) { box.replaceChildren(...parts); box.dataset.text = text; }
    const fine = told && !told.problem && told.u_m != null && layer < 0;
    const saved = kept && !dirty;
    find("sum").textContent = saving ? _("Saving …") : saved ? _("Saved: in force from the next rep.") : !dirty ? "" : fine ? `± ${cm(told.u_m)} ${told.direction > 0 ? "→" : "←"} ${_("Not saved yet.")}` : _("Not saved yet.");
    find("save").hidden = saved;
    find("done").hidden = !saved;
    const ready = (draft.cones.length > 1 || (alongLanes() && !draft.cones.length)) && [draft.cones, ...draft.lanes.map((lane) => lane.cones)].flat().every((cone) => Number.isFinite(cone.metres));
    find("save").disabled = !ready || !dirty || saving || Boolean(told?.problem);
  }

  function turn() {
    change(_("direction"), () => {
      const places = cones().map((cone) => cone.metres), sum = Math.min(...places) + Math.max(...places);
      for (const cone of cones()) cone.metres = round(sum - cone.metres, 3);
    });
  }

  function summaries() {
    find("level-now").textContent = draft.horizon.length === 2 ? _("from the horizon") : draft.roll != null ? _("leans {roll}°, from the tags", { roll: shown(draft.roll, 1) }) : _("by the tripod's bubble");
    find("level-off").disabled = !draft.horizon.length && draft.roll == null;
    find("horizon").textContent = mode === "horizon" ? _("Tap it on the picture …") : _("Tap the horizon");
    const lens = told?.lens, title = (lens && [...find("lens").options].find((option) => option.value === lens.model)?.text) || lens?.model;
    const name = lens ? lens.preset ? title : _("{lens}, measured", { lens: title }) : told && !told.problem ? _("not known") : find("lens").selectedOptions[0]?.text || "";
    find("lens-now").textContent = draft.depth ? _("{lens}; {metres} nearer", { lens: name, metres: metresOf(draft.depth) }) : name;
    find("lanes-now").textContent = draft.lanes.length ? draft.lanes.map((lane) => lane.name).join(", ") : _("one, the running line");
    find("view").value = draft.view;
    find("view-help").textContent = draft.view === "along"
      ? _("The lower edge of each lane lies across it on the ground, from line to line.")
      : _("The lower edge of each lane lies on the ground, along its near line. Begin with the nearest lane.");
    find("lane-add").disabled = draft.lanes.length >= MOST_LANES;
  }

  // --- lanes ---

  const CORNERS = ["↖", "↗", "↘", "↙"], WHERE = [_("upper left"), _("upper right"), _("lower right"), _("lower left")];

  function laneRows() {
    const list = find("lane-list");
    while (list.children.length > draft.lanes.length) list.lastChild.remove();
    draft.lanes.forEach((lane, i) => {
      let row = list.children[i];
      if (!row) {
        row = document.createElement("li");
        row.innerHTML = `<span class="swatch lane-${i}" aria-hidden="true"></span><input type="text" maxlength="20" autocomplete="off">`
          + CORNERS.map((sign, j) => `<button data-corner="${i} ${j}" aria-pressed="false">${sign}</button>`).join("") + '<button class="gone">✕</button>';
        list.append(row);
      }
      const input = row.querySelector("input");
      input.setAttribute("aria-label", _("Name of lane {number}", { number: i + 1 }));
      if (document.activeElement !== input) input.value = lane.name;
      row.querySelectorAll("[data-corner]").forEach((button, j) => {
        button.setAttribute("aria-label", _("Lane {name}: choose its corner {where}", { name: lane.name, where: WHERE[j] }));
        button.hidden = j >= lane.region.length;
      });
      row.querySelector(".gone").setAttribute("aria-label", _("Lane {name}: remove", { name: lane.name }));
    });
  }

  find("lane-add").addEventListener("click", () => {
    const i = draft.lanes.length, [wide, high] = size;
    const taken = new Set(draft.lanes.map((lane) => lane.name));
    const name = String([1, 2, 3, 4, 5].find((number) => !taken.has(String(number))));
    // Somewhere to begin with: the corners are there to be dragged.
    let region;
    if (draft.view === "along") {
      const [left, right] = [0.1 + 0.2 * i, 0.28 + 0.2 * i];
      region = [[left, 0.3], [right, 0.3], [right, 0.9], [left, 0.9]].map(([x, y]) => [x * wide, y * high]);
    } else {
      const line = draft.cones.length ? Math.max(...draft.cones.map((cone) => cone.pixel[1])) : 0.8 * high;
      const low = Math.min(line + 0.05 * high, 0.97 * high) - 0.06 * high * i;
      const tall = told?.px_per_m ? 2 * told.px_per_m : 0.4 * high;  // a head's height and some more
      region = [[0.05 * wide, low - tall], [0.95 * wide, low - tall], [0.97 * wide, low], [0.03 * wide, low]];
    }
    region = region.map((point) => inside(point.map(Math.round)));
    change(_("lane {name}", { name }), () => { draft.lanes.push({ name, region, cones: [] }); });
    setMode("lanes");
    say(_("Lane {name} is drawn on the picture. Drag its corners.", { name }));
    inSight();
  });
  find("lane-list").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const i = [...find("lane-list").children].indexOf(button.closest("li"));
    if (button.className === "gone") {
      choose(null);
      layer = -1;
      change(_("lane {name} removed", { name: draft.lanes[i].name }), () => { draft.lanes.splice(i, 1); });
      find("lane-add").focus();
    } else {
      const j = Number(button.dataset.corner.split(" ")[1]);
      mode = "lanes";
      choose({ kind: "corner", i, j });
      render();
      inSight();
      look(draft.lanes[i].region[j]);
    }
  });
  find("lane-list").addEventListener("input", (event) => {
    const i = [...find("lane-list").children].indexOf(event.target.closest("li")), name = event.target.value.trim();
    if (name) change({ text: _("lane's name"), again: true }, () => { draft.lanes[i].name = name; });
  });
  find("lane-list").addEventListener("focusout", () => setTimeout(render));
  find("lanes").addEventListener("toggle", () => setMode(find("lanes").open ? "lanes" : "cones"));
  find("layer").addEventListener("change", () => { layer = Number(find("layer").value); choose(null); setMode("cones"); tryIt(); });

  // --- level, lens, depth ---

  find("horizon").addEventListener("click", () => {
    choose(null);
    change("horizon", () => { draft.horizon = []; });
    setMode("horizon");
    inSight();
  });
  find("level-off").addEventListener("click", () => {
    change("level", () => { draft.horizon = []; draft.roll = draft.pitch = null; });
    setMode("cones");
  });
  find("view").addEventListener("change", () => change(_("view"), () => { draft.view = find("view").value; }));
  find("lens").addEventListener("change", () => change(_("lens"), () => { draft.lens = find("lens").value; }));
  find("depth").addEventListener("input", () => {
    const value = parsed(find("depth").value || "0");
    find("depth").setAttribute("aria-invalid", String(!Number.isFinite(value)));
    if (Number.isFinite(value)) change({ text: _("depth"), again: true }, () => { draft.depth = value; });
  });

  find("feet").addEventListener("click", () => busy(find("feet"), _("Looking …"), async () => {
    const { depth_m, u_m, feet } = (await ask("feet", { data: about(draft.cones) })).answer;
    change(_("depth"), () => { draft.depth = depth_m; });
    find("depth").value = draft.depth;
    const values = { feet, metres: metresOf(Math.abs(depth_m)), u: metresOf(u_m) };
    say(depth_m < 0 ? _("{feet} feet stood {metres} behind the cones' line, ± {u}.", values) : _("{feet} feet stood {metres} nearer than the cones' line, ± {u}.", values));
  }));

  let onBoard = false;
  find("board-begin").addEventListener("click", async () => {
    if (onBoard) { onBoard = false; return; }
    const button = find("board-begin"), bar = find("board"), tell = (text) => { find("board-told").textContent = text; };
    onBoard = true;
    button.textContent = _("Stop");
    bar.hidden = false;
    bar.value = 0;
    tell(_("Show the board to the camera."));
    try {
      let state = (await ask("lens", { action: "begin" })).answer;
      while (onBoard && !state.enough) {
        state = (await ask("lens", { action: "take" })).answer;
        bar.value = Math.min(state.views, 10);
        tell([_("{views} views, {share} % of the picture.", { views: state.views, share: Math.round(state.coverage * 100) }), state.why, state.advice].filter(Boolean).join(" – "));
        await pause(400);
      }
      if (onBoard) {
        const done = (await ask("lens", { action: "finish" }, 60000)).answer;
        tell(_("The lens is measured, to {px} px, and kept for this camera and mode.", { px: shown(done.rms_px, 2) }));
        find("lens").value = "auto";
        change(_("lens"), () => { draft.lens = "auto"; });
      } else tell(_("Stopped. Nothing is kept."));
    } catch (problem) { tell(problem.message); }
    onBoard = false;
    button.textContent = _("Begin");
    bar.hidden = true;
  });

  // --- the buttons ---

  async function show(job) {
    still.src = job.picture;
    await still.decode();
    size = [still.naturalWidth, still.naturalHeight];
    // Leaves some of the page beside or below it to scroll by: the picture takes every touch.
    stage.style.maxWidth = `${Math.round(0.7 * Math.max(innerHeight, 300) * size[0] / size[1])}px`;
    find("desk").hidden = false;
    find("main").classList.add("has-still");
    find("take").textContent = _("New still");
    find("sight").append(find("told"));  // where it is seen together with the picture
    find("drawn").setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
  }

  // What is in force, as a draft to go on from.
  function begin(data) {
    const own = (cone) => ({ id: ++count, pixel: cone.pixel, metres: cone.metres, u_px: cone.u_px ?? null, tag: cone.tag, byHand: false, fit: null });
    const lens = data.lens, preset = lens?.preset && [...find("lens").options].some((option) => option.value === lens.model);
    draft = {
      cones: (data.cones || []).map(own), horizon: data.horizon || [],
      roll: data.roll_deg ?? null, pitch: data.pitch_deg ?? null, depth: data.depth_m || 0,
      lens: !("lens" in data) ? "auto" : !lens ? "none" : preset ? lens.model : "kept", kept: lens || null,
      lanes: (data.lanes || []).map((lane) => ({ ...lane, cones: (lane.cones || []).map(own) })),
      view: data.view || "beside",
    };
    const option = find("lens").querySelector("[value=kept]");
    option.hidden = option.disabled = draft.lens !== "kept";
    find("lens").value = draft.lens;
    find("depth").value = draft.depth;
    layer = -1;
  }

  find("take").addEventListener("click", () => busy(find("take"), _("THE CAMERA LOOKS …"), async () => {
    say("");
    const job = await ask("still"), first = !size;
    await show(job);
    const now = find("now"), data = JSON.parse(now.dataset.calibration);
    if (first && data && now.dataset.mode === job.answer.mode) await goOn(data);
    else say(first ? "" : _("A new still. The cones are where they were tapped."));
    render();
    tryIt();
    if (first) scrollTo(0, find("desk").getBoundingClientRect().top + scrollY);
  }));

  async function goOn(data) {
    const seen = (await ask("check")).answer;
    if (seen.ok) {
      begin(data);
      return say(_("The camera stands as it was calibrated. Change what you like, then save."));
    }
    if (!seen.proposal) return say(_("The camera sees another scene than when it was calibrated. Tap the cones anew."));
    const { told: dropped, ...moved } = seen.proposal;
    begin(moved);
    source = "moved";
    dirty = true;
    say(_("The camera has moved by {px} px; the cones are followed to where they are now. Save to keep that.", { px: shown(seen.shift_px, 1) }));
  }

  find("tags").addEventListener("click", () => busy(find("tags"), _("Looking …"), async () => {
    const spacing = parsed(find("spacing").value);
    if (!(spacing >= 0.05 && spacing <= 20)) throw new Error(_("Tags stand every 0.05 to 20 m: look under Level."));
    const job = await ask("tags", { spacing, data: about([]) }), found = job.answer;
    await show(job);
    change(_("tags"), () => {
      layer = -1;
      draft.cones = found.cones.map((cone) => ({ id: ++count, ...cone, byHand: true, fit: null }));
      draft.roll = found.roll_deg;
      draft.pitch = found.pitch_deg;
      if (found.roll_deg != null) draft.horizon = [];
      source = "tags";
    });
    say(found.roll_deg == null ? _("{count} tags found.", { count: found.cones.length }) : _("{count} tags found, and the camera's level.", { count: found.cones.length }));
  }));

  find("undo").addEventListener("click", undo);
  find("letgo").addEventListener("click", () => { choose(null); hideLoupe(); });
  find("foot").addEventListener("click", () => { if (chosen?.kind === "cone") refine(cones()[chosen.i].id); });
  for (const button of document.querySelectorAll("[data-move]")) {
    button.addEventListener("click", () => {
      const [du, dv] = button.dataset.move.split(" ").map(Number);
      if (chosen) nudge(du / 2, dv / 2);
    });
  }

  find("save").addEventListener("click", async () => {
    const lonely = draft.lanes.find((lane) => lane.cones.length === 1);
    if (lonely) return say(_("Lane {name} has one cone: it needs a second, or none.", { name: lonely.name }), true);
    saving = true;
    say("");
    feedback();
    try {
      await Promise.all(refining);
      const sent = whole();
      await ask("keep", { data: sent, source });
      dirty = JSON.stringify(sent) !== JSON.stringify(whole());
      kept = true;
      say("");
      await refreshNow();
    } catch (problem) { say(problem.message, true); }
    saving = false;
    render();
  });

  async function refreshNow() {
    const answer = await fetch(location.pathname);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("now");
    if (fresh) find("now").replaceWith(document.adoptNode(fresh));
  }

  new ResizeObserver(draw).observe(stage);
})();
