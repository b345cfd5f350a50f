// A page that follows an operation: it is loaded again as soon as there is something else to show.
// Not before, so that nobody who reads it, or has it read out, is thrown back to its beginning.
const shown = document.querySelector("main").dataset;
const pause = Number(shown.refresh) * 1000;
const patience = 20_000;

setTimeout(look, pause);

async function look() {
  const { step, outcome } = await present();
  if (step && (step !== shown.step || outcome !== shown.outcome)) return location.reload();
  setTimeout(look, pause);
}

/** What the page would say now; nothing if that cannot be found out at the moment. */
async function present() {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(patience) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector("main").dataset;
  } catch {
    return {};
  }
}
