// Reactions start after start, each with its uncertainty. Without this file the tables say the same.
(() => {
  "use strict";
  const MARKS = ["circle", "square", "diamond", "cross"];  // a kind is told by its mark, too

  async function trend(box) {
    const answer = await fetch(box.dataset.trend);
    if (!answer.ok || !window.uPlot) return;
    const starts = await answer.json();
    if (starts.length < 2) return;
    const kinds = [...new Set(starts.map((start) => start.kind))];
    const style = getComputedStyle(box), ink = style.getPropertyValue("--ink"), line = style.getPropertyValue("--line");
    const font = "15px system-ui, sans-serif";
    const axis = { stroke: ink, font, labelFont: font, grid: { stroke: line, width: 0.5 } };
    const size = () => ({ width: box.clientWidth, height: 260 });
    const draws = (chart, series) => {
      const { ctx } = chart, r = 5 * devicePixelRatio, mark = MARKS[(series - 1) % MARKS.length];
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = ink;
      ctx.lineWidth = 2 * devicePixelRatio;
      starts.forEach((start, i) => {
        if (start.kind !== kinds[series - 1]) return;
        const x = chart.valToPos(i + 1, "x", true), y = chart.valToPos(start.value, "y", true);
        const up = chart.valToPos(start.value + start.u, "y", true), down = chart.valToPos(start.value - start.u, "y", true);
        ctx.beginPath();
        ctx.moveTo(x, up); ctx.lineTo(x, down);
        if (mark === "cross") { ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r); ctx.moveTo(x + r, y - r); ctx.lineTo(x - r, y + r); }
        ctx.stroke();
        ctx.beginPath();
        if (mark === "circle") ctx.arc(x, y, r, 0, 7);
        if (mark === "square") ctx.rect(x - r, y - r, 2 * r, 2 * r);
        if (mark === "diamond") { ctx.moveTo(x, y - 1.4 * r); ctx.lineTo(x + 1.4 * r, y); ctx.lineTo(x, y + 1.4 * r); ctx.lineTo(x - 1.4 * r, y); ctx.closePath(); }
        if (series > MARKS.length) ctx.stroke(); else ctx.fill();
      });
      ctx.restore();
      return null;
    };
    box.hidden = false;
    const plot = new uPlot({
      ...size(),
      scales: { x: { time: false, range: [0, starts.length + 1] } },
      cursor: { drag: { x: false, y: false } },
      legend: { live: false },
      axes: [{ ...axis, label: _("Start"), labelSize: 22, incrs: [1, 2, 5, 10, 20, 50, 100], values: (_chart, ticks) => ticks.map((tick) => tick >= 1 && tick <= starts.length ? tick : "") }, { ...axis, label: _("Reaction, s"), size: 66, labelSize: 20, values: (_chart, ticks) => ticks.map((tick) => decimal(Number(tick.toFixed(3)))) }],
      series: [
        { label: _("Start") },
        ...kinds.map((kind, k) => ({
          label: `${["●", "■", "◆", "✕"][k % MARKS.length]} ${kind}`, stroke: ink, paths: () => null,
          points: { show: (chart, series) => { draws(chart, series); return false; } },
          value: (_chart, value) => value == null ? "–" : `${decimal(value.toFixed(3))} s`,
        })),
      ],
    }, [starts.map((_start, i) => i + 1), ...kinds.map((kind) => starts.map((start) => start.kind === kind ? start.value : null))], box);
    new ResizeObserver(() => { if (box.isConnected) plot.setSize(size()); }).observe(box.parentElement);
  }

  const begin = () => document.querySelectorAll(".chart[data-trend]").forEach((box) => trend(box).catch(() => {}));
  document.addEventListener("fresh", begin);
  begin();
})();
