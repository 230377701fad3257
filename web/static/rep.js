// The replay with pause and scrub, and the speed curve. Both are there without this file too: the
// replay plays by itself, the curve is the table below it.
(() => {
  "use strict";

  async function replay(figure) {
    const answer = await fetch(figure.dataset.src);
    if (!answer.ok) return;
    // Without its style: that plays it by itself, and here the slider does.
    const text = (await answer.text()).replace(/<style>[^]*?<\/style>/, "");
    const drawing = new DOMParser().parseFromString(text, "image/svg+xml");
    const svg = document.importNode(drawing.documentElement, true);
    const pictures = [...svg.querySelectorAll("g[data-t]")];
    if (pictures.length < 2) return;
    const times = pictures.map((picture) => Number(picture.dataset.t));
    const first = times[0], span = times[times.length - 1] - first, slower = Number(svg.dataset.slower);
    const title = svg.querySelector("title").textContent;
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", title);

    const row = document.createElement("div");
    row.className = "scrub";
    const button = document.createElement("button");
    const slider = document.createElement("input");
    button.type = "button";
    Object.assign(slider, { type: "range", min: 0, max: pictures.length - 1, step: 1, value: 0 });
    slider.setAttribute("aria-label", _("Moment in the replay"));
    row.append(button, slider);

    let index = 0, playing = false, began = 0;
    function show(at) {
      index = at;
      pictures.forEach((picture, i) => picture.setAttribute("visibility", i === at ? "visible" : "hidden"));
      slider.value = at;
      slider.setAttribute("aria-valuetext", `${decimal(times[at].toFixed(3))} s`);
    }
    function play(on) {
      playing = on;
      button.textContent = on ? _("Pause") : _("Play");
      if (!on) return;
      began = performance.now() - (index === pictures.length - 1 ? 0 : (times[index] - first) * slower * 1000);
      requestAnimationFrame(step);
    }
    function step(now) {
      if (!playing || !svg.isConnected) return;
      let time = (now - began) / 1000 / slower;
      if (time > span + 0.3) { began = now; time = 0; }
      let at = times.findLastIndex ? times.findLastIndex((t) => t - first <= time) : times.filter((t) => t - first <= time).length - 1;
      if (at !== index) show(Math.max(at, 0));
      requestAnimationFrame(step);
    }
    button.addEventListener("click", () => play(!playing));
    slider.addEventListener("input", () => { play(false); show(Number(slider.value)); });
    figure.querySelector("picture").replaceWith(svg, row);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const red = pictures.findIndex((picture) => picture.dataset.first !== undefined);
    show(still ? Math.max(red, 0) : 0);
    play(!still);
  }

  async function curve(box) {
    const answer = await fetch(box.dataset.src);
    if (!answer.ok || !window.uPlot) return;
    const { result } = await answer.json();
    const track = result.track;
    const metres = track.x_m.map((x) => x ?? null);
    box.hidden = false;
    const size = () => ({ width: box.clientWidth, height: 240 });
    const font = "15px system-ui, sans-serif";
    const ink = getComputedStyle(box).getPropertyValue("--ink"), line = getComputedStyle(box).getPropertyValue("--line");
    const axis = { stroke: ink, font, labelFont: font, grid: { stroke: line, width: 0.5 } };
    const pick = (digits, unit) => (_chart, value) => value == null ? "–" : `${decimal(value.toFixed(digits))} ${unit}`;
    const marks = [[0, "#3a7bff"], [result.reaction_s?.value, "#e03020"]];
    const plot = new uPlot({
      ...size(),
      scales: { x: { time: false } },
      cursor: { drag: { x: false, y: false }, points: { size: 10 } },
      axes: [{ ...axis, label: _("s after GO"), labelSize: 22 }, { ...axis, label: "m/s", size: 44, labelSize: 22 }],
      series: [
        { label: _("time"), value: pick(2, "s") },
        { label: _("speed"), stroke: ink, width: 3, value: pick(2, "m/s") },
        { label: _("at"), show: true, scale: "off", stroke: "transparent", points: { show: false }, value: pick(2, "m") },
      ],
      hooks: { draw: [(chart) => {
        for (const [time, colour] of marks) {
          if (time == null || time < chart.scales.x.min || time > chart.scales.x.max) continue;
          const x = Math.round(chart.valToPos(time, "x", true));
          chart.ctx.fillStyle = colour;
          chart.ctx.fillRect(x - 1.5 * devicePixelRatio, chart.bbox.top, 3 * devicePixelRatio, chart.bbox.height);
        }
      }] },
    }, [track.time_s, track.speed_m_s, metres], box);
    new ResizeObserver(() => { if (box.isConnected) plot.setSize(size()); }).observe(box.parentElement);
  }

  function begin() {
    document.querySelectorAll(".replay[data-src]").forEach((figure) => replay(figure).catch(() => {}));
    document.querySelectorAll(".chart[data-src]").forEach((box) => curve(box).catch(() => {}));
  }
  document.addEventListener("fresh", begin);
  begin();
})();
