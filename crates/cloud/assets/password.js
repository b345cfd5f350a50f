// The password page: shows which rules are met, seals on submit, and goes where the answer says.
import { unmet } from "./rules.js";
import { passwordProblem, sealForAll } from "./seal.js";

const form = document.getElementById("sealing");
const [first, again, show] = ["new", "again", "show"].map((id) => document.getElementById(id));
const problem = document.getElementById("problem");
const working = document.getElementById("working");
const button = form.querySelector("button");
// None where they are not known; the page then says so.
const rules = JSON.parse(form.dataset.rules ?? "{}");

document.getElementById("needs-script").hidden = true;
form.hidden = false;
first.focus();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
first.addEventListener("input", showRules);
show.addEventListener("change", () => {
  for (const field of [first, again]) field.type = show.checked ? "text" : "password";
});
window.addEventListener("pageshow", (event) => {
  // Back from the result page: a password must not stand there again.
  forget();
  // A page that was kept does not know what has happened since; the service does.
  if (event.persisted) location.reload();
});
showRules();

async function submit() {
  const wrong = mistake();
  if (wrong) return say(wrong);
  say(null);
  busy(true);
  let posted = false;
  try {
    const ticket = await post("ticket", { flow: form.dataset.flow });
    if (!ticket.agents) return refused(ticket);
    const body = await sealForAll(ticket, first.value);
    posted = true;
    const result = await post("sealed", { ...body, flow: form.dataset.flow });
    const others = result.state === "ended" && result.request_id !== ticket.request_id;
    return others || result.state === "refused" ? refused(result) : go(result);
  } catch {
    // Once it was posted only the result page knows what happened.
    if (posted) return go({ location: `${form.dataset.base}/result` });
    busy(false);
    say(form.dataset.failed);
  }
}

function go(answer) {
  forget();
  location.assign(answer.location);
}

function mistake() {
  const cause = passwordProblem(first.value);
  if (cause) return form.dataset[cause];
  return first.value === again.value ? null : form.dataset.differ;
}

async function post(path, body) {
  const response = await fetch(`${form.dataset.base}/${path}`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

/** Nothing was submitted: what was typed stays, the page says why. */
function refused(answer) {
  // There is nothing to do here any more; the page that says so leads to a new visit.
  if (answer.outcome === "flow_expired") return go(answer);
  // An older tab, when the visit has ended: what is typed here is another password.
  const ended = answer.state === "ended";
  const here = ended && answer.changed === "yes";
  if (ended) forget();
  busy(false);
  const main = document.querySelector("main");
  main.dataset.outcome = answer.outcome;
  main.dataset.number = answer.number;
  main.dataset.changed = answer.changed;
  say(here ? form.dataset.ended : answer.message);
}

function say(text) {
  problem.hidden = !text;
  problem.textContent = text ?? "";
}

function busy(on) {
  button.disabled = on;
  working.hidden = !on;
}

function forget() {
  first.value = "";
  again.value = "";
  busy(false);
  showRules();
}

/** The rules that can be seen without the directory; it has the last word on all of them. */
function showRules() {
  const broken = unmet(rules, first.value);
  const met = {
    length: !broken.includes("tooShort"),
    complexity: !broken.includes("tooFewKinds") && !broken.includes("containsName"),
  };
  for (const item of document.querySelectorAll("[data-rule]")) {
    const good = met[item.dataset.rule];
    const state = good ? form.dataset.met : form.dataset.notMet;
    item.classList.toggle("met", good);
    item.querySelector(".state").textContent = first.value === "" ? "" : `(${state})`;
  }
}
