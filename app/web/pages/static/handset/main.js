/** The handset page: phones that write to the gateway, side by side, and the gateway's controls. */

import { startAppearance } from "./appearance.js";
import { takeClock } from "./clock.js";
import { startInspector } from "./inspector.js";
import { takeNetwork } from "./network.js";
import { openSheet, readControls, showNetworkControls, startPanel } from "./panel.js";
import { forEachHandset, frontHandset, startShelf } from "./shelf.js";
import { startTranscript } from "./transcript.js";

const CHECK_EVERY = 10_000;

startAppearance();
startShelf({
  beat: (beat) => {
    takeClock(beat);
    if (takeNetwork(beat)) readControls();
  },
});
startInspector();
startTranscript();
startPanel({
  moved: () => forEachHandset((handset) => handset.refresh()),
  emptied: () => forEachHandset((handset) => handset.restart()),
  ticked: () => forEachHandset((handset) => handset.tick()),
});
setInterval(() => {
  if (document.hidden) return;
  forEachHandset((handset) => {
    handset.check();
    handset.refresh();
  });
}, CHECK_EVERY);

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-close]")) target.closest("dialog").close();
  if (target.closest(".fault")) showNetworkControls();
  const guide = target.closest("[data-send]");
  if (!guide) return;
  openSheet(false);
  frontHandset().say(guide.dataset.send);
});
document.getElementById("skip-text").addEventListener("click", (event) => {
  event.preventDefault();
  frontHandset().focus();
});
