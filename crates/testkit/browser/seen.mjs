// What can be seen of a page, as plain values. This function runs inside the page.

/** What a page says, and what of a password stands on it. */
export function seen() {
  const main = document.querySelector("main");
  const fields = [...document.querySelectorAll("input")];
  const visible = (element) => element.checkVisibility({ visibilityProperty: true });
  const { step, outcome, number, changed, supportCode } = main?.dataset ?? {};
  const secret = (field) => field.type === "password" || ["new", "again"].includes(field.id);
  return {
    url: location.href,
    title: document.title,
    language: document.documentElement.lang,
    step, outcome, number, changed,
    support_code: supportCode,
    heading: document.querySelector("h1")?.innerText ?? "",
    text: main?.innerText ?? "",
    markup: document.body.innerHTML,
    messages: [...document.querySelectorAll(".message")].filter(visible).map((one) => one.innerText),
    fields: fields.filter(visible).map((field) => field.id),
    secrets: fields.filter(secret).map(({ id, name, value }) => ({ id, name, value })),
    focus: document.activeElement?.id ?? "",
    wider_than_screen: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  };
}
