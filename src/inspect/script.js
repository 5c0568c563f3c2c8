// Live rows: what the server sends is a row as it stands in the page.
"use strict";
const live = document.getElementById("live");
const rows = document.getElementById("rows");
if (live.dataset.events && window.EventSource) {
  const state = document.getElementById("state");
  const pause = document.getElementById("pause");
  const most = Number(live.dataset.most);
  let url = live.dataset.events, source = null, last = null, added = 0;
  // Not at each row: a screen reader reads it aloud.
  let next = "", due = null;
  const say = (text) => {
    next = text;
    due = due || setTimeout(() => { due = null; state.textContent = next; }, 500);
  };
  const open = () => {
    source = new EventSource(last === null ? url : url.replace(/after=[0-9]+/, "after=" + last));
    source.onopen = () => say("Live: " + added + " since the page was opened.");
    source.onerror = () => say("Not connected; trying again. " + added + " since the page was opened.");
    source.onmessage = (event) => {
      last = event.lastEventId;
      const page = new DOMParser().parseFromString("<table>" + event.data + "</table>", "text/html");
      const row = page.querySelector("tr");
      if (!row) return;
      const empty = document.getElementById("empty");
      if (empty) empty.remove();
      rows.prepend(document.adoptNode(row));
      while (rows.rows.length > most) rows.lastElementChild.remove();
      added += 1;
      say("Live: " + added + " since the page was opened.");
    };
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    if (source) {
      source.close();
      source = null;
      pause.textContent = "Go on";
      say("Paused. " + added + " since the page was opened.");
    } else {
      pause.textContent = "Pause";
      open();
    }
  });
  open();
}
