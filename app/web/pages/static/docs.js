// The API reference, rendered from this gateway's OpenAPI document.

// As dark as the handset page was made, else as the browser is.
const dark = matchMedia("(prefers-color-scheme: dark)");

function chosenTheme() {
  try {
    return localStorage.getItem("smsgw.handset.theme");
  } catch {
    return null; // a browser that keeps nothing
  }
}

function paint() {
  const theme = chosenTheme();
  const isDark = theme === "dark" || (theme !== "light" && dark.matches);
  document.documentElement.classList.toggle("dark-mode", isDark);
}

paint();
dark.addEventListener("change", paint);

// Swagger UI would look at the names of groups only.
function withPhrase(groups, phrase) {
  const wanted = phrase.toLowerCase();
  const has = (text) => String(text ?? "").toLowerCase().includes(wanted);
  const fits = (call) =>
    [call.get("path"), call.get("method"), call.getIn(["operation", "summary"]), call.getIn(["operation", "operationId"])].some(has);
  return groups
    .map((group, name) => (has(name) ? group : group.update("operations", (calls) => calls.filter(fits))))
    .filter((group) => group.get("operations").size > 0);
}

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  tryItOutEnabled: true,
  displayOperationId: true,
  filter: true,
  persistAuthorization: true,
  plugins: [() => ({ fn: { opsFilter: withPhrase } })],
  onComplete: () => {
    const field = document.querySelector(".operation-filter-input");
    field.placeholder = "Filter the calls by path, name or group";
    field.setAttribute("aria-label", field.placeholder);
  },
});
