// An echo of GO on this phone, for the demonstration: late by nature, and never timed.
(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const echo = find("echo");
  if (!window.AudioContext) return;
  let audio = null;
  const kept = localStorage.getItem("echo");
  echo.checked = kept ? kept === "yes" : !find("simulated").hidden;
  find("sound").hidden = false;

  function unlock() {  // browsers let a page sound only after a tap
    if (!echo.checked) return;
    audio ??= new AudioContext();
    audio.resume();
  }

  function sound() {
    if (!echo.checked || !audio) return;
    const tone = audio.createOscillator(), volume = audio.createGain(), now = audio.currentTime;
    tone.frequency.value = 1000;
    volume.gain.setValueAtTime(0.8, now);
    volume.gain.setTargetAtTime(0, now + 0.35, 0.03);
    tone.connect(volume).connect(audio.destination);
    tone.start(now);
    tone.stop(now + 0.6);
  }

  echo.addEventListener("change", () => { localStorage.setItem("echo", echo.checked ? "yes" : "no"); unlock(); });
  document.addEventListener("submit", unlock);
  document.addEventListener("step", (event) => { if (event.detail === "running") sound(); });
})();
