/** Makes the buttons of a row one tab stop: arrow keys, Home and End move between them. */

/** @param {HTMLElement} row @returns {{rove: () => void}} `rove`: call it when the row has other buttons */
export function startRoving(row) {
  const buttons = () => [...row.querySelectorAll("button")];
  const rove = (to = buttons()[0]) => {
    for (const one of buttons()) one.tabIndex = one === to ? 0 : -1;
  };
  row.addEventListener("focusin", (event) => rove(event.target.closest("button") ?? undefined));
  row.addEventListener("keydown", (event) => {
    const all = buttons();
    const here = all.indexOf(document.activeElement);
    const there = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (here < 0 || there === undefined) return;
    event.preventDefault();
    all.at(there % all.length).focus();
  });
  rove();
  return { rove };
}
