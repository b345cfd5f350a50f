// A page that follows an operation: loads again until there is something else to show.
const seconds = Number(document.querySelector("main").dataset.refresh);
setTimeout(() => location.reload(), seconds * 1000);
